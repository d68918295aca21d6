//! One user of the desk: the conversation, and what waits for him (protocol notes 6.4 and 8).

use std::collections::HashSet;

use serde_json::Value;

use super::mailbox::Mailbox;
use super::message::{Envelope, HangUp};
use super::options::{DeskSessionOptions, KeepAlive, Queueing, Reception};
use super::reply::Refusal;

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// With a robot.
    Robot,
    /// Waiting for an agent.
    Queueing,
    /// With an agent.
    Agent,
}

#[derive(Debug)]
struct Session {
    phase: Phase,
    /// When it was last kept alive.
    alive_ms: i64,
    queued_since_ms: i64,
    polls: u32,
    /// It has timed out, but the client may go on.
    is_offline: bool,
}

/// A user.
#[derive(Debug, Default)]
pub(super) struct User {
    session: Option<Session>,
    pub(super) mailbox: Mailbox,
    /// Polls that are being held.
    pub(super) polls_held: usize,
    /// Messages both ways with their times, in the order they came.
    pub(super) history: Vec<(i64, Value)>,
    /// Each `messageId` that was taken.
    pub(super) message_ids: HashSet<String>,
}

impl User {
    /// Where the conversation stands, if there is one.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.session.as_ref().map(|session| session.phase)
    }

    /// Ends a session that was not kept alive, and a queue that has lasted long enough.
    pub(super) fn settle(&mut self, rules: &DeskSessionOptions, envelope: Envelope<'_>) {
        let Some(session) = &mut self.session else {
            return;
        };
        let since = |from_ms: i64| u128::try_from(envelope.at_ms - from_ms).unwrap_or(0);
        let is_due = match rules.queue {
            Queueing::None => true,
            Queueing::Polls(polls) => session.polls >= polls,
            Queueing::For(span) => since(session.queued_since_ms) >= span.as_millis(),
        };
        if session.phase == Phase::Queueing && is_due {
            session.phase = Phase::Agent;
        }
        let is_over = since(session.alive_ms) >= rules.timeout.as_millis();
        if is_over && !session.is_offline {
            let how = if rules.asynchronous {
                HangUp::Offline
            } else {
                HangUp::TimeOut
            };
            self.hang_up(how, envelope);
        }
    }

    /// Something came that keeps a session alive.
    pub(super) fn keep_alive(&mut self, rules: &DeskSessionOptions, by: KeepAlive, now_ms: i64) {
        if let Some(session) = &mut self.session {
            if by == KeepAlive::Poll {
                session.polls = session.polls.saturating_add(1);
            }
            if by == rules.kept_alive_by {
                session.alive_ms = now_ms;
            }
        }
    }

    /// `CONNECT`.
    pub(super) fn connect(
        &mut self,
        rules: &DeskSessionOptions,
        is_open: bool,
        now_ms: i64,
    ) -> Result<&'static str, Refusal> {
        const TO_ROBOT: &str = "connect to robot successfully";
        match self.phase() {
            Some(Phase::Agent) => return Err(Refusal::code("160021", "the call is with an agent")),
            Some(Phase::Queueing) => return Err(Refusal::code("160013", "the call is queueing")),
            Some(Phase::Robot) => return Ok(TO_ROBOT),
            None => {}
        }
        let phase = match rules.reception {
            Reception::Agent if !is_open => return Err(closed()),
            Reception::Agent => Phase::Queueing,
            Reception::RobotFirst | Reception::RobotOnly => Phase::Robot,
        };
        self.session = Some(Session {
            phase: first_of_queue(rules, phase),
            alive_ms: now_ms,
            queued_since_ms: now_ms,
            polls: 0,
            is_offline: false,
        });
        self.mailbox.join();
        Ok(if phase == Phase::Robot {
            TO_ROBOT
        } else {
            "connect to agent successfully."
        })
    }

    /// `TRANS2AGENT`.
    pub(super) fn transfer(
        &mut self,
        rules: &DeskSessionOptions,
        is_open: bool,
        now_ms: i64,
    ) -> Result<&'static str, Refusal> {
        let refused = |text: &str| Refusal::code("13", text);
        let Some(session) = &mut self.session else {
            return Err(refused("the session is no longer valid"));
        };
        match (session.phase, rules.reception) {
            (Phase::Agent | Phase::Queueing, _) => Err(refused("already connected to an agent")),
            (Phase::Robot, Reception::RobotOnly) => Err(refused("no channel config")),
            (Phase::Robot, _) if !is_open => Err(closed()),
            (Phase::Robot, _) => {
                session.phase = first_of_queue(rules, Phase::Queueing);
                session.queued_since_ms = now_ms;
                session.polls = 0;
                Ok("transfer to agent successfully.")
            }
        }
    }

    /// `CHAT`, `INPUT` and `READ`: whether the customer may say something now.
    pub(super) fn chat(&self) -> Result<&'static str, Refusal> {
        match self.phase() {
            None => Err(Refusal::code("160004", "session not found")),
            Some(Phase::Queueing) => Err(Refusal::code("160013", "the call is queueing")),
            Some(Phase::Robot) => Ok("Send message to robot successfully."),
            Some(Phase::Agent) => Ok("sendUserMessage successfully."),
        }
    }

    /// `DISCONNECT`.
    pub(super) fn leave(&mut self) -> Result<&'static str, Refusal> {
        match self.session.take() {
            Some(_) => Ok("disconnect successfully."),
            None => Err(Refusal::code("160005", "no session to release")),
        }
    }

    /// The session is gone, and nobody is told.
    pub(super) fn vanish(&mut self) {
        self.session = None;
    }

    /// The desk ends the conversation, and says so.
    pub(super) fn hang_up(&mut self, how: HangUp, envelope: Envelope<'_>) {
        self.mailbox.put(envelope.hang_up(how));
        match &mut self.session {
            Some(session) if how == HangUp::Offline => session.is_offline = true,
            _ => {
                self.session = None;
                self.mailbox.part();
            }
        }
    }
}

fn closed() -> Refusal {
    let text = "The current time is not within the working time of the service agents";
    Refusal::code("12", text)
}

/// A queue that nobody has to stand in is an agent at once.
fn first_of_queue(rules: &DeskSessionOptions, phase: Phase) -> Phase {
    if phase == Phase::Queueing && rules.queue == Queueing::None {
        Phase::Agent
    } else {
        phase
    }
}
