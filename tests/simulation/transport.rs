//! The way to the cloud: delays, losses before and after the effect, cut and damaged bodies, and answers
//! that the cloud does not mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use syncd::port::BoxFuture;
use syncd::port::transport::{
    Body, Peer, Reply, Request, Transport, TransportFault, TransportKind,
};

use crate::cloud::{self, Arrived};
use crate::swarm::{FAULTS, Fault};
use crate::world::{World, lock};

/// See the module.
pub struct SimTransport(pub Arc<World>);

/// What an exchange asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Token,
    Link { key: String, token: String },
    Put { key: String, signature: String },
}

/// Takes an exchange off the books, however it ends.
struct OnBooks {
    world: Arc<World>,
    number: u64,
}

impl Drop for OnBooks {
    fn drop(&mut self) {
        self.world.exchange_ended(self.number);
    }
}

type Outcome = Result<Reply, TransportFault>;

impl Transport for SimTransport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let world = &self.0;
            world.called().await;
            let Some(asked) = asked(&request) else {
                world.violated(&format!(
                    "a request that no contract knows ({:?})",
                    request.method
                ));
                return failed(TransportKind::Refused);
            };
            world.trace(&format!("ask {asked:?}"));
            let number = world.exchange_begins(&asked, &request);
            let books = OnBooks {
                world: Arc::clone(world),
                number,
            };
            let fault = pick(world, &asked);
            let deadline = request.deadline;
            let going = go(world, &asked, request, fault);
            let outcome = match tokio::time::timeout(deadline, going).await {
                Ok(outcome) => outcome,
                Err(_) => failed(TransportKind::Timeout),
            };
            drop(books);
            match &outcome {
                Ok(reply) => world.trace(&format!("told {asked:?}: {} {fault:?}", reply.status)),
                Err(error) => world.trace(&format!("told {asked:?}: {} {fault:?}", error.kind)),
            }
            world.answered(&asked, &outcome);
            outcome
        })
    }
}

fn asked(request: &Request) -> Option<Asked> {
    let url = request.url.expose();
    if request.peer == Peer::UploadHost {
        let (signature, key) = cloud::parts(url)?;
        return Some(Asked::Put { key, signature });
    }
    if url == "https://holder.example.com/token"
        || url == "https://api.example.com/cgi-bin/stable_token"
        || url.starts_with("https://api.example.com/cgi-bin/token?")
    {
        return Some(Asked::Token);
    }
    let query =
        url.strip_prefix("https://api.example.com/componenttcb/staticuploadfile?access_token=")?;
    let token = percent_decode_str(query).decode_utf8().ok()?.into_owned();
    let Body::Held(body) = &request.body else {
        return None;
    };
    let asked: serde_json::Value = serde_json::from_slice(body).ok()?;
    let key = asked["filename"].as_str()?.to_owned();
    Some(Asked::Link { key, token })
}

fn failed(kind: TransportKind) -> Outcome {
    Err(TransportFault {
        kind,
        message: "as the test wants it".to_owned(),
        bytes_sent: 0,
    })
}

/// The fault of this exchange, by the seed's rates.
fn pick(world: &World, asked: &Asked) -> Option<Fault> {
    if !world.state().faults_on {
        return None;
    }
    let mut rng = lock(&world.rolls.network);
    let fault = world.swarm.faults.iter().find(|(fault, rate)| {
        let hit = rng.f64() < *rate;
        hit && applies(*fault, asked)
    });
    let fault = fault.map(|(fault, _)| *fault)?;
    if let Some((_, name)) = FAULTS.iter().find(|(have, _)| *have == fault) {
        world.mark(name);
    }
    Some(fault)
}

fn applies(fault: Fault, asked: &Asked) -> bool {
    match fault {
        Fault::Dns
        | Fault::Connect
        | Fault::ResetBefore
        | Fault::HangBefore
        | Fault::ResetAfter
        | Fault::HangAfter
        | Fault::ServerError => true,
        Fault::Busy | Fault::DayQuota | Fault::MinuteQuota | Fault::NotJson => {
            !matches!(asked, Asked::Put { .. })
        }
        Fault::EnvQuota
        | Fault::Revoked
        | Fault::NoPermission
        | Fault::Unknown
        | Fault::BadParameter
        | Fault::EmptyLink => matches!(asked, Asked::Link { .. }),
        Fault::TooMany => !matches!(asked, Asked::Token),
        Fault::CutBody
        | Fault::Corrupt
        | Fault::WrongChecksum
        | Fault::LinkExpired
        | Fault::AccessDenied
        | Fault::SlowDown
        | Fault::Redirect => matches!(asked, Asked::Put { .. }),
    }
}

async fn pause(world: &World) {
    let most = if world.state().faults_on {
        world.swarm.latency_ms
    } else {
        20
    };
    let span = lock(&world.rolls.network).u64(0..=most);
    tokio::time::sleep(Duration::from_millis(span)).await;
}

async fn go(world: &World, asked: &Asked, request: Request, fault: Option<Fault>) -> Outcome {
    pause(world).await;
    if world.state().is_outage() {
        world.mark("outage");
        return failed(TransportKind::Connect);
    }
    match fault {
        Some(Fault::Dns) => return failed(TransportKind::Dns),
        Some(Fault::Connect) => return failed(TransportKind::Connect),
        Some(Fault::ResetBefore) => return failed(TransportKind::Reset),
        Some(Fault::HangBefore) => std::future::pending().await,
        _ => {}
    }
    let reply = match asked {
        Asked::Token => answer_token(world, fault),
        Asked::Link { token, .. } => answer_link(world, token, &request, fault),
        Asked::Put { .. } => take(world, asked, request, fault).await?,
    };
    world.called().await;
    pause(world).await;
    match fault {
        Some(Fault::ResetAfter) => failed(TransportKind::Reset),
        Some(Fault::HangAfter) => std::future::pending().await,
        _ => Ok(reply),
    }
}

