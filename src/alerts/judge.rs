//! Which troubles there are, and which of them are news.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::report::words::{counted, span};
use crate::report::{Folder, Inbox, SCHEMA, State, Status};

/// What can be wrong with a folder or an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Trouble {
    /// It needs a person.
    Blocked,
    /// Files were given up.
    Dead,
    /// Files or directories cannot be read.
    Unreadable,
    /// A change waits for too long.
    Lag,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Blocked, Self::Dead, Self::Unreadable, Self::Lag];
}

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Alert {
    /// [`SCHEMA`].
    pub(super) schema: u32,
    /// Whether it began or is over.
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    /// What.
    pub(super) trouble: Trouble,
    /// Where.
    pub(super) folder: String,
    /// In words.
    pub(super) message: String,
    /// When it was seen.
    pub(super) at: String,
}

/// Whether a trouble begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// It began.
    Raised,
    /// It is over.
    Recovered,
}

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct Judge {
    raised: BTreeSet<(String, Trouble)>,
}

impl Judge {
    /// Whether nothing that was told goes on.
    pub(super) fn is_well(&self) -> bool {
        self.raised.is_empty()
    }

    /// What is new since the last look; a change that waits for `lag` is trouble.
    pub(super) fn look(&mut self, status: &Status, lag: Duration) -> Vec<Alert> {
        let mut news = Vec::new();
        let now = &status.daemon.as_of;
        let folders = status
            .folders
            .iter()
            .map(|folder| Place::folder(folder, now));
        let places: Vec<Place<'_>> = folders
            .chain(status.inboxes.iter().map(Place::inbox))
            .collect();
        for place in &places {
            for trouble in Trouble::ALL {
                let words = words(trouble, place, lag);
                let about = (place.name.to_owned(), trouble);
                let (kind, message) = match words {
                    Some(words) if self.raised.insert(about.clone()) => (Kind::Raised, words),
                    None if self.raised.remove(&about) => {
                        (Kind::Recovered, "this is over".to_owned())
                    }
                    _ => continue,
                };
                news.push(Alert {
                    schema: SCHEMA,
                    kind,
                    trouble,
                    folder: place.name.to_owned(),
                    message,
                    at: status.daemon.as_of.clone(),
                });
            }
        }
        // What is configured no more is nobody's trouble.
        let is_there = |name: &String| places.iter().any(|place| place.name == name);
        self.raised.retain(|(name, _)| is_there(name));
        news
    }
}

/// The trouble of a folder in words, if it has it.
fn words(trouble: Trouble, folder: &Place<'_>, lag: Duration) -> Option<String> {
    match trouble {
        Trouble::Blocked => (folder.state == State::Blocked).then(|| {
            let reason = folder.reason.unwrap_or("it needs a person");
            format!("{} is blocked: {reason}", folder.name)
        }),
        Trouble::Dead => (folder.dead > 0).then(|| {
            let files = counted(folder.dead, "file");
            format!(
                "{files} of {} given up; `syncd queue list --dead` has them",
                folder.name
            )
        }),
        Trouble::Unreadable => (folder.unreadable > 0).then(|| {
            format!(
                "not all of {} can be read, so it is not all in sync; `syncd status` names it",
                folder.name
            )
        }),
        Trouble::Lag => {
            let waited = folder.waited.filter(|waited| *waited >= lag)?;
            Some(format!(
                "a change in {} has waited for {}",
                folder.name,
                span(waited.as_secs())
            ))
        }
    }
}

/// A folder or an inbox, as far as it can be in trouble.
struct Place<'a> {
    name: &'a str,
    state: State,
    reason: Option<&'a str>,
    dead: u64,
    unreadable: u64,
    waited: Option<Duration>,
}

impl<'a> Place<'a> {
    fn folder(folder: &'a Folder, now: &str) -> Self {
        Self {
            name: &folder.name,
            state: folder.state,
            reason: folder.reason.as_deref(),
            dead: folder.files.dead,
            unreadable: folder.unreadable,
            waited: waited(folder, now),
        }
    }

    fn inbox(inbox: &'a Inbox) -> Self {
        Self {
            name: &inbox.name,
            state: inbox.state,
            reason: inbox.reason.as_deref(),
            dead: inbox.dead,
            unreadable: 0,
            waited: None,
        }
    }
}

