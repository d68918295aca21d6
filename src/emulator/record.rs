//! What happened: every request, every upload that was completed, every breach of the contract.
//!
//! Queries are never recorded: they carry tokens and signatures.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::request::Parts;

use super::faults::Call;
use super::objects::Space;
use super::options::Observer;

/// The log keeps this many requests; counts go on beyond it.
const LOGGED_MAX: usize = 100_000;
/// So many values are kept for each header name.
const VALUES_MAX: usize = 64;

/// The hosts that the emulator plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostKind {
    /// Where tokens and links come from.
    Api,
    /// Where links point to.
    Cos,
    /// Where visitors go.
    Site,
    /// The contact-centre desk.
    Desk,
}

/// One request.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// Which host was asked.
    pub host: HostKind,
    /// Which call it was.
    pub call: Call,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The object's key, a file's id, or the kind of a message, where the call has one.
    pub key: Option<String>,
    /// How many bytes of body came.
    pub received_bytes: u64,
    /// When it came, in milliseconds since 1970 on the emulator's clock.
    pub at_ms: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The errcode or the object store's code, if it was refused.
        code: Option<String>,
    },
    /// The emulator closed the connection on purpose.
    Cut,
    /// The client went away.
    Abandoned,
}

/// One upload that was completed, in the order of completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPut {
    /// Where it went.
    pub space: Space,
    /// The environment.
    pub environment: String,
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

#[derive(Debug, Default)]
struct History {
    requests: VecDeque<LoggedRequest>,
    counts: HashMap<Call, u64>,
    in_flight: HashMap<Call, usize>,
    in_flight_max: HashMap<Call, usize>,
    completed: Vec<CompletedPut>,
    violations: Vec<String>,
    headers: BTreeMap<HostKind, BTreeMap<String, BTreeSet<String>>>,
}

/// The record. Whoever waits on it wakes with every change.
#[derive(Debug)]
pub(super) struct Record {
    history: Mutex<History>,
    changed: Condvar,
    observer: Option<Observer>,
}

impl Record {
    pub(super) fn new(observer: Option<Observer>) -> Self {
        Self {
            history: Mutex::default(),
            changed: Condvar::new(),
            observer,
        }
    }

    /// A request has come: counts it and the headers it carries.
    pub(super) fn arrive(&self, host: HostKind, call: Call, head: &Parts) {
        let mut history = self.lock();
        *history.counts.entry(call).or_default() += 1;
        let in_flight = history.in_flight.entry(call).or_default();
        *in_flight += 1;
        let in_flight = *in_flight;
        let most = history.in_flight_max.entry(call).or_default();
        *most = in_flight.max(*most);
        let seen = history.headers.entry(host).or_default();
        for (name, value) in &head.headers {
            let values = match seen.get_mut(name.as_str()) {
                Some(values) => values,
                None => seen.entry(name.as_str().to_owned()).or_default(),
            };
            let value = String::from_utf8_lossy(value.as_bytes());
            if values.len() < VALUES_MAX && !values.contains(value.as_ref()) {
                values.insert(value.into_owned());
            }
        }
    }

    /// A request is over.
    pub(super) fn leave(&self, request: LoggedRequest) {
        if let Some(observer) = &self.observer {
            observer.tell(&line(&request));
        }
        let mut history = self.lock();
        if let Some(in_flight) = history.in_flight.get_mut(&request.call) {
            *in_flight = in_flight.saturating_sub(1);
        }
        if history.requests.len() == LOGGED_MAX {
            history.requests.pop_front();
        }
        history.requests.push_back(request);
        drop(history);
        self.changed.notify_all();
    }

    pub(super) fn complete(&self, put: CompletedPut) {
        self.lock().completed.push(put);
        self.changed.notify_all();
    }

    /// The client did what it never should.
    pub(super) fn violate(&self, what: String) {
        if let Some(observer) = &self.observer {
            observer.tell(&format!("violation: {what}"));
        }
        self.lock().violations.push(what);
        self.changed.notify_all();
    }

    /// Waits until `holds`, for at most `patience`; says whether it came to hold.
    pub(super) fn wait_until(&self, patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if holds() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A change between the look above and this wait would be missed, so it is a short one.
            let pause = left.min(Duration::from_millis(10));
            let history = self.lock();
            drop(self.changed.wait_timeout(history, pause));
        }
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(super) fn count(&self, call: Call) -> u64 {
        self.lock().counts.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn in_flight(&self, call: Call) -> usize {
        self.lock().in_flight.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn in_flight_max(&self, call: Call) -> usize {
        self.lock().in_flight_max.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn completed(&self) -> Vec<CompletedPut> {
        self.lock().completed.clone()
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    pub(super) fn headers(&self, host: HostKind) -> BTreeMap<String, BTreeSet<String>> {
        self.lock().headers.get(&host).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(request: &LoggedRequest) -> String {
    let outcome = match &request.outcome {
        Outcome::Answered { status, code: None } => status.to_string(),
        Outcome::Answered {
            status,
            code: Some(code),
        } => format!("{status} {code}"),
        Outcome::Cut => "connection cut".to_owned(),
        Outcome::Abandoned => "abandoned by the client".to_owned(),
    };
    let key = match (&request.key, request.call) {
        (Some(key), Call::Link | Call::DeskSend | Call::DeskDownload) => {
            format!(" {}", key.escape_debug())
        }
        _ => String::new(),
    };
    format!(
        "{} {}{key} → {outcome} ({} bytes)",
        request.method, request.path, request.received_bytes
    )
}
