//! What must hold, looked at from outside the engine: the cloud's objects, the committed store, the log
//! of requests, and an independent walk of the tree. Knows nothing of why a change was made.

mod events;
mod queue;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use syncd::model::job::{FolderId, JobState, Stage};
use syncd::model::path::RelPath;
use syncd::port::transport::{Reply, Request, TransportFault};
use syncd::store::Selection;

use crate::swarm::{SECRET_WORD, TOKEN_WORD};
use crate::transport::Asked;
use crate::world::World;

/// The only folder.
const FOLDER: FolderId = FolderId(1);
/// Faults a file may have.
pub const ATTEMPTS_MAX: u32 = 8;
/// More rows than any history has.
const ALL: usize = 1_000;
/// The whole of the records is compared with the cloud at every so many looks.
const TRUTH_EVERY: u64 = 20;
/// A paused account is not asked again sooner.
const PAUSE_MIN_MS: u64 = 600_000;
/// So many attempts in a row that reach nobody close an account: three, and those under way then.
const UNREACHED_MAX: u32 = 8;
/// A token is fetched again when less than this is left of it, or a twentieth.
const EARLY_MS: u64 = 300_000;

/// Codes a file may be given up for: they say something about the file.
const OWN_FAULTS: &[&str] = &[
    "40097",
    "-501023",
    "checksum",
    "BadDigest",
    "link-expired",
    "cannot-fit",
    "unreadable",
    "io",
];

/// What the checkers remember.
#[derive(Default)]
pub struct Checks {
    exchanges: BTreeMap<u64, Asked>,
    number: u64,
    asked_at: BTreeMap<String, u64>,
    token: TokenWatch,
    gate: Option<Closed>,
    running: BTreeMap<RelPath, i64>,
    first_release: BTreeMap<RelPath, i64>,
    looks: u64,
    /// When an answer said that the account lacks a right, unless something worked since.
    refused_at: Option<u64>,
    gate_told_at: u64,
    /// Attempts in a row that were told to have failed because nobody could be reached.
    unreached: u32,
    /// Keys whose last upload was answered with a wrong checksum.
    mistrusted: BTreeSet<String>,
    /// The last answer to an upload.
    put_answered: Option<u64>,
    /// Requests so far.
    pub requests: u64,
}

/// Whether another token may be asked for.
#[derive(Default)]
struct TokenWatch {
    /// When the token in use arrived, and how long it was good for then.
    have: Option<(u64, u64)>,
    refused: bool,
    failed: bool,
    /// A person or a closing had everything tried afresh, at this moment or soon after.
    reset_at: Option<u64>,
}

/// What happened is written down and told after so long.
const COMMIT_MS: u64 = 250;
/// An order has been carried out after so long.
const ORDER_MS: u64 = 2_000;

/// The account as it was told to be closed.
struct Closed {
    paused: bool,
    since_ms: u64,
    /// What was under way when it closed.
    grace: BTreeSet<String>,
    /// A probe was answered: it may be open by now.
    maybe_open: bool,
    /// A start or a person may have asked for a probe at once.
    hurried: bool,
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn stage(key: &str) -> Stage {
    let name = key.rsplit('/').next().unwrap_or(key);
    match name {
        "index.html" => Stage::Last,
        _ if extension(key) == "html" => Stage::Page,
        _ => Stage::Asset,
    }
}

fn content_type(key: &str) -> &'static str {
    match extension(key) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

/// A process begins or a person lifts a pause: what was known of its token and gate does not bind it.
impl World {
    pub fn checks_new_life(&self) {
        let mut state = self.state();
        let checks = &mut state.checks;
        checks.exchanges.clear();
        checks.asked_at.clear();
        checks.put_answered = None;
        checks.refused_at = None;
        checks.unreached = 0;
        checks.token = TokenWatch::default();
        checks.gate = None;
    }

    pub fn checks_person(&self) {
        let mut state = self.state();
        state.checks.token.reset_at = Some(state.now_ms());
        state.checks.refused_at = None;
        if let Some(gate) = &mut state.checks.gate {
            gate.hurried = true;
        }
    }

    /// Uploads under way.
    pub fn uploads(&self) -> usize {
        let state = self.state();
        let is_put = |asked: &&Asked| matches!(asked, Asked::Put { .. });
        state.checks.exchanges.values().filter(is_put).count()
    }

    /// Whether a file was given up.
    pub fn has_dead(&self) -> bool {
        !self.reader().queue(&Selection::Dead, 1).unwrap().is_empty()
    }

