//! `poll`: messages for the user, held back until there are some (protocol notes 3).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::gate::Visitor;
use super::mailbox::Taking;
use super::options::KeepAlive;
use super::reply::{Refusal, Reply};
use crate::emulator::cloud::Cloud;
use crate::emulator::exchange::Exchange;

/// A poll whose client has gone away is noticed within this time. Only then is a second one a
/// breach.
const OVERLAP_MAX: Duration = Duration::from_secs(1);

/// Answers at once if there is something, else when something comes, else with an empty list.
pub(super) async fn poll(exchange: &mut Exchange, visitor: &Visitor) -> Result<Reply, Refusal> {
    let wrong = |text: &str| Refusal::gateway(400, text).breach();
    if exchange.parameter("channel").as_deref() != Some("WEB") {
        return Err(wrong("channel is not WEB"));
    }
    match exchange.parameter("receiverId") {
        None => return Err(wrong("receiverId is missing")),
        Some(user) if user != visitor.user => {
            return Err(Refusal::code("160009", "receiverId is not the token's user").breach());
        }
        Some(_) => {}
    }
    let cloud = Arc::clone(&exchange.cloud);
    let _held = Held::begin(&cloud, &visitor.user);
    report_overlap(exchange, visitor).await;
    let messages = wait(exchange, visitor).await?;
    let dialect = &cloud.desk.options.dialect;
    let written = messages.iter().map(|message| dialect.message(message));
    Ok(Reply::Coded {
        code: "0",
        text: Some("query user messages success."),
        fields: dialect.list("downlinkMessages", written.collect()),
    })
}

/// A poll that is being held; over when dropped, also by a client that goes away.
struct Held<'a> {
    cloud: &'a Cloud,
    user: &'a str,
}

impl<'a> Held<'a> {
    fn begin(cloud: &'a Cloud, user: &'a str) -> Self {
        let held = Self { cloud, user };
        held.count(|held| held + 1);
        held
    }

    fn count(&self, change: impl FnOnce(usize) -> usize) {
        let mut state = self.cloud.desk.state();
        let user = state.users.entry(self.user.to_owned()).or_default();
        user.polls_held = change(user.polls_held);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.count(|held| held.saturating_sub(1));
    }
}

/// One poll at a time for a user (protocol notes 3.3).
async fn report_overlap(exchange: &mut Exchange, visitor: &Visitor) {
    let cloud = Arc::clone(&exchange.cloud);
    let is_alone = || {
        let state = cloud.desk.state();
        let user = state.users.get(&visitor.user);
        user.is_none_or(|user| user.polls_held <= 1)
    };
    let deadline = Instant::now() + OVERLAP_MAX;
    while !is_alone() {
        if Instant::now() >= deadline {
            exchange.violate("a second poll for a user while one is held");
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn wait(exchange: &mut Exchange, visitor: &Visitor) -> Result<Vec<Value>, Refusal> {
    let cloud = Arc::clone(&exchange.cloud);
    let desk = &cloud.desk;
    let now_ms = cloud.clock.now_ms();
    desk.with_user(&visitor.user, now_ms, |user| {
        user.keep_alive(&desk.options.session, KeepAlive::Poll, now_ms);
    });
    let deadline = Instant::now() + desk.options.poll.hold;
    loop {
        // Registered before the look, so that nothing is missed in between.
        let mut news = pin!(desk.news.notified());
        news.as_mut().enable();
        let messages = take(exchange, visitor)?;
        if !messages.is_empty() {
            return Ok(messages);
        }
        if tokio::time::timeout_at(deadline, news).await.is_err() {
            return take(exchange, visitor);
        }
    }
}

fn take(exchange: &Exchange, visitor: &Visitor) -> Result<Vec<Value>, Refusal> {
    let desk = &exchange.cloud.desk;
    let effect = &exchange.effect;
    let taking = Taking {
        most: desk.options.poll.batch_max,
        delivery: desk.options.poll.delivery,
        is_lost: effect.commit_then_drop || effect.cut_response_at.is_some(),
    };
    let now_ms = exchange.cloud.clock.now_ms();
    desk.with_user(&visitor.user, now_ms, |user| {
        let is_connected = user.phase().is_some();
        if !is_connected && !user.mailbox.has_parting() {
            return Err(Refusal::code("160004", "session not found"));
        }
        Ok(user.mailbox.take(is_connected, taking))
    })
}
