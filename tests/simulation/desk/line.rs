//! The way to the centre: what is asked is read by the contract, and may be lost before, within or after
//! its effect, or be answered with something that the centre does not mean.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use syncd::adapter::http::HttpLimits;
use syncd::port::BoxFuture;
use syncd::port::transport::{
    Body, Method, Reply, Request, StreamedReply, Transport, TransportFault, TransportKind,
};

use super::centre::{Asked, Look, Pass, Said, Wanted, announce, is_refusal};
use super::mix::{APP_KEY, CHANNEL, FAULTS, Fault, USER};
use super::world::World;
use crate::story::lock;
use crate::wire::{self, End, Incoming, Outcome};

/// Of a reply that comes in pieces.
const PIECE: usize = 700;
/// Codes of the platform behind the centre.
const PLATFORM: &[&str] = &[
    "160001", "160002", "160003", "160006", "160014", "160017", "160018", "164000",
];

/// See the module.
pub struct Line(pub Arc<World>);

/// A request by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    Bearer,
    Apply,
    Poll,
    Send,
    Queue,
    History,
    Download,
    Upload,
}

/// An exchange that is under way; taken off the books however it ends.
struct UnderWay {
    world: Arc<World>,
    number: u64,
    /// In a few words.
    asked: Mutex<String>,
    /// Messages that its answer holds.
    handed: Mutex<Vec<usize>>,
}

impl UnderWay {
    /// What was handed out is not in the answer any more.
    fn lose(&self) {
        let handed = std::mem::take(&mut *lock(&self.handed));
        if !handed.is_empty() {
            self.world.story.mark("poll lost with messages");
            self.world.state().centre.undelivered(&handed);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.world.exchange_ended(self.number);
        self.lose();
    }
}

impl Transport for Line {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.through(request).await.0 })
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<StreamedReply, TransportFault>> {
        Box::pin(async move {
            let (outcome, fault) = self.through(request).await;
            let reply = outcome?;
            let cut = fault == Some(Fault::CutAnswer);
            let kept = if cut {
                reply.body.len() / 2
            } else {
                reply.body.len()
            };
            let pieces: Vec<Bytes> = reply.body[..kept]
                .chunks(PIECE)
                .map(Bytes::copy_from_slice)
                .collect();
            let (sender, receiver) = tokio::sync::mpsc::channel(pieces.len() + 1);
            for piece in pieces {
                let _ = sender.try_send(Ok(piece));
            }
            if cut {
                let _ = sender.try_send(Err(TransportFault {
                    kind: TransportKind::Reset,
                    message: "cut".to_owned(),
                    bytes_sent: 0,
                }));
            }
            Ok(StreamedReply {
                status: reply.status,
                headers: reply.headers,
                pieces: receiver,
            })
        })
    }
}

impl Line {
    async fn through(&self, request: Request) -> (Outcome, Option<Fault>) {
        let world = &self.0;
        world.story.called().await;
        let (route, pass) = match read(&request) {
            Ok(read) => read,
            Err(what) => {
                world
                    .story
                    .wrong(&format!("a request that no contract knows: {what}"));
                return std::future::pending().await;
            }
        };
        let is_stream = route == Route::Download;
        let number = world.exchange_begins(route, &pass);
        let under_way = UnderWay {
            world: Arc::clone(world),
            number,
            asked: Mutex::default(),
            handed: Mutex::default(),
        };
        let fault = pick(world, route);
        let idle = HttpLimits::default().idle;
        let serve = |incoming| serve(&under_way, (route, &pass), incoming, fault);
        let mut outcome = wire::exchange(request, idle, serve).await;
        if fault == Some(Fault::CutAnswer) && !is_stream && outcome.is_ok() {
            outcome = Err(TransportFault {
                kind: TransportKind::Reset,
                message: "cut".to_owned(),
                bytes_sent: 0,
            });
        }
        let told = match &outcome {
            Ok(reply) => format!("{} {}", reply.status, start_of(&reply.body)),
            Err(error) => error.kind.to_string(),
        };
        let asked = lock(&under_way.asked).clone();
        world
            .story
            .tell(&format!("{route:?} {asked} ({fault:?}): {told}"));
        if let Ok(reply) = &outcome {
            let handed = std::mem::take(&mut *lock(&under_way.handed));
            world.arrived(route, &pass, reply, &handed);
        }
        drop(under_way);
        (outcome, fault)
    }
}

