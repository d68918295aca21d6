//! Whether a chat session is open, and whether somebody is there to send to (desk notes 3.2, 3.7, 6.4,
//! 6.5, 7).

use std::time::Duration;

use serde::Deserialize;

use super::wire::{self, Nothing, Scalar};
use crate::model::fault::{Call, Fault, Layer};
use crate::port::transport::Reply;

/// The longest wait for an agent that a server's estimate is believed, for people.
const ESTIMATE_MAX: Duration = Duration::from_hours(24);

/// Where the chat session stands, as far as the desk has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chat {
    /// None is known of: nothing would be received.
    #[default]
    Closed,
    /// There is one; whether an agent is there already has not been asked.
    Joined,
    /// There is one, with a robot, who has no use for files.
    WithRobot,
    /// There is one, and it waits for an agent.
    Queueing,
    /// There is one, and files can be sent.
    Open,
}

/// What is done next for the sake of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatStep {
    /// Send CONNECT.
    Connect,
    /// Ask `queryQueueInfo`, at once or, while queueing, after a pause.
    AskQueue,
    /// Send TRANS2AGENT.
    Transfer,
    /// Go on.
    Go,
}

/// How far the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// An agent is still waited for.
    Waiting {
        /// How many are in front.
        position: Option<u64>,
        /// How long it may take.
        estimate: Option<Duration>,
    },
    /// A robot is there, and nobody is waited for.
    Robot,
    /// Nothing is waited for any more.
    Over,
}

impl Chat {
    /// What has to be done before messages can come.
    pub fn before_polling(self) -> ChatStep {
        match self {
            Self::Closed => ChatStep::Connect,
            Self::Joined | Self::WithRobot | Self::Queueing | Self::Open => ChatStep::Go,
        }
    }

    /// What has to be done before a file can be sent.
    pub fn before_sending(self) -> ChatStep {
        match self {
            Self::Closed => ChatStep::Connect,
            Self::Joined | Self::Queueing => ChatStep::AskQueue,
            Self::WithRobot => ChatStep::Transfer,
            Self::Open => ChatStep::Go,
        }
    }

    /// CONNECT was answered with success; see [`read_connect`].
    pub fn connected(&mut self, now: Self) {
        *self = now;
    }

    /// The queue was asked.
    pub fn asked(&mut self, queue: Queue) {
        *self = match queue {
            Queue::Waiting { .. } => Self::Queueing,
            Queue::Robot => Self::WithRobot,
            Queue::Over => Self::Open,
        };
    }

    /// The other side hung up, or we did. `may_go_on` promises that messages are kept for later; the
    /// session itself is over all the same.
    pub fn ended(&mut self) {
        *self = Self::Closed;
    }

    /// What a fault of any call says about the session.
    pub fn failed(&mut self, fault: &Fault) {
        if says_lost(fault) {
            *self = Self::Closed;
        } else if fault.layer == Layer::Result && fault.code == "160013" {
            *self = Self::Queueing;
        }
    }
}

/// Whether a fault says that there is no chat session (any more): CONNECT opens one (desk notes 9).
pub fn says_lost(fault: &Fault) -> bool {
    let of_a_session = matches!(
        fault.call,
        Call::Poll | Call::Send | Call::QueueInfo | Call::Upload | Call::Download
    );
    let by_queue = fault.call == Call::QueueInfo && matches!(fault.code.as_str(), "5" | "6");
    let by_code = matches!(
        fault.code.as_str(),
        "160004" | "160005" | "160007" | "160015" | "164003" | "164004"
    );
    fault.layer == Layer::Result && of_a_session && (by_queue || by_code)
}

/// Reads the answer of CONNECT. Some refusals mean that there is a session already (desk notes 9).
///
/// # Errors
/// The status, the code, or `no-result`.
pub fn read_connect(reply: &Reply) -> Result<Chat, Fault> {
    match read_sent(Call::Connect, reply) {
        Ok(()) => Ok(Chat::Joined),
        Err(fault) => standing(&fault).ok_or(fault),
    }
}

fn standing(fault: &Fault) -> Option<Chat> {
    match (fault.layer, fault.code.as_str()) {
        (Layer::Result, "160013" | "160023") => Some(Chat::Queueing),
        (Layer::Result, "160021") => Some(Chat::Open),
        (Layer::Result, "160022") => Some(Chat::Joined),
        _ => None,
    }
}

/// Reads the answer of TRANS2AGENT. Whoever is with an agent already needs no transfer (desk notes 6.4, 8).
///
/// # Errors
/// The status, another code, or `robot-only` where the channel has no agents.
pub fn read_transfer(reply: &Reply) -> Result<(), Fault> {
    match read_sent(Call::Connect, reply) {
        Err(fault) if fault.layer == Layer::Result && fault.code == "13" => {
            let words = fault.message.to_ascii_lowercase();
            if words.contains("already") {
                Ok(())
            } else {
                Err(robot_only(&fault.message))
            }
        }
        other => other,
    }
}

/// The fault of a file that only a robot would get.
pub fn robot_only(words: &str) -> Fault {
    Fault::new(Call::Send, Layer::Local, ROBOT_ONLY, words)
}

/// The code of a channel on which nobody but a robot answers.
pub const ROBOT_ONLY: &str = "robot-only";

/// Reads the answer of DISCONNECT: a session that is not there needs no ending (desk notes 9).
///
/// # Errors
/// The status, another code, or `no-result`.
pub fn read_disconnect(reply: &Reply) -> Result<(), Fault> {
    match read_sent(Call::Connect, reply) {
        Err(fault)
            if fault.layer == Layer::Result
                && matches!(fault.code.as_str(), "13" | "160004" | "160005") =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Reads the answer of `send`: nothing but the code counts (desk notes 6.4).
///
/// # Errors
/// The status, the code, or `no-result`.
pub fn read_sent(call: Call, reply: &Reply) -> Result<(), Fault> {
    let answer = wire::read::<Nothing>(call, reply)?;
    if answer.said_success {
        Ok(())
    } else {
        Err(wire::no_result(call))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueAnswer {
    #[serde(default)]
    position: Scalar,
    #[serde(default)]
    estimate_wait_time: Scalar,
}

/// Reads the answer of `queryQueueInfo`, whose good end is a code other than 0 (desk notes 7).
///
/// # Errors
/// The status, another code, or `no-result`.
pub fn read_queue_info(reply: &Reply) -> Result<Queue, Fault> {
    let answer = match wire::read::<QueueAnswer>(Call::QueueInfo, reply) {
        Ok(answer) => answer,
        Err(fault) if fault.layer == Layer::Result && fault.code == "160021" => {
            return Ok(Queue::Over);
        }
        Err(fault) if fault.layer == Layer::Result && fault.code == "160022" => {
            return Ok(Queue::Robot);
        }
        Err(fault) => return Err(fault),
    };
    if !answer.said_success {
        return Err(wire::no_result(Call::QueueInfo));
    }
    let seconds = number(&answer.payload.estimate_wait_time);
    Ok(Queue::Waiting {
        position: number(&answer.payload.position),
        estimate: seconds.map(|seconds| Duration::from_secs(seconds).min(ESTIMATE_MAX)),
    })
}

fn number(field: &Scalar) -> Option<u64> {
    field.text()?.parse().ok()
}