fn common(fault: Option<Fault>) -> Option<Reply> {
    Some(match fault? {
        Fault::Busy => cloud::errcode(-1),
        Fault::DayQuota => cloud::errcode(45009),
        Fault::MinuteQuota => cloud::errcode(45011),
        Fault::NotJson => cloud::json("<html>a proxy</html>"),
        Fault::ServerError => Reply {
            status: 500,
            headers: Vec::new(),
            body: Bytes::new(),
        },
        Fault::TooMany => Reply {
            status: 429,
            headers: vec![("retry-after".to_owned(), "7".to_owned())],
            body: Bytes::new(),
        },
        _ => return None,
    })
}

fn answer_token(world: &World, fault: Option<Fault>) -> Reply {
    common(fault).unwrap_or_else(|| {
        let mut state = world.state();
        let now = state.now_ms();
        state.cloud.token(now)
    })
}

fn answer_link(world: &World, token: &str, request: &Request, fault: Option<Fault>) -> Reply {
    if let Some(reply) = common(fault) {
        return reply;
    }
    let mut state = world.state();
    let now = state.now_ms();
    if fault == Some(Fault::Revoked) {
        state.cloud.revoke();
    }
    if let Err(code) = state.cloud.check_token(now, token) {
        return cloud::errcode(code);
    }
    match fault {
        Some(Fault::EnvQuota) => return cloud::errcode(-501_003),
        Some(Fault::NoPermission) => return cloud::errcode(48001),
        Some(Fault::Unknown) => return cloud::errcode(-501_023),
        Some(Fault::BadParameter) => return cloud::errcode(40097),
        Some(Fault::EmptyLink) => {
            return cloud::json(r#"{"errcode":0,"errmsg":"ok","signed_url":"","token":""}"#);
        }
        _ => {}
    }
    let Body::Held(body) = &request.body else {
        return cloud::errcode(44002);
    };
    state.cloud.link(now, body)
}

/// The object store: takes the body, checks, keeps.
async fn take(world: &World, asked: &Asked, request: Request, fault: Option<Fault>) -> Outcome {
    let Asked::Put { key, signature } = asked else {
        return failed(TransportKind::Refused);
    };
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.expose().to_owned()))
        .collect();
    let streamed = matches!(request.body, Body::Streamed { .. });
    let mut bytes = receive(world, request.body, fault).await?;
    if fault == Some(Fault::CutBody) {
        return failed(TransportKind::Reset);
    }
    if let Some(refusal) = refusal(fault) {
        return Ok(refusal);
    }
    let damaged = fault == Some(Fault::Corrupt) && !bytes.is_empty();
    if damaged {
        bytes[0] = !bytes[0];
    }
    let mut reply = {
        let mut state = world.state();
        let now = state.now_ms();
        let token = headers
            .iter()
            .find(|(name, _)| name == "x-cos-security-token");
        let security_token = token.map(|(_, value)| value.clone());
        let security_token = security_token.as_deref();
        state.cloud.put(
            now,
            Arrived {
                signature,
                security_token,
                headers,
                bytes,
                damaged,
            },
        )
    };
    if reply.status == 200 {
        world.completed(signature);
        if streamed {
            world.mark("streamed upload completed");
        }
        if damaged || fault == Some(Fault::WrongChecksum) {
            world.mistrust(key);
        }
        if fault == Some(Fault::WrongChecksum) {
            reply
                .headers
                .retain(|(name, _)| name != "x-cos-hash-crc64ecma");
            reply
                .headers
                .push(("x-cos-hash-crc64ecma".to_owned(), "1".to_owned()));
        }
    }
    Ok(reply)
}

/// Answers of the object store without any effect.
fn refusal(fault: Option<Fault>) -> Option<Reply> {
    Some(match fault? {
        Fault::LinkExpired => cloud::xml(403, "AccessDenied", "Request has expired"),
        Fault::AccessDenied => cloud::xml(403, "AccessDenied", "Access Denied."),
        Fault::SlowDown => cloud::xml(503, "SlowDown", "Reduce your rate"),
        Fault::Redirect => Reply {
            status: 302,
            headers: vec![(
                "location".to_owned(),
                "https://elsewhere.example.com".to_owned(),
            )],
            body: Bytes::new(),
        },
        _ => return common(fault),
    })
}

/// The bytes of a body, as fast as the line is.
async fn receive(
    world: &World,
    body: Body,
    fault: Option<Fault>,
) -> Result<Vec<u8>, TransportFault> {
    let (len, mut pieces) = match body {
        Body::Empty => return Ok(Vec::new()),
        Body::Held(bytes) => return Ok(bytes.to_vec()),
        Body::Streamed { len, pieces } => (len, pieces),
    };
    let len = usize::try_from(len).unwrap();
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let piece_ms = if world.state().faults_on {
            world.swarm.piece_ms
        } else {
            1
        };
        tokio::time::sleep(Duration::from_millis(piece_ms)).await;
        let Some(Ok(piece)) = pieces.recv().await else {
            world.mark("streamed upload given up by its source");
            return Err(failed(TransportKind::Source).unwrap_err());
        };
        bytes.extend_from_slice(&piece);
        if fault == Some(Fault::CutBody) && bytes.len() > len / 2 {
            return Err(failed(TransportKind::Reset).unwrap_err());
        }
    }
    if bytes.len() > len {
        world.violated("a body is longer than it was said to be");
    }
    Ok(bytes)
}
