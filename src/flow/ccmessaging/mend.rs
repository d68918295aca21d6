//! What the protocol itself does about a fault before it becomes one of the call: a new token, a new
//! session, another form (desk notes 2.5, 9). Each of them once for an original request.

use super::access::{Access, access};
use super::chat::says_lost;
use crate::model::fault::{Call, Fault, Layer};

/// So many faults of poll in a row call for a new session's token and a new CONNECT (desk notes 9).
pub const POLL_FAULTS_MAX: u32 = 5;

/// A step of the protocol; the call is repeated after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Report the session's token as refused, get the current one.
    Session,
    /// Report the gateway's token as refused, get the current one.
    Bearer,
    /// Both, the gateway's first.
    Both,
    /// Send CONNECT.
    Connect,
    /// Ask `queryQueueInfo`: no session → CONNECT and repeat; still queueing → wait; else the fault
    /// stands.
    AskQueue,
    /// Ask for the file in the form that [`super::offer::Offer::other_form`] gives, if it gives one.
    OtherForm,
}

/// What was done for one original request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    taken: Vec<Mend>,
}

impl Mended {
    /// The step after a fault; `None` where the protocol knows none that was not taken.
    pub fn next(&mut self, fault: &Fault) -> Option<Mend> {
        match access(fault) {
            Access::Session => self.take(Mend::Session),
            Access::Bearer => self.take(Mend::Bearer),
            // Cheapest first: a session's token is lost more often than the gateway's.
            Access::Either => self.take(Mend::Session).or_else(|| self.take(Mend::Both)),
            Access::Fine if says_lost(fault) => self.take(Mend::Connect),
            Access::Fine if calls_for_queue(fault) => self.take(Mend::AskQueue),
            // Bounded by the forms there are.
            Access::Fine if calls_for_form(fault) => Some(Mend::OtherForm),
            Access::Fine => None,
        }
    }

    fn take(&mut self, mend: Mend) -> Option<Mend> {
        if self.taken.contains(&mend) {
            return None;
        }
        self.taken.push(mend);
        Some(mend)
    }
}

fn calls_for_queue(fault: &Fault) -> bool {
    fault.layer == Layer::Result
        && matches!(
            (fault.call, fault.code.as_str()),
            (Call::Send, "13" | "160013") | (Call::Upload, "13")
        )
}

fn calls_for_form(fault: &Fault) -> bool {
    fault.call == Call::Download
        && fault.layer == Layer::Result
        && matches!(fault.code.as_str(), "13" | "401")
}
