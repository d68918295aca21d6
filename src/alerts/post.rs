//! Brings alerts to the webhook: one at a time, in order, signed, again until it takes them.

use std::collections::VecDeque;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::decide::backoff::{BASE, CAP, backoff};
use crate::model::secret::Secret;
use crate::model::time::Monotonic;
use crate::port::transport::{Body, Method, Peer, Request, Transport};

use super::judge::Alert;
use super::{Means, Orders};

/// Alerts that wait; the oldest goes when there are more.
const WAITING_MAX: usize = 64;
/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// More of an answer is not read.
const REPLY_BYTES_MAX: usize = 1024 * 1024;
/// The header that holds the signature of the body: `sha256=` and 64 hex digits.
const SIGNATURE: &str = "x-syncd-signature";

/// Alerts on their way.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Vec<u8>>,
    failures: u32,
    due: Monotonic,
}

/// What came of a request.
enum Outcome {
    Taken,
    /// It will not be taken another time either.
    Refused(u16),
    Failed(String),
}

impl Outbox {
    pub(super) fn push(&mut self, alert: &Alert) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            tracing::warn!("the webhook of [alerts] is away for so long that an alert was dropped");
        }
        if let Ok(body) = serde_json::to_vec(alert) {
            self.waiting.push_back(body);
        }
    }

    /// When something is to be sent.
    pub(super) fn due(&self) -> Option<Monotonic> {
        (!self.waiting.is_empty()).then_some(self.due)
    }

    /// What waits is tried at once: it may go elsewhere, or be signed with another secret, from now on.
    pub(super) fn try_now(&mut self) {
        self.due = Monotonic::default();
    }

    /// Sends what is due, up to the first that is not taken.
    pub(super) async fn send_due(&mut self, orders: &Orders, means: &Means) {
        let Some(url) = &orders.spec.url else {
            self.waiting.clear();
            return;
        };
        while self.due().is_some_and(|due| due <= means.clock.monotonic()) {
            let Some(body) = self.waiting.front() else {
                return;
            };
            let request = signed(url, body, orders.spec.secret.as_ref());
            match exchange(&*orders.transport, request).await {
                Outcome::Taken => {
                    if self.failures > 0 {
                        tracing::info!("the webhook of [alerts] takes alerts again");
                    }
                    self.failures = 0;
                    self.waiting.pop_front();
                }
                Outcome::Refused(status) => {
                    tracing::error!(
                        status,
                        "the webhook of [alerts] refused an alert, which is dropped; look at url and secret"
                    );
                    self.waiting.pop_front();
                }
                Outcome::Failed(why) => {
                    if self.failures == 0 {
                        tracing::warn!("the webhook of [alerts] does not take alerts: {why}");
                    }
                    let wait = backoff(BASE, self.failures, CAP, means.dice.fraction());
                    self.failures = self.failures.saturating_add(1);
                    self.due = means.clock.monotonic() + wait;
                }
            }
        }
    }
}

fn signed(url: &Secret, body: &[u8], secret: Option<&Secret>) -> Request {
    let mut headers = vec![("content-type".to_owned(), Secret::new("application/json"))];
    let signature = secret.and_then(|secret| signature(secret, body));
    headers.extend(signature.map(|signature| (SIGNATURE.to_owned(), signature)));
    Request {
        method: Method::Post,
        headers,
        body: Body::Held(body.to_vec().into()),
        ..get(url)
    }
}

fn signature(secret: &Secret, body: &[u8]) -> Option<Secret> {
    // A key of any length is good.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(body);
    let text = base16ct::lower::encode_string(&mac.finalize().into_bytes());
    Some(Secret::new(format!("sha256={text}")))
}

fn get(url: &Secret) -> Request {
    Request {
        peer: Peer::Api,
        method: Method::Get,
        url: url.clone().into(),
        headers: Vec::new(),
        body: Body::Empty,
        deadline: DEADLINE,
        reply_bytes_max: REPLY_BYTES_MAX,
        allowed_hosts: Vec::new(),
    }
}

async fn exchange(transport: &dyn Transport, request: Request) -> Outcome {
    match transport.exchange(request).await {
        Ok(reply) => match reply.status {
            200..300 => Outcome::Taken,
            // Time-out, too early, too many: worth another try.
            status @ (408 | 425 | 429) => Outcome::Failed(format!("it answers {status}")),
            status @ 300..500 => Outcome::Refused(status),
            status => Outcome::Failed(format!("it answers {status}")),
        },
        Err(failed) => Outcome::Failed(failed.to_string()),
    }
}

/// One heartbeat; whether it got through.
pub(super) async fn beat(transport: &dyn Transport, url: &Secret) -> bool {
    match exchange(transport, get(url)).await {
        Outcome::Taken => true,
        Outcome::Refused(status) => {
            tracing::warn!(
                status,
                "the heartbeat of [alerts] was refused; look at heartbeat_url"
            );
            false
        }
        Outcome::Failed(why) => {
            tracing::debug!("the heartbeat of [alerts] did not get through: {why}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let signature = signature(&Secret::new("Jefe"), b"what do ya want for nothing?").unwrap();
        let digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature.expose(), format!("sha256={digest}"));
    }
}