fn start_of(body: &Bytes) -> String {
    String::from_utf8_lossy(&body[..body.len().min(160)]).into_owned()
}

/// In a few words.
pub fn short(asked: &Asked) -> String {
    match asked {
        Asked::Upload { file_type, bytes } => format!("Upload {file_type} {} bytes", bytes.len()),
        other => format!("{other:?}"),
    }
}

/// Reads what can be read of a request without its body.
fn read(request: &Request) -> Result<(Route, Pass), String> {
    let url = request.url.expose();
    let path = url
        .strip_prefix("https://desk.example.com")
        .ok_or("another host")?;
    let header = |wanted: &str| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.expose().to_owned())
    };
    if path == "/apigovernance/api/oauth/tokenByAkSk" {
        let life = header("x-token-expire").ok_or("no wished lifetime")?;
        let is_right = life
            .parse()
            .is_ok_and(|life: u64| (1..=3_600).contains(&life));
        return if is_right {
            Ok((Route::Bearer, Pass::default()))
        } else {
            Err(format!("a lifetime of {life}"))
        };
    }
    let call = path
        .strip_prefix("/apiaccess/ccmessaging/")
        .ok_or("another path")?;
    let poll = format!("poll?receiverId={USER}&channel=WEB");
    let route = match call {
        "applyToken" => Route::Apply,
        _ if call == poll => Route::Poll,
        "send" => Route::Send,
        "queryQueueInfo" => Route::Queue,
        "queryHistoryChatMessage" => Route::History,
        "downloadFileStream" => Route::Download,
        "uploadFileStream" => Route::Upload,
        _ => return Err(format!("the call {call}")),
    };
    let method = if route == Route::Poll {
        Method::Get
    } else {
        Method::Post
    };
    if request.method != method || (route == Route::Poll && !matches!(request.body, Body::Empty)) {
        return Err(format!("{route:?} by {:?}", request.method));
    }
    if header("x-app-key").as_deref() != Some(APP_KEY) {
        return Err("no app key".to_owned());
    }
    let bearer = header("authorization").unwrap_or_default();
    let bearer = bearer
        .strip_prefix("Bearer ")
        .ok_or("no bearer")?
        .to_owned();
    let session = match route {
        Route::Apply => String::new(),
        _ => header("ccmessaging-token").ok_or("no session token")?,
    };
    Ok((route, Pass { bearer, session }))
}

fn text(body: &Value, field: &str) -> Result<String, String> {
    let text = body[field].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("no {field}"))
}

fn expect(body: &Value, field: &str, wanted: &str) -> Result<(), String> {
    let have = text(body, field)?;
    (have == wanted)
        .then_some(())
        .ok_or_else(|| format!("{field} is {have}"))
}