/// How long the oldest change has waited, unless a person wants it to wait.
fn waited(folder: &Folder, now: &str) -> Option<Duration> {
    let since = folder
        .waiting_since
        .as_deref()
        .filter(|_| folder.state != State::Paused)?;
    let (since, now): (jiff::Timestamp, jiff::Timestamp) = (since.parse().ok()?, now.parse().ok()?);
    Duration::try_from(now.duration_since(since)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Bytes, Daemon, Files};

    const LAG: Duration = Duration::from_mins(15);

    fn folder(state: State) -> Folder {
        Folder {
            name: "www".to_owned(),
            flow: String::new(),
            path: String::new(),
            state,
            reason: Some("its directory is gone".to_owned()),
            watch: None,
            files: Files::default(),
            bytes: Bytes::default(),
            excluded_dirs: 0,
            unreadable: 0,
            release: None,
            last_success_at: None,
            waiting_since: None,
            eta_seconds: None,
            problems: Vec::new(),
        }
    }

    fn status(folders: Vec<Folder>) -> Status {
        Status {
            schema: SCHEMA,
            daemon: Daemon {
                running: true,
                pid: None,
                version: String::new(),
                started_at: None,
                as_of: "2026-11-21T09:20:00Z".to_owned(),
            },
            state: State::Idle,
            folders,
            inboxes: Vec::new(),
        }
    }

    fn inbox(state: State, dead: u64) -> Inbox {
        Inbox {
            name: "desk".to_owned(),
            path: String::new(),
            state,
            reason: Some("the desk refuses the app key".to_owned()),
            connected: false,
            received: 0,
            pending: 0,
            dead,
            last_poll_at: None,
            last_received_at: None,
            problems: Vec::new(),
        }
    }

    fn told(judge: &mut Judge, folders: Vec<Folder>) -> Vec<(Kind, Trouble)> {
        let news = judge.look(&status(folders), LAG).into_iter();
        news.map(|alert| (alert.kind, alert.trouble)).collect()
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let mut judge = Judge::default();
        let mut closed = folder(State::Degraded);
        closed.unreadable = 2;
        let raised = [(Kind::Raised, Trouble::Unreadable)];
        assert_eq!(told(&mut judge, vec![closed.clone()]), raised);
        closed.unreadable = 0;
        let over = [(Kind::Recovered, Trouble::Unreadable)];
        assert_eq!(told(&mut judge, vec![closed]), over);
    }

    #[test]
    fn each_trouble_is_told_once_and_its_end_once() {
        let mut judge = Judge::default();
        let mut dead = folder(State::Blocked);
        dead.files.dead = 2;
        let began = [
            (Kind::Raised, Trouble::Blocked),
            (Kind::Raised, Trouble::Dead),
        ];
        assert_eq!(told(&mut judge, vec![dead.clone()]), began);
        dead.files.dead = 3;
        assert_eq!(told(&mut judge, vec![dead.clone()]), []);
        assert!(!judge.is_well());
        dead.state = State::Idle;
        let over = [(Kind::Recovered, Trouble::Blocked)];
        assert_eq!(told(&mut judge, vec![dead]), over);
        assert_eq!(told(&mut judge, Vec::new()), []);
        assert!(judge.is_well());
    }

    #[test]
    fn an_inbox_is_in_trouble_as_a_folder_is() {
        let mut judge = Judge::default();
        let mut look = |inboxes: Vec<Inbox>| {
            let mut status = status(vec![folder(State::Idle)]);
            status.inboxes = inboxes;
            let alerts = judge.look(&status, LAG).into_iter();
            let told = alerts.map(|alert| (alert.folder, alert.kind, alert.trouble, alert.message));
            (told.collect::<Vec<_>>(), judge.is_well())
        };
        let alert =
            |kind, trouble, message: &str| ("desk".to_owned(), kind, trouble, message.to_owned());
        let (told, _) = look(vec![inbox(State::Blocked, 2)]);
        let blocked = "desk is blocked: the desk refuses the app key";
        let dead = "2 files of desk given up; `syncd queue list --dead` has them";
        assert_eq!(
            told,
            [
                alert(Kind::Raised, Trouble::Blocked, blocked),
                alert(Kind::Raised, Trouble::Dead, dead),
            ]
        );
        assert_eq!(look(vec![inbox(State::Blocked, 3)]), (Vec::new(), false));
        let over = alert(Kind::Recovered, Trouble::Blocked, "this is over");
        assert_eq!(look(vec![inbox(State::Idle, 3)]), (vec![over], false));
        let over = alert(Kind::Recovered, Trouble::Dead, "this is over");
        assert_eq!(look(vec![inbox(State::Waiting, 0)]), (vec![over], true));
        assert_eq!(look(vec![inbox(State::Idle, 1)]).0.len(), 1);
        assert_eq!(look(Vec::new()), (Vec::new(), true));
    }

    #[test]
    fn a_change_lags_after_its_span_unless_the_folder_was_paused() {
        let mut judge = Judge::default();
        let mut late = folder(State::Waiting);
        late.waiting_since = Some("2026-11-21T09:05:01Z".to_owned());
        assert_eq!(told(&mut judge, vec![late.clone()]), []);
        late.waiting_since = Some("2026-11-21T09:05:00Z".to_owned());
        late.state = State::Paused;
        assert_eq!(told(&mut judge, vec![late.clone()]), []);
        late.state = State::Waiting;
        let lag = [(Kind::Raised, Trouble::Lag)];
        assert_eq!(told(&mut judge, vec![late]), lag);
    }
}
