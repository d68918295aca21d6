//! `queryHistoryChatMessage`: both sides' messages, as far and as soon as the centre shows them.

use serde_json::{Value, json};
use syncd::port::transport::Reply;

use super::{Centre, Look, Said};
use crate::desk::mix::{CHANNEL, Own, USER};

pub struct Entry {
    at_ms: u64,
    sent_at: i64,
    value: Value,
    /// The message, if it is not the customer's.
    number: Option<usize>,
}

impl Centre {
    pub(super) fn note(&mut self, now: u64, value: Value, number: Option<usize>) {
        let sent_at = self.clock_ms(now);
        self.history.push(Entry {
            at_ms: now,
            sent_at,
            value,
            number,
        });
    }

    /// A message of the customer's.
    pub(super) fn note_own(&mut self, now: u64, said: &Said) {
        if self.manners.own == Own::NotAtAll {
            return;
        }
        let mut value = json!({
            "channel": "WEB", "from": USER, "to": CHANNEL, "controlType": "CHAT",
            "sourceType": "CUSTOMER", "mediaType": said.media, "content": said.content,
            "timestamp": self.clock_ms(now),
        });
        if self.manners.own == Own::ById {
            value["messageId"] = json!(said.message_id);
        }
        self.note(now, value, None);
    }

    pub(super) fn look_back(&mut self, now: u64, look: &Look) -> Reply {
        let since = look.since.filter(|_| self.manners.obeys_start_time);
        let shown = self.history.iter().filter(|entry| {
            entry.at_ms + self.manners.lag_ms <= now
                && since.is_none_or(|since| entry.sent_at >= since)
        });
        let mut shown: Vec<&Value> = shown.map(|entry| &entry.value).collect();
        if self.manners.newest_first {
            shown.reverse();
        }
        let most = look.limit.min(self.manners.page_max);
        let page: Vec<&Value> = shown.into_iter().skip(look.offset).take(most).collect();
        let body = json!({"resultCode": self.scalar("0"), "messageList": page});
        self.says(now, &body)
    }

    /// Whether the history shows, or will show, a message.
    pub(super) fn is_in_history(&self, number: usize) -> bool {
        self.history
            .iter()
            .any(|entry| entry.number == Some(number))
    }
}
