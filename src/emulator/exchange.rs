//! One request from its arrival to its end, and the faults that befall it on the way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Response;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::answer::{Answer, redirect, text_reply};
use super::cloud::Cloud;
use super::connection::Connection;
use super::faults::{Call, Effect};
use super::record::{HostKind, LoggedRequest, Outcome};
use super::tokens::TOKEN_MARK;

/// Before a refusal, this much of the body is read, so that the client gets to see the reply.
const DRAINED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A body that stalls this long is not waited for.
const DRAIN_PATIENCE: Duration = Duration::from_millis(300);

/// A request being answered. Dropped without an answer, it counts as abandoned by the client.
pub(super) struct Exchange {
    pub(super) cloud: Arc<Cloud>,
    pub(super) head: Parts,
    pub(super) call: Call,
    pub(super) key: Option<String>,
    pub(super) effect: Effect,
    host: HostKind,
    body: BodyDataStream,
    received_bytes: u64,
    connection: Connection,
    arrived_ms: i64,
    outcome: Outcome,
}

/// What came of waiting for more of the body.
pub(super) enum Piece {
    More(Bytes),
    End,
    /// The client broke off, or a fault does.
    Broken,
}

impl Exchange {
    pub(super) fn new(
        cloud: Arc<Cloud>,
        host: HostKind,
        call: Call,
        request: axum::extract::Request,
        connection: Connection,
    ) -> Self {
        let (head, body) = request.into_parts();
        cloud.record.arrive(host, call, &head);
        Self {
            arrived_ms: cloud.clock.now_ms(),
            cloud,
            head,
            call,
            key: None,
            effect: Effect::default(),
            host,
            body: body.into_data_stream(),
            received_bytes: 0,
            connection,
            outcome: Outcome::Abandoned,
        }
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query()?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Records a breach of the contract.
    pub(super) fn violate(&self, what: &str) {
        let (method, path) = (&self.head.method, self.head.uri.path());
        self.cloud
            .record
            .violate(format!("{method} {path}: {what}"));
    }

    /// Whether an API token is in a header or in the query.
    pub(super) fn has_token_in_head(&self) -> bool {
        let query = self.head.uri.query().unwrap_or_default();
        let mut values = self.head.headers.values();
        query.contains(TOKEN_MARK)
            || values.any(|value| String::from_utf8_lossy(value.as_bytes()).contains(TOKEN_MARK))
    }

    /// Finds the faults for this call, waits out their delay and ends the tokens if they say so.
    pub(super) async fn strike(&mut self) {
        self.effect = self.cloud.faults().strike(self.call, self.key.as_deref());
        let delay = self.effect.delay.unwrap_or_default();
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        if self.effect.expire_token {
            let now_ms = self.cloud.clock.now_ms();
            self.cloud.tokens().expire_all(now_ms);
            self.cloud.desk.expire_tokens(now_ms);
        }
    }

    /// More of the body.
    pub(super) async fn piece(&mut self) -> Piece {
        if self
            .effect
            .cut_request_at
            .is_some_and(|at| self.received_bytes >= at)
        {
            return Piece::Broken;
        }
        match self.body.next().await {
            Some(Ok(bytes)) => {
                self.received_bytes += bytes.len() as u64;
                Piece::More(bytes)
            }
            // A body that is shorter than the cut is cut at its end.
            None if self.effect.cut_request_at.is_some() => Piece::Broken,
            None => Piece::End,
            Some(Err(_)) => Piece::Broken,
        }
    }

    /// The whole body, up to `bytes_max`; `None` if it is longer or broken off.
    pub(super) async fn whole_body(&mut self, bytes_max: usize) -> Option<Bytes> {
        let mut body = BytesMut::new();
        loop {
            match self.piece().await {
                Piece::More(bytes) => body.extend_from_slice(&bytes),
                Piece::End => return Some(body.freeze()),
                Piece::Broken => return None,
            }
            if body.len() > bytes_max {
                return None;
            }
        }
    }

    /// Reads what is left of the body, within reason.
    pub(super) async fn drain(&mut self) {
        while self.received_bytes < DRAINED_BYTES_MAX {
            match tokio::time::timeout(DRAIN_PATIENCE, self.body.next()).await {
                Ok(Some(Ok(bytes))) => self.received_bytes += bytes.len() as u64,
                _ => break,
            }
        }
    }

    /// The answer that a fault puts in place of the real one, where it is the same for every host.
    pub(super) fn common_fault(&self) -> Option<Answer> {
        let effect = &self.effect;
        if let Some(location) = &effect.redirect {
            return Some(Answer::refusal(redirect(307, location), "redirect"));
        }
        if let Some(body) = &effect.body {
            let status = effect.status.unwrap_or(200);
            let reply = text_reply(status, "text/html; charset=utf-8", body.clone());
            return Some(Answer::refusal(reply, "body"));
        }
        let bare = effect.cos_code.is_none() && effect.errcode.is_none();
        let status = effect.status.filter(|_| bare)?;
        let text = "emulated fault\n".to_owned();
        let reply = text_reply(status, "text/plain; charset=utf-8", text);
        Some(Answer::refusal(reply, "status"))
    }

    /// Ends the exchange.
    pub(super) fn finish(mut self, answer: Answer) -> Response<Body> {
        match answer {
            Answer::Reply { response, code } => {
                self.outcome = Outcome::Answered {
                    status: response.status().as_u16(),
                    code,
                };
                if let Some(bytes) = self.effect.cut_response_at {
                    self.outcome = Outcome::Cut;
                    self.connection.cut_after(bytes);
                }
                response
            }
            Answer::Cut => {
                if self.effect.cut_request_at.is_some() || self.effect.commit_then_drop {
                    self.outcome = Outcome::Cut;
                }
                self.connection.cut_after(0);
                Response::new(Body::empty())
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.cloud.record.leave(LoggedRequest {
            host: self.host,
            call: self.call,
            method: self.head.method.to_string(),
            path: self.head.uri.path().to_owned(),
            key: self.key.take(),
            received_bytes: self.received_bytes,
            at_ms: self.arrived_ms,
            outcome: self.outcome.clone(),
        });
    }
}
