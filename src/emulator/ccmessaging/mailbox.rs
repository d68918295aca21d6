//! What waits for one user, and how often it is handed out (protocol notes 3.6).

use std::collections::VecDeque;

use serde_json::Value;

use super::options::Delivery;

/// The messages that wait for a user, oldest first.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Waiting>,
    /// So many belong to a conversation that is over; they can be had without a session.
    parting: usize,
}

#[derive(Debug)]
struct Waiting {
    message: Value,
    was_handed_out: bool,
}

/// How one answer takes messages out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking {
    /// The most messages.
    pub(super) most: usize,
    pub(super) delivery: Delivery,
    /// Whether the answer will be lost on its way.
    pub(super) is_lost: bool,
}

impl Mailbox {
    pub(super) fn put(&mut self, message: Value) {
        self.waiting.push_back(Waiting {
            message,
            was_handed_out: false,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The conversation is over: what waits now can still be fetched.
    pub(super) fn part(&mut self) {
        self.parting = self.waiting.len();
    }

    /// Whether something of a conversation that is over waits.
    pub(super) fn has_parting(&self) -> bool {
        self.parting > 0
    }

    /// A new conversation begins.
    pub(super) fn join(&mut self) {
        self.parting = 0;
    }

    /// The next messages.
    pub(super) fn take(&mut self, is_connected: bool, taking: Taking) -> Vec<Value> {
        let ready = if is_connected {
            self.waiting.len()
        } else {
            self.parting
        };
        let rest = self.waiting.split_off(ready.min(taking.most));
        let mut batch = Vec::new();
        let before = self.waiting.len();
        self.waiting.retain_mut(|waiting| {
            batch.push(waiting.message.clone());
            let was_handed_out = std::mem::replace(&mut waiting.was_handed_out, true);
            match taking.delivery {
                Delivery::Once => false,
                Delivery::AgainIfLost => taking.is_lost,
                Delivery::Twice => !was_handed_out,
            }
        });
        let gone = before - self.waiting.len();
        self.parting = self.parting.saturating_sub(gone);
        self.waiting.extend(rest);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mailbox() -> Mailbox {
        let mut mailbox = Mailbox::default();
        for message in ["a", "b", "c"] {
            mailbox.put(json!(message));
        }
        mailbox
    }

    fn takes(delivery: Delivery, is_lost: [bool; 4]) -> Vec<Vec<Value>> {
        let mut mailbox = mailbox();
        is_lost
            .map(|is_lost| {
                mailbox.take(
                    true,
                    Taking {
                        most: 2,
                        delivery,
                        is_lost,
                    },
                )
            })
            .to_vec()
    }

    #[test]
    fn a_message_is_handed_out_as_often_as_was_chosen() {
        let (a, b, c) = (json!("a"), json!("b"), json!("c"));
        let ab = vec![a, b];
        let lost_first = [true, false, false, false];
        assert_eq!(
            takes(Delivery::Once, lost_first),
            [ab.clone(), vec![c.clone()], vec![], vec![]]
        );
        assert_eq!(
            takes(Delivery::AgainIfLost, lost_first),
            [ab.clone(), ab.clone(), vec![c.clone()], vec![]]
        );
        assert_eq!(
            takes(Delivery::Twice, [false; 4]),
            [ab.clone(), ab, vec![c.clone()], vec![c]]
        );
    }

    #[test]
    fn without_a_session_only_what_belongs_to_the_last_one_is_handed_out() {
        let mut mailbox = mailbox();
        mailbox.part();
        mailbox.put(json!("later"));
        let taking = Taking {
            most: 2,
            delivery: Delivery::Once,
            is_lost: false,
        };
        assert_eq!(mailbox.take(false, taking).len(), 2);
        assert!(mailbox.has_parting());
        assert_eq!(mailbox.take(false, taking), [json!("c")]);
        assert!(!mailbox.has_parting());
        assert!(mailbox.take(false, taking).is_empty());
        assert_eq!(mailbox.take(true, taking), [json!("later")]);
    }
}
