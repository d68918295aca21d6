//! The way to the cloud: delays, losses before and after the effect, cut and damaged bodies, and answers
//! that the cloud does not mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use syncd::adapter::http::HttpLimits;
use syncd::port::BoxFuture;
use syncd::port::transport::{Body, Method, Peer, Reply, Request, Transport, TransportKind};

use crate::cloud::{self, Arrived};
use crate::storage::Form;
use crate::swarm::{FAULTS, Fault, SECRET_WORD, TOKEN_WORD};
use crate::wire::{self, End, Incoming, Outcome};
use crate::world::{World, lock};

/// More than a form has before its file.
const ENVELOPE_BYTES_MAX: usize = 4_096;

/// See the module.
pub struct SimTransport(pub Arc<World>);

/// What an exchange asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Token,
    Link {
        key: String,
        token: String,
        path: String,
    },
    Put {
        key: String,
        signature: String,
        is_form: bool,
    },
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

impl Transport for SimTransport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let world = &self.0;
            world.story.called().await;
            let Some(asked) = asked(&request) else {
                world.violated(&format!(
                    "a request that no contract knows ({:?})",
                    request.method
                ));
                return std::future::pending().await;
            };
            world.trace(&format!("ask {asked:?}"));
            let number = world.exchange_begins(&asked, &request);
            let books = OnBooks {
                world: Arc::clone(world),
                number,
            };
            let fault = pick(world, &asked);
            let idle = HttpLimits::default().idle;
            let serve = |incoming| go(world, &asked, incoming, fault);
            let outcome = wire::exchange(request, idle, serve).await;
            drop(books);
            match &outcome {
                Ok(reply) => world.trace(&format!("told {asked:?}: {} {fault:?}", reply.status)),
                Err(error) => world.trace(&format!("told {asked:?}: {} {fault:?}", error.kind)),
            }
            if matches!(&outcome, Err(error) if error.kind == TransportKind::Source) {
                world.mark("streamed upload given up by its source");
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
        let is_form = request.method == Method::Post;
        return Some(Asked::Put {
            key,
            signature,
            is_form,
        });
    }
    if url == "https://holder.example.com/token"
        || url == "https://api.example.com/cgi-bin/stable_token"
        || url.starts_with("https://api.example.com/cgi-bin/token?")
    {
        return Some(Asked::Token);
    }
    let (path, query) = called_path(url)?.split_once("?access_token=")?;
    cloud::LINK_PATHS.contains(&path).then_some(())?;
    let token = percent_decode_str(query).decode_utf8().ok()?.into_owned();
    let Body::Held(body) = &request.body else {
        return None;
    };
    let asked: serde_json::Value = serde_json::from_slice(body).ok()?;
    let key = asked["filename"].as_str().or(asked["path"].as_str())?;
    let key = key.to_owned();
    let path = path.to_owned();
    Some(Asked::Link { key, token, path })
}