/// Reads the body by the contract.
fn open(route: Route, body: &[u8]) -> Result<Asked, String> {
    if route == Route::Poll {
        return Ok(Asked::Poll);
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(match route {
        Route::Bearer => {
            expect(&body, "app_key", APP_KEY)?;
            expect(&body, "app_secret", "canary-secret")?;
            Asked::Bearer { life_s: 3_600 }
        }
        Route::Apply => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelId", CHANNEL)?;
            expect(&body, "locale", "en")?;
            text(&body, "userName")?;
            Asked::Apply
        }
        Route::Send => Asked::Send(said(&body)?),
        Route::Queue => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelConfigId", CHANNEL)?;
            Asked::Queue
        }
        Route::History => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelId", CHANNEL)?;
            let number = |field| -> Result<usize, String> {
                text(&body, field)?
                    .parse()
                    .map_err(|_| format!("a {field} that is none"))
            };
            let since = body["startTime"].as_str().map(str::parse).transpose();
            Asked::History(Look {
                limit: number("limit")?,
                offset: number("offset")?,
                since: since.map_err(|_| "a startTime that is none")?,
            })
        }
        Route::Download => {
            expect(&body, "channel", "WEB")?;
            Asked::Download(Wanted {
                file_id: text(&body, "fileId")?,
                file_type: text(&body, "fileType")?,
                from_library: body["multiMedia"].as_str() == Some("multiMedia"),
            })
        }
        Route::Upload => {
            expect(&body, "channel", "WEB")?;
            let stream = text(&body, "fileStream")?;
            Asked::Upload {
                file_type: text(&body, "fileType")?,
                bytes: STANDARD.decode(stream).map_err(|error| error.to_string())?,
            }
        }
        Route::Poll => Asked::Poll,
    })
}

/// Reads what `send` says.
fn said(body: &Value) -> Result<Said, String> {
    expect(body, "channel", "WEB")?;
    expect(body, "from", USER)?;
    expect(body, "to", CHANNEL)?;
    expect(body, "sourceType", "CUSTOMER")?;
    let message_id = body["messageId"].as_str().map(str::to_owned);
    if message_id
        .as_ref()
        .is_some_and(|id| id.len() > 32 || id.contains(','))
    {
        return Err(format!("the messageId {message_id:?}"));
    }
    Ok(Said {
        control: text(body, "controlType")?,
        media: text(body, "mediaType")?,
        content: text(body, "content")?,
        message_id,
    })
}

/// The fault of this exchange, by the seed's rates.
fn pick(world: &World, route: Route) -> Option<Fault> {
    if world.is_calm() {
        return None;
    }
    let mut rng = lock(&world.rolls.network);
    // Of these there are few, and most can go wrong with them.
    let weight = match route {
        Route::Send | Route::Upload => 3.0,
        _ => 1.0,
    };
    let fault = world.mix.faults.iter().find(|(fault, rate)| {
        let hit = rng.f64() < *rate * weight;
        hit && applies(*fault, route)
    });
    let fault = fault.map(|(fault, _)| *fault)?;
    if let Some((_, name)) = FAULTS.iter().find(|(have, _)| *have == fault) {
        world.story.mark(name);
    }
    Some(fault)
}

fn applies(fault: Fault, route: Route) -> bool {
    let is_token = matches!(route, Route::Bearer | Route::Apply);
    match fault {
        Fault::CutBody => route == Route::Upload,
        Fault::Late => matches!(route, Route::Send | Route::Upload),
        Fault::Tired => matches!(route, Route::Poll | Route::Send | Route::Queue),
        Fault::EmptyPayload => {
            matches!(
                route,
                Route::Upload | Route::Download | Route::Poll | Route::Apply
            )
        }
        Fault::Corrupt => route == Route::Download,
        Fault::BearerRevoked | Fault::Code => route != Route::Bearer,
        Fault::SessionRevoked | Fault::Rotate | Fault::ChatLost | Fault::CutAnswer => !is_token,
        _ => true,
    }
}

async fn pause(world: &World) {
    let most = if world.is_calm() {
        20
    } else {
        world.mix.latency_ms
    };
    let span = lock(&world.rolls.network).u64(0..=most);
    tokio::time::sleep(Duration::from_millis(span)).await;
}