    /// Jobs that are leased.
    pub fn leased(&self) -> usize {
        let queue = self.reader().queue(&Selection::All, ALL).unwrap();
        queue
            .iter()
            .filter(|job| job.state == JobState::Running)
            .count()
    }
}

/// At the beginning and end of exchanges.
impl World {
    pub fn exchange_begins(&self, asked: &Asked, request: &Request) -> u64 {
        let mut wrong = Vec::new();
        let url = request.url.expose();
        let mut state = self.state();
        let now = state.now_ms();
        let link = match asked {
            Asked::Put { signature, .. } => state.cloud.links.get(signature).cloned(),
            _ => None,
        };
        let checks = &mut state.checks;
        checks.requests += 1;
        let others = |wanted: fn(&Asked) -> bool| checks.exchanges.values().any(wanted);
        match asked {
            Asked::Token => {
                if others(|asked| matches!(asked, Asked::Token)) {
                    wrong.push("two tokens are fetched at once".to_owned());
                }
                // A probe begins with a token of its own.
                if checks.gate.is_none() && !checks.token.may_fetch(now) {
                    wrong.push("a token is fetched although the one in use is good".to_owned());
                }
            }
            Asked::Link { key, .. } => {
                if let Some(what) = checks.asks_while_closed(key, now) {
                    wrong.push(what);
                }
                let asked_before = checks.asked_at.contains_key(key);
                let refused = checks.refused_at.is_some_and(|at| {
                    (at + COMMIT_MS..at + PAUSE_MIN_MS).contains(&now) && !asked_before
                });
                if refused && self.swarm.account.requests_per_second == 0 {
                    wrong.push(format!("{key} is asked of an account that lacks the right"));
                }
                checks.asked_at.insert(key.clone(), now);
            }
            Asked::Put { key, .. } => {
                checks.asked_at.insert(key.clone(), now);
                checks.mistrusted.remove(key);
                let same =
                    |open: &Asked| matches!(open, Asked::Put { key: other, .. } if other == key);
                if checks.exchanges.values().any(same) {
                    wrong.push(format!("two uploads of {key} at once"));
                }
                if link.is_none_or(|link| link.expires_ms < now) {
                    wrong.push(format!("a link to {key} is used after its window"));
                }
                if request.allowed_hosts != ["*.cos.example.com"] {
                    wrong.push("an upload may go anywhere".to_owned());
                }
                let values = request.headers.iter().map(|(_, value)| value.expose());
                let tells = |text: &str| text.contains(TOKEN_WORD) || text.contains(SECRET_WORD);
                if tells(url) || values.into_iter().any(tells) {
                    wrong.push("the upload host is sent a token of the API".to_owned());
                }
            }
        }
        checks.number += 1;
        let number = checks.number;
        checks.exchanges.insert(number, asked.clone());
        let probe = checks.gate.as_ref().is_some_and(|gate| !gate.maybe_open);
        drop(state);
        if probe && matches!(asked, Asked::Link { .. }) {
            self.mark("probe");
        }
        for what in wrong {
            self.violated(&what);
        }
        number
    }

    pub fn exchange_ended(&self, number: u64) {
        self.state().checks.exchanges.remove(&number);
    }

    /// What an exchange came to, as the daemon is told it.
    pub fn answered(&self, asked: &Asked, outcome: &Result<Reply, TransportFault>) {
        let mut marks = Vec::new();
        let mut state = self.state();
        let now = state.now_ms();
        let checks = &mut state.checks;
        let text = outcome
            .as_ref()
            .map(|reply| String::from_utf8_lossy(&reply.body));
        match asked {
            Asked::Token => {
                let told: Option<serde_json::Value> = outcome
                    .as_ref()
                    .ok()
                    .and_then(|reply| serde_json::from_slice(&reply.body).ok());
                let life = told.as_ref().and_then(|told| told["expires_in"].as_u64());
                checks.token.failed = life.is_none();
                if let Some(life) = life {
                    let reset_at = checks.token.reset_at.filter(|at| now < at + ORDER_MS);
                    let have = Some((now, life * 1_000));
                    checks.token = TokenWatch {
                        have,
                        reset_at,
                        ..TokenWatch::default()
                    };
                } else {
                    marks.push("token fetch failed");
                }
            }
            Asked::Link { key, .. } => {
                let refusal = |code: &str| {
                    text.as_ref()
                        .is_ok_and(|text| text.contains(&format!("\"errcode\":{code},")))
                };
                if ["40001", "42001", "40014"].iter().any(|code| refusal(code)) {
                    checks.token.refused = true;
                    marks.push("token refused");
                }
                let asked_at = checks.asked_at.get(key).copied().unwrap_or_default();
                if !refusal("48001") {
                    checks.refused_at = None;
                } else if asked_at > checks.gate_told_at {
                    checks.refused_at = Some(now);
                }
                if let Some(gate) = &mut checks.gate {
                    if !gate.grace.contains(key) {
                        gate.since_ms = now;
                    }
                    // An answer about the file is an answer: the account works.
                    gate.maybe_open |= refusal("40097") || refusal("-501023");
                }
            }
            Asked::Put { .. } => {
                checks.put_answered = Some(now);
                checks.refused_at = None;
                if let Some(gate) = &mut checks.gate {
                    gate.maybe_open = true;
                }
            }
        }
        drop(state);
        for mark in marks {
            self.mark(mark);
        }
    }

