//! What must hold, looked at from outside the engine: what the centre handed out and was sent, what the
//! inbox showed, what is journaled, and the log of calls. Knows nothing of why anything was done.

mod calls;
mod rest;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use syncd::model::digest::Sha256;
use syncd::model::job::FolderId;
use syncd::model::message::MessageState;
use syncd::model::path::RelPath;
use syncd::store::{MessageFilter, MessageRow, Selection};

use super::line::Route;
use super::world::World;
use crate::story::lock;

/// The only folder.
pub const FOLDER: FolderId = FolderId(1);
/// The inbox.
pub const INBOX: &str = "in";
/// More rows than any history has.
pub const ALL: usize = 1_000;

/// What the checkers remember.
#[derive(Default)]
pub struct Judge {
    exchanges: BTreeMap<u64, Route>,
    number: u64,
    /// Session tokens that the daemon knows to be replaced, and since when.
    replaced: BTreeMap<String, u64>,
    /// Messages of the last answer to a poll, until they are seen in the journal.
    unjournaled: Vec<usize>,
    /// When calls began, of the last while.
    calls: VecDeque<(u64, Route)>,
    /// The last look into the history for our own messages: when it began, and whether it came to an end.
    look: Option<(u64, bool)>,
    /// When the message of an id was last sent so that it goes out.
    sent_at: BTreeMap<String, u64>,
    /// How often a person had a message tried again that may have been sent.
    allowed: BTreeMap<String, usize>,
    /// Sendings that were looked at.
    looked_at: usize,
    /// Counts the changes of the inbox up to the last look.
    changes: u64,
    /// Names in the inbox that were seen, and what they were.
    seen: BTreeMap<Vec<u8>, Seen>,
    /// How often each content has appeared in the inbox.
    appeared: BTreeMap<Sha256, usize>,
    /// Sidecars that ever appeared.
    sidecars: BTreeSet<Vec<u8>>,
    /// Calls so far.
    pub calls_made: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    File(Sha256),
    Sidecar,
}

impl World {
    /// A process begins.
    pub fn judge_new_life(&self) {
        let mut state = self.state();
        let judge = &mut state.judge;
        judge.exchanges.clear();
        judge.replaced.clear();
        judge.unjournaled.clear();
        judge.look = None;
    }

    /// All messages that are written down.
    pub fn rows(&self) -> Vec<MessageRow> {
        let of = |state| MessageFilter {
            inbox: Some(INBOX.to_owned()),
            state,
            before: None,
        };
        let reader = self.reader();
        let mut rows = reader.messages(&of(None), ALL).unwrap();
        let noted = of(Some(MessageState::Noted));
        rows.extend(reader.messages(&noted, ALL).unwrap());
        rows
    }

