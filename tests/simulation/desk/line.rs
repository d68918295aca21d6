//! The way to the centre: what is asked is read by the contract, and may be lost before, within or after
//! its effect, or be answered with something that the centre does not mean.

mod faults;
mod reading;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::HttpLimits;
use syncd::port::BoxFuture;
use syncd::port::transport::{
    Reply, Request, StreamedReply, Transport, TransportFault, TransportKind,
};

use super::centre::{Asked, Pass, announce, is_refusal};
use super::mix::Fault;
use super::world::World;
use crate::story::lock;
use crate::wire::{self, End, Incoming, Outcome};

/// Of a reply that comes in pieces.
const PIECE: usize = 700;
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
                    moved_for: Duration::ZERO,
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
        let (route, pass) = match reading::read(&request) {
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
        let fault = faults::pick(world, route);
        let idle = HttpLimits::default().idle;
        let serve = |incoming| serve(&under_way, (route, &pass), incoming, fault);
        let mut outcome = wire::exchange(request, idle, serve).await;
        if fault == Some(Fault::CutAnswer) && !is_stream && outcome.is_ok() {
            outcome = Err(TransportFault {
                kind: TransportKind::Reset,
                message: "cut".to_owned(),
                bytes_sent: 0,
                moved_for: Duration::ZERO,
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
    let asked = match reading::open(route, &body) {
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
    if let Some(reply) = world.scripted(&asked) {
        return End::Reply(reply);
    }
    if fault == Some(Fault::Late) {
        world.later(asked, pass.clone());
        return End::Fails(TransportKind::Reset);
    }
    let before = lock(&world.rolls.network).bool();
    if let Some(refusal) = faults::refusal(world, &asked, fault, before) {
        return End::Reply(refusal);
    }
    let mut reply = effect(under_way, &asked, pass, fault).await;
    world.story.called().await;
    pause(world).await;
    match fault {
        Some(Fault::ResetAfter) => End::Fails(TransportKind::Reset),
        Some(Fault::HangAfter) => std::future::pending().await,
        _ => {
            faults::spoil(under_way, &asked, fault, &mut reply);
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