    /// An object was completed: its bytes were the file's at some moment, it was leased, and no record
    /// says otherwise.
    pub fn completed(&self, signature: &str) {
        let state = self.state();
        let key = state.cloud.links[signature].key.clone();
        let object = state.cloud.objects[&key].clone();
        let versions = state.versions.get(&key);
        let known = versions.is_some_and(|versions| versions.contains(&object.digest));
        let paths = state.paths.get(&key).cloned().unwrap_or_default();
        let leased = paths
            .iter()
            .any(|path| state.checks.running.contains_key(path));
        drop(state);
        if !known && !object.damaged {
            self.violated(&format!("{key} was completed with bytes that it never had"));
        }
        if !leased {
            self.violated(&format!("{key} was completed without a lease"));
        }
        match stage(&key) {
            Stage::Asset => {}
            Stage::Page => self.mark("page completed"),
            Stage::Last => self.mark("last page completed"),
        }
        self.check_records(&key, paths);
    }

    /// An upload was taken up after its client had given up.
    pub fn landed(&self, signature: &str) {
        let state = self.state();
        let key = state.cloud.links[signature].key.clone();
        let paths = state.paths.get(&key).cloned().unwrap_or_default();
        drop(state);
        self.check_records(&key, paths);
    }

    /// No record of a key's paths says anything else than the cloud without being in doubt.
    fn check_records(&self, key: &str, paths: BTreeSet<RelPath>) {
        let Some(object) = self.state().cloud.objects.get(key).cloned() else {
            return;
        };
        let reader = self.reader();
        for path in paths {
            let synced = reader.dossier(FOLDER, &path).unwrap().synced;
            let lies = synced.is_some_and(|synced| {
                let said = synced.published.map(|published| published.digest);
                !synced.in_doubt && said.is_some_and(|digest| digest != object.digest)
            });
            if lies {
                self.violated(&format!("the record of {path} is false and not in doubt"));
            }
        }
    }
}

impl Checks {
    /// Whether an attempt of this path was under way at the last look.
    pub fn is_leased(&self, path: &RelPath) -> bool {
        self.running.contains_key(path)
    }

    fn asks_while_closed(&mut self, key: &str, now: u64) -> Option<String> {
        let gate = self.gate.as_mut().filter(|gate| !gate.maybe_open)?;
        if gate.grace.contains(key) {
            return None;
        }
        let others = self.exchanges.values().filter_map(|asked| match asked {
            Asked::Token => None,
            Asked::Link { key, .. } | Asked::Put { key, .. } => Some(key),
        });
        let mut others = others.filter(|other| *other != key && !gate.grace.contains(*other));
        if let Some(other) = others.next() {
            return Some(format!(
                "{key} and {other} are both asked of a closed account"
            ));
        }
        let again = self.asked_at.get(key).is_some_and(|at| now < at + 60_000);
        let early = now < gate.since_ms + PAUSE_MIN_MS;
        if gate.paused && early && !gate.hurried && !again {
            return Some(format!(
                "{key} is asked of an account that was paused just now"
            ));
        }
        gate.hurried = false;
        None
    }
}

impl TokenWatch {
    fn may_fetch(&self, now: u64) -> bool {
        let Some((since, life)) = self.have else {
            return true;
        };
        let margin = EARLY_MS.max(life / 20);
        let early = life.saturating_sub(margin).max(life / 2);
        self.refused || self.failed || self.reset_at.is_some() || now >= since + early
    }
}
