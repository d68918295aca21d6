//! One file of an outbox: handed over to the desk, then sent in a message. What the desk was told is
//! written down before the next thing is told to it, so that no crash makes a file go out twice.

use std::sync::Arc;

use super::attempt::{Context, Source};
use super::source::{self, Stream};
use crate::engine::desk::Desk;
use crate::flow::Envelope;
use crate::flow::ccmessaging::calls::{DeskCall, upload_request};
use crate::flow::ccmessaging::chat::read_sent;
use crate::flow::ccmessaging::history::read_history;
use crate::flow::ccmessaging::mend::Mended;
use crate::flow::ccmessaging::outgoing::{Arrival, OutboxFile, Outgoing, Sending, Step};
use crate::flow::ccmessaging::upload::{Kind, ObjectKey, Parcel, read_upload};
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::FolderSpec;
use crate::model::job::{Claim, Receipt};
use crate::port::disk::Root;
use crate::port::transport::{Body, Pieces, Reply, SourceFailed};
use crate::store::{NewObjectKey, StoreError};

/// Pieces that wait between the encoder and the network.
const PIECES_WAITING: usize = 4;

/// One attempt to send a file.
///
/// # Errors
/// What the desk, the disk or the memory said.
pub(super) async fn pass(
    context: &Context,
    (desk, folder): (&Desk, &FolderSpec),
    claim: &Claim,
    source: &Source,
) -> Result<Receipt, Fault> {
    let clock = &context.ports.clock;
    let file = OutboxFile {
        path: claim.path.clone(),
        len: claim.version.stat.size,
        max_file: folder.max_file,
        digest: claim.version.digest,
    };
    let stored = stored(context, claim).await?;
    let (mut outgoing, mut step) = Outgoing::begin(&desk.spec, file, stored, fresh_id(context))?;
    desk.ready_to_send().await?;
    loop {
        step = match step {
            Step::Finish(receipt) => return Ok(receipt),
            Step::Stop(fault) => {
                if outgoing.is_overstated() {
                    keep(context, claim, &outgoing).await?;
                }
                return Err(fault);
            }
            Step::Upload(kind) => {
                let arrival = match upload(context, desk, claim, source, kind).await {
                    Ok(reply) => Arrival::Reply(reply),
                    Err(fault) => Arrival::Fault(fault),
                };
                outgoing.next(&desk.spec, arrival)
            }
            Step::KeepKey => {
                keep(context, claim, &outgoing).await?;
                outgoing.kept(&desk.spec, clock.now())
            }
            Step::BeginSend => {
                begin_send(context, claim).await?;
                outgoing.kept(&desk.spec, clock.now())
            }
            Step::Call(call) => {
                let arrival = ask(desk, &call).await;
                outgoing.next(&desk.spec, arrival)
            }
        };
    }
}

/// 32 hex digits (desk notes 6.1).
fn fresh_id(context: &Context) -> String {
    let dice = &context.ports.dice;
    format!("{:016x}{:016x}", dice.number(), dice.number())
}

/// What earlier attempts to send these bytes have got to.
async fn stored(context: &Context, claim: &Claim) -> Result<Sending, Fault> {
    let row = context.store.sending(claim.job).await;
    let row = row.map_err(|error| not_kept(&error))?;
    // Other bytes are another file, with a message of its own.
    let row = row.filter(|row| row.digest == claim.version.digest);
    let now = context.ports.clock.now();
    Ok(row.map_or_else(Sending::default, |row| Sending {
        object_key: Some((
            ObjectKey::from_stored(row.object_key),
            row.key_at.until(now),
        )),
        message_id: Some(row.message_id),
        sends: row.begun,
    }))
}

/// Writes down the key of the file, the message that is to carry it, and how often that may be out.
async fn keep(context: &Context, claim: &Claim, outgoing: &Outgoing) -> Result<(), Fault> {
    let Some(key) = outgoing.key() else {
        return Ok(());
    };
    let key = NewObjectKey {
        digest: claim.version.digest,
        object_key: key.as_str().to_owned(),
        message_id: outgoing.message_id().to_owned(),
        sends: outgoing.sends(),
    };
    let now = context.ports.clock.now();
    let kept = context.store.keep_object_key(claim.job, key, now).await;
    match kept {
        Ok(true) => Ok(()),
        Ok(false) => Err(unwanted()),
        Err(error) => Err(not_kept(&error)),
    }
}