async fn serve(
    under_way: &UnderWay,
    (route, pass): (Route, &Pass),
    incoming: Incoming,
    fault: Option<Fault>,
) -> End {
    let world = &under_way.world;
    pause(world).await;
    if world.is_outage() {
        world.story.mark("outage");
        return End::Fails(TransportKind::Connect);
    }
    match fault {
        Some(Fault::Dns) => return End::Fails(TransportKind::Dns),
        Some(Fault::Connect) => return End::Fails(TransportKind::Connect),
        Some(Fault::ResetBefore) => return End::Fails(TransportKind::Reset),
        Some(Fault::HangBefore) => std::future::pending().await,
        _ => {}
    }
    let Some(body) = receive(world, incoming, fault).await else {
        return End::Fails(TransportKind::Reset);
    };
    let asked = match open(route, &body) {
        Ok(asked) => asked,
        Err(what) => {
            world
                .story
                .wrong(&format!("{route:?} against the contract: {what}"));
            return End::Fails(TransportKind::Reset);
        }
    };
    *lock(&under_way.asked) = short(&asked);
    world.understood(&asked);
    if fault == Some(Fault::Late) {
        world.later(asked, pass.clone());
        return End::Fails(TransportKind::Reset);
    }
    let before = lock(&world.rolls.network).bool();
    if let Some(refusal) = refusal(world, &asked, fault, before) {
        return End::Reply(refusal);
    }
    let mut reply = effect(under_way, &asked, pass, fault).await;
    world.story.called().await;
    pause(world).await;
    match fault {
        Some(Fault::ResetAfter) => End::Fails(TransportKind::Reset),
        Some(Fault::HangAfter) => std::future::pending().await,
        _ => {
            spoil(under_way, &asked, fault, &mut reply);
            End::Reply(reply)
        }
    }
}

/// The bytes of a body, as fast as the line is; none if the connection ends within.
async fn receive(world: &World, mut body: Incoming, fault: Option<Fault>) -> Option<Vec<u8>> {
    let streamed = body.is_streamed();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece);
        if fault == Some(Fault::CutBody) && 2 * bytes.len() as u64 > body.len {
            return None;
        }
        if streamed {
            let piece_ms = if world.is_calm() {
                1
            } else {
                world.mix.piece_ms
            };
            tokio::time::sleep(Duration::from_millis(piece_ms)).await;
        }
    }
    Some(bytes)
}

/// An answer without any effect.
fn refusal(world: &World, asked: &Asked, fault: Option<Fault>, before: bool) -> Option<Reply> {
    let now = world.now_ms();
    let mut rng = lock(&world.rolls.network).fork();
    let mut state = world.state();
    let centre = &mut state.centre;
    match fault? {
        Fault::BearerRevoked => centre.revoke_bearers(),
        Fault::SessionRevoked => centre.revoke_sessions(),
        Fault::ChatLost => centre.lose_chat(),
        Fault::NotSubscribed => {
            let body = json!({"errorCode": "0", "exceptionInfo": "the API is not subscribed"});
            return Some(centre.reply(now, 403, body.to_string()));
        }
        Fault::TooMany => {
            let mut reply = centre.reply(now, 429, "");
            reply
                .headers
                .push(("retry-after".to_owned(), "7".to_owned()));
            return Some(reply);
        }
        Fault::NotJson | Fault::ServerError | Fault::BadGateway if before => {
            return Some(of_the_gateway(centre.reply(now, 200, ""), fault, &mut rng));
        }
        Fault::Tired => {
            let code = PLATFORM[rng.usize(..PLATFORM.len())];
            return Some(centre.result(now, code, "in trouble"));
        }
        Fault::Code => return own_code(world, centre, asked, &mut rng),
        _ => {}
    }
    None
}

/// What a gateway says in place of the centre.
fn of_the_gateway(mut reply: Reply, fault: Option<Fault>, rng: &mut fastrand::Rng) -> Reply {
    match fault {
        Some(Fault::NotJson) => reply.body = Bytes::from_static(b"<html>a proxy</html>"),
        Some(Fault::ServerError) => {
            reply.status = 500;
            reply.body = Bytes::from_static(b"{}");
        }
        _ => {
            reply.status = if rng.bool() { 502 } else { 503 };
            reply.body = Bytes::new();
        }
    }
    reply
}

