//! What came through an inbox: `inbox list`, and `why` of a received file.

use std::fmt::Write as _;

use serde::Serialize;

use crate::model::message::{HookState, MessageState};
use crate::model::path::escaped;
use crate::model::time::Timestamp;
use crate::store::MessageRow;

use super::SCHEMA;
use super::facts::fault_of;
use super::paint::{Paint, Tone};
use super::words::{advice_of, meaning_of, relative, size};

/// `inbox list --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Newest first.
    pub files: Vec<Received>,
    /// There are more than are listed.
    pub truncated: bool,
}

/// A file that came, or is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Inbox.
    pub inbox: String,
    /// The message that carries it: its code, or what stands for it.
    pub message: String,
    /// `received` (to be fetched), `fetched` (to be put into the inbox), `delivered`, `dead`, `dropped`.
    pub state: MessageState,
    /// Path below the inbox, once it has one.
    pub path: Option<String>,
    /// Size, once it was fetched.
    pub bytes: Option<u64>,
    /// Identity, once it was fetched.
    pub sha256: Option<String>,
    /// When the message was sent, as it says.
    pub sent_at: Option<String>,
    /// When the message came.
    pub received_at: String,
    /// When the file was fetched.
    pub fetched_at: Option<String>,
    /// When the file was in the inbox.
    pub delivered_at: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// When the next try is due.
    pub next_attempt_at: Option<String>,
    /// The last fault.
    pub fault: Option<Failure>,
    /// The program of `on_receive`.
    pub hook: Option<Hook>,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When.
    pub at: String,
    /// During which call.
    pub call: &'static str,
    /// Code.
    pub code: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// The other side's words.
    pub message: String,
    /// What it means.
    pub meaning: String,
    /// What a person does about it.
    pub advice: String,
}

/// How far the program for a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// `pending`, `done`, `failed`.
    pub state: HookState,
    /// How often it was started.
    pub attempts: u32,
    /// When it is started next.
    pub next_attempt_at: Option<String>,
    /// How it last ended, in words.
    pub exit: Option<String>,
}

/// One message as a report shows it.
pub fn received(row: &MessageRow) -> Received {
    let file = row.file.as_ref();
    let is_open = matches!(row.state, MessageState::Received | MessageState::Fetched);
    Received {
        inbox: row.inbox.clone(),
        message: escaped(row.identity.as_bytes()),
        state: row.state,
        path: file.map(|file| file.path.to_string()),
        bytes: file.map(|file| file.size),
        sha256: file.map(|file| file.digest.to_string()),
        sent_at: row.sent_at.map(|at| at.to_string()),
        received_at: row.received_at.to_string(),
        fetched_at: row.fetched_at.map(|at| at.to_string()),
        delivered_at: row.delivered_at.map(|at| at.to_string()),
        attempts: row.tries,
        next_attempt_at: is_open.then(|| row.due.to_string()),
        fault: row.fault.as_ref().map(|stored| {
            let fault = fault_of(stored);
            Failure {
                at: stored.at.to_string(),
                call: fault.call.as_str(),
                status: fault.status,
                message: fault.message.clone(),
                meaning: meaning_of(&fault),
                advice: advice_of(&fault),
                code: fault.code,
            }
        }),
        hook: row.hook.as_ref().map(|hook| Hook {
            state: hook.state,
            attempts: hook.tries,
            next_attempt_at: hook
                .due
                .filter(|_| hook.state == HookState::Pending)
                .map(|at| at.to_string()),
            exit: hook.exit.clone(),
        }),
    }
}

impl Received {
    /// A few lines for people.
    pub fn write_line(&self, out: &mut String, now: &str, paint: Paint) {
        let file = self;
        let at = file.delivered_at.as_ref().unwrap_or(&file.received_at);
        let bytes = file.bytes.map(|bytes| format!("  {}", size(bytes)));
        let state = paint.tone(tone(file), &format!("{:<10}", state_word(file.state)));
        let _ = writeln!(
            out,
            "{state}  {:<9}  {}{}",
            relative(at, now),
            name(file),
            bytes.unwrap_or_default()
        );
        if file.path.is_some() {
            let _ = writeln!(out, "            message {}", file.message);
        }
        if let Some(sha256) = &file.sha256 {
            let _ = writeln!(out, "            sha256 {sha256}");
        }
        write_trouble(out, file, now, "            ");
    }
}

impl List {
    /// Of rows, the newest first; the row after `limit` only tells that there are more.
    pub fn of(rows: &[MessageRow], limit: usize) -> Self {
        Self {
            schema: SCHEMA,
            files: rows.iter().take(limit).map(received).collect(),
            truncated: rows.len() > limit,
        }
    }

    /// For people.
    pub fn text(&self, now: &str, paint: Paint) -> String {
        if self.files.is_empty() {
            return "Nothing was received yet.\n".to_owned();
        }
        let mut out = String::new();
        for file in &self.files {
            file.write_line(&mut out, now, paint);
        }
        if self.truncated {
            out.push_str("There are more; raise --limit to see them.\n");
        }
        out
    }
}

/// `INBOX:PATH`, or the message where the file has no name yet.
fn name(file: &Received) -> String {
    let rest = file.path.as_ref().unwrap_or(&file.message);
    format!("{}:{rest}", file.inbox)
}

