//! `queryQueueInfo` and `queryHistoryChatMessage` (protocol notes 7).

use serde_json::{Value, json};

use super::fields::{Fields, is_number};
use super::gate::Visitor;
use super::reply::{Refusal, Reply, into_fields};
use super::user::Phase;
use crate::emulator::exchange::Exchange;

/// Whether the call still waits for an agent. That it does is code 0; the good end is 160021.
pub(super) fn queue(
    exchange: &Exchange,
    visitor: &Visitor,
    fields: &Fields,
) -> Result<Reply, Refusal> {
    let desk = &exchange.cloud.desk;
    let known = &desk.options.credentials;
    for (name, wanted) in [
        ("channel", "WEB"),
        ("channelConfigId", known.channel_id.as_str()),
        ("userId", visitor.user.as_str()),
    ] {
        check(fields, name, wanted)?;
    }
    let now_ms = exchange.cloud.clock.now_ms();
    let phase = desk.with_user(&visitor.user, now_ms, |user| user.phase());
    let (code, position) = match phase {
        None => return Err(Refusal::code("160004", "session not found")),
        Some(Phase::Robot) => ("160022", 0),
        Some(Phase::Agent) => ("160021", 0),
        Some(Phase::Queueing) => ("0", 1),
    };
    let waiting = 30 * position;
    Ok(Reply::Coded {
        code,
        text: None,
        fields: into_fields(json!({
            "position": position,
            "totalWaitTime": waiting,
            "currentDeviceWaitTime": waiting,
            "configMaxcWaitTime": 300,
            "longestWaitTime": waiting,
            "estimateWaitTime": waiting,
        })),
    })
}

/// What was said, both ways.
pub(super) fn history(
    exchange: &Exchange,
    visitor: &Visitor,
    fields: &Fields,
) -> Result<Reply, Refusal> {
    let desk = &exchange.cloud.desk;
    let options = &desk.options;
    for (name, wanted) in [
        ("channel", "WEB"),
        ("channelId", options.credentials.channel_id.as_str()),
        ("userId", visitor.user.as_str()),
    ] {
        check(fields, name, wanted)?;
    }
    if visitor.user.chars().count() > 24 {
        return Err(bad("userId is longer than 24 characters".to_owned()));
    }
    let limit = number(fields, "limit")?.ok_or_else(|| bad("limit is missing".to_owned()))?;
    let offset = number(fields, "offset")?.ok_or_else(|| bad("offset is missing".to_owned()))?;
    let start_ms = number(fields, "startTime")?.unwrap_or(0);
    let end_ms = number(fields, "endTime")?.unwrap_or(u64::MAX);
    let now_ms = exchange.cloud.clock.now_ms();
    let mut past = desk.with_user(&visitor.user, now_ms, |user| user.history.clone());
    past.retain(|(at_ms, _)| {
        u64::try_from(*at_ms).is_ok_and(|at_ms| (start_ms..=end_ms).contains(&at_ms))
    });
    past.sort_by_key(|(at_ms, _)| *at_ms);
    if options.history.newest_first {
        past.reverse();
    }
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let page: Vec<Value> = past
        .iter()
        .skip(skipped)
        .take(most)
        .map(|(_, message)| options.dialect.message(message))
        .collect();
    Ok(Reply::Coded {
        code: "0",
        text: None,
        fields: options.dialect.list("messageList", page),
    })
}

/// A refused parameter is code 1 in both calls.
fn bad(text: String) -> Refusal {
    Refusal::code("1", text).breach()
}

fn check(fields: &Fields, name: &str, wanted: &str) -> Result<(), Refusal> {
    let given = fields.text(name).map_err(|wrong| bad(wrong.about(name)))?;
    if given == wanted {
        Ok(())
    } else {
        Err(bad(format!("{name} is not the one that is known")))
    }
}

/// Digits in a string.
fn number(fields: &Fields, name: &str) -> Result<Option<u64>, Refusal> {
    let given = fields
        .optional(name)
        .map_err(|wrong| bad(wrong.about(name)))?;
    match given {
        None => Ok(None),
        Some(text) if is_number(text) => Ok(text.parse().ok()),
        Some(_) => Err(bad(format!("{name} is no number"))),
    }
}