fn called_path(url: &str) -> Option<&str> {
    url.strip_prefix("https://api.example.com")
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
        | Fault::ResetThenLate
        | Fault::HangThenLate
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

async fn go(world: &Arc<World>, asked: &Asked, incoming: Incoming, fault: Option<Fault>) -> End {
    pause(world).await;
    if world.state().is_outage() {
        world.mark("outage");
        return End::Fails(TransportKind::Connect);
    }
    match fault {
        Some(Fault::Dns) => return End::Fails(TransportKind::Dns),
        Some(Fault::Connect) => return End::Fails(TransportKind::Connect),
        Some(Fault::ResetBefore) => return End::Fails(TransportKind::Reset),
        Some(Fault::HangBefore) => std::future::pending().await,
        _ => {}
    }
    let reply = match asked {
        Asked::Token => answer_token(world, fault),
        Asked::Link { token, path, .. } => answer_link(world, (path, token), incoming, fault).await,
        Asked::Put { .. } => match take(world, asked, incoming, fault).await {
            Some(reply) => reply,
            None => return End::Fails(TransportKind::Reset),
        },
    };
    world.story.called().await;
    pause(world).await;
    match fault {
        Some(Fault::ResetAfter) => End::Fails(TransportKind::Reset),
        Some(Fault::HangAfter) => std::future::pending().await,
        _ => End::Reply(reply),
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

async fn answer_link(
    world: &World,
    (path, token): (&str, &str),
    mut incoming: Incoming,
    fault: Option<Fault>,
) -> Reply {
    if let Some(reply) = common(fault) {
        return reply;
    }
    let body = incoming.next().await.unwrap_or_default();
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
    state.cloud.link(now, path, &body)
}

/// The object store: takes the body, checks, keeps; none if the connection ends.
async fn take(
    world: &Arc<World>,
    asked: &Asked,
    mut incoming: Incoming,
    fault: Option<Fault>,
) -> Option<Reply> {
    let Asked::Put {
        key,
        signature,
        is_form,
    } = asked
    else {
        return None;
    };
    let mut headers = std::mem::take(&mut incoming.headers);
    let streamed = incoming.is_streamed();
    let mut bytes = receive(world, incoming, fault).await?;
    if let Some(refusal) = refusal(fault) {
        return Some(refusal);
    }
    if *is_form {
        let form = open_form(world, &headers, &bytes, (signature, key))?;
        (headers, bytes) = (form.fields, form.file);
    }
    let token = headers
        .iter()
        .find(|(name, _)| name == "x-cos-security-token");
    let security_token = token.map(|(_, value)| value.clone());
    let damaged = fault == Some(Fault::Corrupt) && !bytes.is_empty();
    if damaged {
        bytes[0] = !bytes[0];
    }
    let arrived = Arrived {
        at_ms: world.now_ms(),
        signature: signature.clone(),
        security_token,
        headers,
        bytes,
        damaged,
    };
    if matches!(fault, Some(Fault::ResetThenLate | Fault::HangThenLate)) {
        // Dropped when the client has given up, at the latest.
        let _late = Late(Arc::clone(world), Some(arrived));
        if fault == Some(Fault::HangThenLate) {
            std::future::pending::<()>().await;
        }
        return None;
    }
    let mut reply = {
        let mut state = world.state();
        let now = state.now_ms();
        state.cloud.put(now, arrived)
    };
    if matches!(reply.status, 200 | 204) {
        if *is_form {
            world.mark(form_mark(world));
        }
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
    Some(reply)
}

/// What the cloud has whole, and takes up only after its client has given up.
struct Late(Arc<World>, Option<Arrived>);

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(arrived) = self.1.take() {
            self.0.take_up_later(arrived);
        }
    }
}

fn form_mark(world: &World) -> &'static str {
    if world.swarm.platform_token {
        "form completed by a platform's token"
    } else {
        "form completed"
    }
}

/// The fields and the file of a form, whose rules are never broken.
fn open_form(
    world: &World,
    headers: &[(String, String)],
    body: &[u8],
    (signature, key): (&str, &str),
) -> Option<Form> {
    let kind = headers.iter().find(|(name, _)| name == "content-type");
    let kind = kind.map_or("", |(_, value)| value.as_str());
    let form = Form::read(kind, body).and_then(|form| {
        let breach = form.breach(signature, key);
        breach.map_or(Ok(form), Err)
    });
    let form = form.map_err(|breach| world.violated(&breach)).ok()?;
    let leaks =
        |(_, value): &(String, String)| value.contains(TOKEN_WORD) || value.contains(SECRET_WORD);
    if form.fields.iter().any(leaks) {
        world.violated("a form holds a token of the API");
    }
    Some(form)
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

/// The bytes of a body, as fast as the line is; none if the connection ends within.
async fn receive(world: &World, mut body: Incoming, fault: Option<Fault>) -> Option<Vec<u8>> {
    let streamed = body.is_streamed();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        let is_file = piece.len() > ENVELOPE_BYTES_MAX;
        bytes.extend_from_slice(&piece);
        let cut = fault == Some(Fault::CutBody) && 2 * bytes.len() as u64 > body.len;
        if cut {
            return None;
        }
        // What a form has around a file is not what makes an upload slow.
        if streamed && is_file {
            let piece_ms = if world.state().faults_on {
                world.swarm.piece_ms
            } else {
                1
            };
            tokio::time::sleep(Duration::from_millis(piece_ms)).await;
        }
    }
    Some(bytes)
}