fn write_trouble(out: &mut String, file: &Received, now: &str, indent: &str) {
    if let Some(fault) = &file.fault {
        let next = file.next_attempt_at.as_deref();
        let next = next.map(|at| format!(", next try {}", relative(at, now)));
        let _ = writeln!(
            out,
            "{indent}{}: {} (tried {} times{})",
            fault.code,
            fault.meaning,
            file.attempts,
            next.unwrap_or_default()
        );
    }
    if let Some(hook) = &file.hook {
        let exit = hook.exit.as_ref().map(|exit| format!(": {exit}"));
        let _ = writeln!(
            out,
            "{indent}on_receive {}{}",
            hook_word(hook.state),
            exit.unwrap_or_default()
        );
    }
}

fn state_word(state: MessageState) -> &'static str {
    match state {
        MessageState::Received | MessageState::Fetched => "on its way",
        state => state.as_str(),
    }
}

fn hook_word(state: HookState) -> &'static str {
    match state {
        HookState::Pending => "is still to be run",
        HookState::Done => "was run",
        HookState::Failed => "failed and was given up",
    }
}

fn tone(file: &Received) -> Tone {
    let hook = file.hook.as_ref().map(|hook| hook.state);
    match (file.state, hook) {
        (MessageState::Dead, _) | (_, Some(HookState::Failed)) => Tone::Wrong,
        (MessageState::Delivered, _) => Tone::Good,
        (MessageState::Dropped | MessageState::Noted, _) => Tone::Caution,
        (MessageState::Received | MessageState::Fetched, _) => Tone::Busy,
    }
}

/// `why --json` of a received file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When these facts held.
    pub as_of: String,
    /// The state in a sentence.
    pub summary: String,
    /// Whether a file of its name is in the inbox now.
    pub on_disk: bool,
    /// What it waits for, besides its time.
    pub waits_for: Option<String>,
    /// What to do, where a person can do something.
    pub advice: Option<String>,
    /// The file.
    #[serde(flatten)]
    pub file: Received,
}

/// Makes the report of one received file; `stopped` says why its inbox does not work.
pub fn why(row: &MessageRow, on_disk: bool, stopped: Option<String>, now: Timestamp) -> Why {
    let file = received(row);
    let is_open = matches!(row.state, MessageState::Received | MessageState::Fetched);
    Why {
        schema: SCHEMA,
        as_of: now.to_string(),
        summary: summary(row, on_disk).to_owned(),
        on_disk,
        waits_for: stopped.filter(|_| is_open),
        advice: advice(&file),
        file,
    }
}

fn summary(row: &MessageRow, on_disk: bool) -> &'static str {
    match row.state {
        MessageState::Noted => "the message carries no file",
        MessageState::Received if row.fault.is_some() => {
            "will be fetched again after the fault below"
        }
        MessageState::Received => "to be fetched",
        MessageState::Fetched => "fetched; to be put into the inbox",
        MessageState::Delivered if on_disk => "in the inbox",
        MessageState::Delivered => "was put into the inbox; somebody has taken it away since",
        MessageState::Dead => "given up after the fault below",
        MessageState::Dropped => "let go of by hand",
    }
}

fn advice(file: &Received) -> Option<String> {
    let retry = format!("syncd queue retry {}", name(file));
    let hook = file.hook.as_ref().map(|hook| hook.state);
    match (file.state, &file.fault, hook) {
        (MessageState::Dead, Some(fault), _) => Some(format!("{} Then: {retry}", fault.advice)),
        (MessageState::Dropped, ..) => Some(format!("To fetch it after all: {retry}")),
        (MessageState::Delivered, _, Some(HookState::Failed)) => {
            Some(format!("Mend the program. Then: {retry}"))
        }
        (MessageState::Received | MessageState::Fetched, Some(fault), _) => {
            Some(fault.advice.clone()).filter(|advice| !advice.is_empty())
        }
        _ => None,
    }
}

/// `why` of a received file for people: one screen.
pub fn why_text(why: &Why, paint: Paint) -> String {
    let (file, now) = (&why.file, &why.as_of);
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint.tone(Tone::Strong, &name(file)));
    let state = paint.tone(tone(file), file.state.as_str());
    let _ = writeln!(out, "  {state}  {}", why.summary);
    let sent = file.sent_at.as_ref();
    let sent = sent.map(|at| format!(", sent {}", relative(at, now)));
    let _ = writeln!(
        out,
        "  message    {}, came {}{}",
        file.message,
        relative(&file.received_at, now),
        sent.unwrap_or_default()
    );
    if let (Some(bytes), Some(sha256)) = (file.bytes, &file.sha256) {
        let at = file.delivered_at.as_ref();
        let at = at.map(|at| format!(", put into the inbox {}", relative(at, now)));
        let _ = writeln!(
            out,
            "  file       {}{}",
            size(bytes),
            at.unwrap_or_default()
        );
        let _ = writeln!(out, "             sha256 {sha256}");
    }
    if let Some(fault) = &file.fault {
        let _ = writeln!(
            out,
            "  failed     {} during {}",
            relative(&fault.at, now),
            fault.call
        );
        if !fault.message.is_empty() {
            let _ = writeln!(out, "             the other side said: {}", fault.message);
        }
    }
    write_trouble(&mut out, file, now, "             ");
    if let Some(stopped) = &why.waits_for {
        let _ = writeln!(out, "  waits for  {stopped}");
    }
    if let Some(advice) = &why.advice {
        let _ = writeln!(out, "  to do      {advice}");
    }
    out
}

#[cfg(test)]
mod tests;