    /// The row of a message, told by its code or by the moment of which there is only one.
    pub fn row_of<'a>(&self, rows: &'a [MessageRow], number: usize) -> Option<&'a MessageRow> {
        let (code, sent_at) = {
            let state = self.state();
            let message = &state.centre.messages[number];
            (message.code.clone(), message.sent_at)
        };
        rows.iter().find(|row| match &code {
            Some(code) => row.identity == *code,
            None => row.sent_at.is_some_and(|at| at.0 == sent_at),
        })
    }

    /// Looks at the names in the inbox: what is there is whole, and there only as often as it was sent.
    pub fn look_at_inbox(&self) {
        let changes = self.inbox.changes();
        if std::mem::replace(&mut self.state().judge.changes, changes) == changes {
            return;
        }
        let files = self.inbox.files();
        let mut state = self.state();
        let state = &mut *state;
        let mut wrong = Vec::new();
        for (name, bytes) in &files {
            if state.judge.seen.contains_key(name) {
                continue;
            }
            let shown = String::from_utf8_lossy(name).into_owned();
            if name.ends_with(b".json") {
                let is_json = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
                if !is_json {
                    wrong.push(format!("the sidecar {shown} is partial"));
                }
                state.judge.seen.insert(name.clone(), Seen::Sidecar);
                state.judge.sidecars.insert(name.clone());
                continue;
            }
            let digest = Sha256::of(bytes);
            state.judge.seen.insert(name.clone(), Seen::File(digest));
            let of_it = state.centre.messages.iter().filter(|message| {
                let file = message.file.as_ref();
                file.is_some_and(|file| file.digest == digest)
            });
            let most = of_it.count();
            let times = state.judge.appeared.entry(digest).or_default();
            *times += 1;
            if most == 0 {
                wrong.push(format!(
                    "{shown} is partial, or nobody's ({} bytes)",
                    bytes.len()
                ));
            } else if *times > most {
                wrong.push(format!("the file of {shown} was delivered {times} times"));
            }
            let beside = RelPath::from_bytes(name.as_slice()).unwrap().sidecar();
            let beside = beside.as_bytes();
            let has_sidecar = files.contains_key(beside) || state.judge.sidecars.contains(beside);
            if self.mix.inbox.sidecar && !has_sidecar {
                wrong.push(format!("{shown} came before its sidecar"));
            }
            self.story.mark("file delivered");
        }
        let gone = state
            .judge
            .seen
            .keys()
            .find(|name| !files.contains_key(*name));
        if let Some(gone) = gone {
            wrong.push(format!("{} is gone", String::from_utf8_lossy(gone)));
        }
        for what in wrong {
            self.story.wrong(&what);
        }
    }

    /// A reader takes a file away.
    pub fn take_away(&self, name: &[u8]) {
        self.look_at_inbox();
        self.story
            .tell(&format!("{} is taken away", String::from_utf8_lossy(name)));
        self.story.mark("file taken away");
        self.inbox.take(name);
        self.state().judge.seen.remove(name);
    }

    /// The power goes.
    pub fn cut_power(&self) {
        self.look_at_inbox();
        self.story.mark("power cut");
        let mut rng = lock(&self.rolls.disk).fork();
        let survives = rng.u8(0..4);
        self.inbox.cut_power(|| match survives {
            0 => false,
            1 => true,
            _ => rng.bool(),
        });
        let files = self.inbox.files();
        let mut state = self.state();
        let judge = &mut state.judge;
        for (name, seen) in std::mem::take(&mut judge.seen) {
            let same = files.get(&name).map(|bytes| match seen {
                Seen::File(digest) => Sha256::of(bytes) == digest,
                Seen::Sidecar => true,
            });
            if same == Some(true) {
                judge.seen.insert(name, seen);
                continue;
            }
            self.story.mark("power cut undid something");
            if let Seen::File(digest) = seen
                && let Some(times) = judge.appeared.get_mut(&digest)
            {
                *times -= 1;
            }
        }
        drop(state);
        self.look_at_inbox();
    }

    /// Looks at what agents have seen since the last time.
    pub fn look_at_sent(&self) {
        let mut state = self.state();
        let state = &mut *state;
        let mut wrong = Vec::new();
        for sent in &state.centre.sent[state.judge.looked_at..] {
            self.story.mark("file sent");
            if sent.to_robot {
                wrong.push("a file was sent to a robot".to_owned());
            }
            let Some(version) = state.versions.get(&sent.digest) else {
                wrong.push("an agent saw bytes that the outbox never had".to_owned());
                continue;
            };
            if let Some((name, len)) = &sent.name
                && (!version.names.contains(name) || *len != version.len)
            {
                wrong.push(format!(
                    "an agent saw the name {name} and {len} bytes: {version:?}"
                ));
            }
            let id = &sent.message_id;
            let same = state
                .centre
                .sent
                .iter()
                .filter(|other| other.message_id == *id);
            if same.count() > 1 {
                self.story.mark("file sent twice, as the contract has it");
            }
        }
        state.judge.looked_at = state.centre.sent.len();
        for what in wrong {
            self.story.wrong(&what);
        }
    }

    /// A person has everything tried again that was given up, messages too that may have been sent.
    pub fn allow_again(&self) {
        let queue = self.reader().queue(&Selection::Dead, ALL).unwrap();
        for job in queue {
            if let Some(sending) = self.reader().sending(FOLDER, &job.path).unwrap() {
                let mut state = self.state();
                *state.judge.allowed.entry(sending.message_id).or_default() += 1;
            }
        }
    }
}