/// A refusal from the table of the call, where there is one that is true at any time.
fn own_code(
    world: &World,
    centre: &super::centre::Centre,
    asked: &Asked,
    rng: &mut fastrand::Rng,
) -> Option<Reply> {
    let now = world.now_ms();
    let (code, words) = match asked {
        Asked::Bearer { .. } => return None,
        Asked::Apply => ("1", ""),
        Asked::Poll => ("99", "nobody documented this"),
        Asked::Queue => *pick_one(rng, &[("2", "CCUCS request failed"), ("4", "unknown")]),
        Asked::History(_) => ("1", "failed"),
        Asked::Send(said) if said.control == "CHAT" => *pick_one(
            rng,
            &[
                ("13", "sendUserMessage failed"),
                ("160011", "writing failed"),
            ],
        ),
        Asked::Send(said) if said.control == "CONNECT" => *pick_one(
            rng,
            &[
                ("13", "No ccucs address available!"),
                ("20348", "no agent has the skill"),
            ],
        ),
        Asked::Send(_) => ("13", "fail to initialize robot: CCUCS unreachable"),
        Asked::Download(_) => *pick_one(
            rng,
            &[
                ("13", "fsservice downloadFile is failed"),
                ("13", "downloadFileStream IOException"),
                ("13", "downloadFileStream exception"),
                ("13", "empty file!"),
            ],
        ),
        Asked::Upload { .. } => return Some(centre.upload_result(now, "13", None)),
    };
    Some(centre.result(now, code, words))
}

fn pick_one<'a, T>(rng: &mut fastrand::Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

/// The centre does it; a poll may be held.
async fn effect(under_way: &UnderWay, asked: &Asked, pass: &Pass, fault: Option<Fault>) -> Reply {
    let world = &under_way.world;
    let began = world.now_ms();
    let entered = world.state().centre.enter(began, asked, pass);
    let newer = match entered {
        Ok(newer) => newer,
        Err(refusal) => return refusal,
    };
    let until = began + world.state().centre.manners.hold_ms;
    loop {
        let mail = world.mail.notified();
        tokio::pin!(mail);
        mail.as_mut().enable();
        let now = world.now_ms();
        let answer = {
            let mut state = world.state();
            let centre = &mut state.centre;
            let empty = now >= until;
            let answer = centre.answer(now, asked);
            let answer = answer.or_else(|| empty.then(|| centre.nothing_new(now).into()));
            answer.map(|mut answer| {
                match &newer {
                    Some(newer) => announce(&mut answer.reply, newer.clone()),
                    None if fault == Some(Fault::Rotate) && !is_refusal(&answer.reply) => {
                        centre.rotate(now, &mut answer.reply);
                    }
                    None => {}
                }
                answer
            })
        };
        if let Some(answer) = answer {
            *lock(&under_way.handed) = answer.handed;
            world.took_effect(asked);
            return answer.reply;
        }
        tokio::select! {
            biased;
            () = mail => {}
            () = tokio::time::sleep_until(world.story.instant(until)) => {}
        }
    }
}

/// An answer that the centre does not mean, after the effect.
fn spoil(under_way: &UnderWay, asked: &Asked, fault: Option<Fault>, reply: &mut Reply) {
    let mut rng = lock(&under_way.world.rolls.network).fork();
    match fault {
        Some(Fault::NotJson | Fault::ServerError | Fault::BadGateway) => {
            *reply = of_the_gateway(reply.clone(), fault, &mut rng);
            under_way.lose();
        }
        Some(Fault::EmptyPayload) => {
            let body = match asked {
                Asked::Upload { .. } => json!({"returnCode": "0"}),
                Asked::Poll => json!({}),
                _ => json!({"resultCode": "0"}),
            };
            reply.body = body.to_string().into();
            under_way.lose();
        }
        Some(Fault::Corrupt) => {
            let mut bytes = reply.body.to_vec();
            let at = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = b'!';
            }
            reply.body = bytes.into();
        }
        _ => {}
    }
}