/// Writes down that the message may be out from now on.
async fn begin_send(context: &Context, claim: &Claim) -> Result<(), Fault> {
    let now = context.ports.clock.now();
    match context.store.send_begins(claim.job, now).await {
        Ok(0) => Err(unwanted()),
        Ok(_) => Ok(()),
        Err(error) => Err(not_kept(&error)),
    }
}

fn unwanted() -> Fault {
    let message = "nobody wants it any more";
    Fault::new(Call::Source, Layer::Local, "changed", message)
}

/// The engine ends where the memory fails; until then nothing goes on without it.
fn not_kept(error: &StoreError) -> Fault {
    Fault::new(Call::Send, Layer::Local, "io", &error.to_string())
}

/// A call about the message. The session that it may need is opened on the way.
async fn ask(desk: &Desk, call: &DeskCall) -> Arrival {
    let read = |reply: &Reply| {
        match call.call {
            Call::Send => read_sent(Call::Send, reply)?,
            _ => drop(read_history(reply)?),
        }
        Ok(reply.clone())
    };
    match desk.call_in_chat(call, read).await {
        Ok(reply) => Arrival::Reply(reply),
        Err(fault) => Arrival::Fault(fault),
    }
}

/// Hands the file over, once more for each token that was refused, and once in a new session where the last
/// one is over: without an inbox nobody else would notice.
async fn upload(
    context: &Context,
    desk: &Desk,
    claim: &Claim,
    source: &Source,
    kind: Kind,
) -> Result<Reply, Fault> {
    let (mut renewed, mut reopened) = (Mended::default(), Mended::default());
    loop {
        let pass = desk.pass().await?;
        let (bearer, session) = pass.tokens();
        let parcel = Parcel::new(kind, claim.version.stat.size);
        let reply = match source {
            Source::Held(held) => {
                let body = Body::Held(parcel.whole(&held.bytes)?);
                let request = upload_request(&desk.spec, bearer, session, body);
                desk.exchange(Call::Upload, request, &pass).await?
            }
            Source::OnDisk(root) => {
                stream(context, claim, root, parcel, |body| async {
                    let request = upload_request(&desk.spec, bearer, session, body);
                    desk.exchange(Call::Upload, request, &pass).await
                })
                .await?
            }
        };
        let read = read_upload(&reply);
        desk.tell_answered(Call::Upload, read.as_ref().err());
        let Err(fault) = read else {
            desk.accepted(&pass);
            return Ok(reply);
        };
        if desk.renews(&pass, &fault, &mut renewed) {
            continue;
        }
        desk.failed(&fault);
        if !desk.calls_for_session(&fault, &mut reopened).await? {
            return Ok(reply);
        }
        desk.ready_to_send().await?;
    }
}

/// Streams a file through the encoder; the end of the body is held back until the file proved to be the
/// planned one.
async fn stream<F: Future<Output = Result<Reply, Fault>>>(
    context: &Context,
    claim: &Claim,
    root: &Arc<dyn Root>,
    parcel: Parcel,
    send: impl FnOnce(Body) -> F,
) -> Result<Reply, Fault> {
    let (path, version) = (claim.path.clone(), claim.version.clone());
    let (reader, file) = source::stream(Arc::clone(root), path, version, Envelope::default());
    let Stream {
        pieces,
        mut verdict,
    } = file;
    let (encoded, body) = tokio::sync::mpsc::channel(PIECES_WAITING);
    let len = parcel.content_length();
    let feeding = async {
        tokio::join!(
            reader.run(context.ports.offload),
            encode(pieces, parcel, encoded)
        )
    };
    let exchange = send(Body::Streamed { len, pieces: body });
    tokio::pin!(feeding, exchange);
    let mut fed = false;
    let result = loop {
        tokio::select! {
            biased;
            _ = &mut feeding, if !fed => fed = true,
            result = &mut exchange => break result,
        }
    };
    match (verdict.try_recv(), result) {
        (Ok(Err(fault)), _) if fault.code != source::ABANDONED => Err(fault),
        (_, result) => result,
    }
}

type Encoded = tokio::sync::mpsc::Sender<Result<bytes::Bytes, SourceFailed>>;

/// Passes the file's pieces on as pieces of the body. A piece that cannot be sent means that the request has
/// ended; then nothing more is read.
async fn encode(mut pieces: Pieces, mut parcel: Parcel, encoded: Encoded) {
    while let Some(piece) = pieces.recv().await {
        let piece = piece.map(|bytes| parcel.piece(&bytes));
        let failed = piece.is_err();
        if encoded.send(piece).await.is_err() || failed {
            return;
        }
    }
    let last = parcel.finish().map_err(|_| SourceFailed);
    let _ = encoded.send(last).await;
}
