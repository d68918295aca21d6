//! `syncd doctor`: looks at everything the daemon stands on, and says of each thing that it is well, or what
//! is wrong and how to mend it.
//!
//! Invariants: nothing stays changed; nothing secret is in a finding; one check that hangs holds up no other.
//! A new check is a file here and a line in [`examine`].

mod account;
mod database;
mod desk;
mod file_system;
mod folders;
mod inboxes;
mod live;
mod program;
mod server;
mod settings;
mod state;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;

use crate::config::{Config, Environment};
use crate::daemon::location::Location;
use crate::model::path::escaped;
use crate::port::clock::Clock;
use crate::port::token_source::LocalTokens;
use crate::port::transport::Transport;
use crate::report::SCHEMA;
use crate::report::facts::LiveFacts;

pub use settings::{Loaded, load};

/// How long one check may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How a thing is; the worst of all findings is the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Well.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Could not be looked at because of something that another finding names.
    Skipped,
    /// Wrong now, and may pass by itself.
    Failing,
    /// Wrong until somebody mends it.
    Wrong,
    /// The cloud refuses the credentials, or what they are used for.
    Refused,
    /// The daemon would not start.
    Invalid,
}

impl Verdict {
    /// The word in front of a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Skipped => "skipped",
            Self::Failing => "failing",
            Self::Wrong => "wrong",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check: `folder`, `token`, …
    pub name: &'static str,
    /// What it looked at: a folder's name, a path; empty where there is only one.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub saw: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

impl Finding {
    /// A finding that needs nothing of anybody. Texts from outside are escaped here.
    pub fn ok(name: &'static str, subject: &str, saw: impl AsRef<str>) -> Self {
        Self::new(Verdict::Ok, (name, subject), saw, "")
    }

    /// A finding of `(name, subject)`, with what to do about it.
    pub fn new(
        verdict: Verdict,
        (name, subject): (&'static str, &str),
        saw: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Self {
        let plain = |text: &str| escaped(text.trim().as_bytes());
        Self {
            name,
            subject: plain(subject),
            verdict,
            saw: plain(saw.as_ref()),
            advice: plain(advice.as_ref()),
        }
    }

    /// One line.
    fn line(&self) -> String {
        let subject = if self.subject.is_empty() {
            String::new()
        } else {
            format!(" {}", self.subject)
        };
        let advice = if self.advice.is_empty() {
            String::new()
        } else {
            format!("; {}", self.advice)
        };
        let saw = self.saw.trim_end_matches('.');
        format!(
            "{:<8} {}{subject}: {saw}{advice}\n",
            self.verdict.as_str(),
            self.name
        )
    }
}

/// `doctor --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The worst verdict.
    pub verdict: Verdict,
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Of these findings.
    pub fn of(findings: Vec<Finding>) -> Self {
        let verdicts = findings.iter().map(|finding| finding.verdict);
        Self {
            schema: SCHEMA,
            verdict: verdicts.max().unwrap_or(Verdict::Ok),
            findings,
        }
    }

    /// For people: one line for each finding.
    pub fn text(&self) -> String {
        self.findings.iter().map(Finding::line).collect()
    }
}

/// What is examined, and with which means.
pub struct Case {
    /// The configuration; without accounts where their secrets could not be read.
    pub config: Config,
    /// Variables of the process.
    pub environment: Environment,
    /// The daemon that runs on the state directory.
    pub daemon: Option<Location>,
    /// What that daemon says of its folders, inboxes and accounts.
    pub live: LiveFacts,
    /// Requests, under limits shorter than [`DEADLINE`].
    pub transport: Arc<dyn Transport>,
    /// Tokens of this machine.
    pub local_tokens: Arc<dyn LocalTokens>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

type Check = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;

/// What holds whatever the configuration says.
pub fn program() -> Vec<Finding> {
    program::check()
}

/// Runs all checks side by side. Findings come in the order of the checks.
pub async fn examine(case: Arc<Case>) -> Vec<Finding> {
    let mut checks: Vec<Check> = vec![
        blocking(&case, ("state directory", ""), state::check),
        blocking(&case, ("database", ""), database::check),
        blocking(&case, ("watches", ""), folders::watches),
    ];
    for (index, folder) in case.config.folders.iter().enumerate() {
        let look = move |case: &Case| folders::check(case, index);
        checks.push(blocking(&case, ("folder", &folder.name), look));
    }
    for (index, inbox) in case.config.inboxes.iter().enumerate() {
        let look = move |case: &Case| inboxes::check(case, index);
        checks.push(blocking(&case, ("inbox", &inbox.name), look));
    }
    checks.push(blocking(&case, ("account", ""), live::accounts));
    for index in 0..case.config.accounts.len() {
        checks.push(Box::pin(account::check(Arc::clone(&case), index)));
    }
    for index in 0..case.config.desks.len() {
        checks.push(Box::pin(desk::check(Arc::clone(&case), index)));
    }
    join_all(checks).await.into_iter().flatten().collect()
}

/// A check that asks the operating system, on a thread of its own and under the deadline.
fn blocking(
    case: &Arc<Case>,
    about: (&'static str, &str),
    look: impl FnOnce(&Case) -> Vec<Finding> + Send + 'static,
) -> Check {
    let (name, subject) = (about.0, about.1.to_owned());
    let case = Arc::clone(case);
    let looking = tokio::task::spawn_blocking(move || look(&case));
    Box::pin(async move {
        let looked = in_time((name, &subject), async { Ok(looking.await) }).await;
        match looked {
            Ok(Ok(findings)) => findings,
            Ok(Err(_)) => {
                let saw = "this check broke off";
                let advice = "report it: it is a defect of syncd";
                vec![Finding::new(Verdict::Note, (name, &subject), saw, advice)]
            }
            Err(late) => vec![late],
        }
    })
}

/// Runs one step under the deadline.
#[expect(
    clippy::disallowed_methods,
    reason = "a person waits for the answer; the engine is not here"
)]
async fn in_time<T>(
    about: (&'static str, &str),
    step: impl Future<Output = Result<T, Finding>>,
) -> Result<T, Finding> {
    tokio::time::timeout(DEADLINE, step)
        .await
        .unwrap_or_else(|_| {
            let saw = format!("not known: no answer within {} s", DEADLINE.as_secs());
            let advice = "try again; if it stays so, look at the disk or the network behind it";
            Err(Finding::new(Verdict::Failing, about, saw, advice))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_outcome_and_a_line_is_one_line() {
        let about = ("folder", "www");
        let findings = vec![
            Finding::ok("config", "", "fine."),
            Finding::new(Verdict::Wrong, about, "a\nb", "mend\u{1b}it."),
            Finding::new(Verdict::Failing, about, "late", ""),
        ];
        let examination = Examination::of(findings);
        assert_eq!(examination.verdict, Verdict::Wrong);
        assert_eq!(
            examination.text(),
            "ok       config: fine\nwrong    folder www: a\\u{a}b; mend\\u{1b}it.\n\
             failing  folder www: late\n"
        );
        assert_eq!(Examination::of(Vec::new()).verdict, Verdict::Ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_told_after_its_deadline() {
        let hangs = std::future::pending::<Result<(), Finding>>();
        let late = in_time(("token", "shop"), hangs).await.unwrap_err();
        assert_eq!(late.verdict, Verdict::Failing);
        assert!(late.saw.contains("no answer within 10 s"));
    }
}
