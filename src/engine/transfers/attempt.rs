//! One attempt: drives a flow through the transport until the cloud has acknowledged the file or a fault
//! is left that this attempt cannot mend by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::outbox;
use super::remote::{Remote, Wechat};
use super::source::{self, Budget, Held, Stream, StreamReader};
use super::supply::{Lease, Prepared, PreparedBody};
use crate::decide::remedy::{self, JobNext, Same, Situation};
use crate::engine::Ports;
use crate::engine::folder::Folder;
use crate::flow::upload::{Upload, UploadInput};
use crate::flow::{self, Arrival, Step, Transfer};
use crate::model::event::Event;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::job::{Claim, Receipt};
use crate::model::time::{Monotonic, Timestamp};
use crate::port::disk::Root;
use crate::port::transport::{Body, Pieces, Reply, Request, TransportFault, TransportKind};
use crate::store::Store;

/// The largest object that one request may carry (protocol notes 4.1).
const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What every attempt of an account needs.
pub(super) struct Context {
    pub ports: Ports,
    pub remote: Remote,
    pub store: Store,
    pub budget: Budget,
    /// A person was told that the clocks differ.
    pub clock_told: AtomicBool,
    /// Nothing else of the account was under way since the attempt that runs began.
    pub alone: AtomicBool,
}

/// Clocks that differ by more than this are told.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);

impl Context {
    /// Tells how a call ended, for the counters.
    fn tell_answered(&self, call: Call, fault: Option<&Fault>) {
        self.ports.tell(&Event::Answered {
            account: self.remote.name().to_owned(),
            call,
            code: fault.map_or_else(|| "ok".to_owned(), |fault| fault.code.clone()),
        });
    }

    /// Tells once if this machine's clock is far from the server's. Transfers do not depend on it, but
    /// logs and stored times do.
    fn compare_clocks(&self, reply: &Reply) {
        let Some(theirs) = flow::server_time(reply) else {
            return;
        };
        let ours = self.ports.clock.now();
        let apart = ours.until(theirs).max(theirs.until(ours));
        if apart > CLOCKS_APART_MAX && !self.clock_told.swap(true, Ordering::Relaxed) {
            let side = if ours > theirs { "ahead of" } else { "behind" };
            let message = format!(
                "The clock of this machine is {} s {side} the server's; set it (timedatectl shows \
                 whether it is kept in time)",
                apart.as_secs()
            );
            self.ports.tell(&Event::Notice {
                name: self.remote.name().to_owned(),
                message,
            });
        }
    }
}

/// An attempt that ended.
pub(super) struct Ended {
    pub claim: Claim,
    pub folder: Arc<Folder>,
    pub result: Result<Receipt, Trouble>,
    pub started_at: Timestamp,
    pub took: Duration,
    /// What a person should read about the link.
    pub warning: Option<String>,
    /// An upload of this attempt that another one followed, and that may still take effect.
    pub lost: Option<Fault>,
}

/// A fault with what the attempt did about it by itself.
pub(super) struct Trouble {
    pub fault: Fault,
    pub fresh_links: u32,
    pub refreshes: u32,
    /// The cloud may have the bytes all the same.
    pub maybe_sent: bool,
}

/// Where an attempt stands.
struct Progress {
    lease: Lease,
    fresh_links: u32,
    refreshes: u32,
    token_generation: Option<u64>,
    /// All bytes went out once, and no answer said what became of them.
    maybe_sent: bool,
    warning: Option<String>,
    lost: Option<Fault>,
}

impl Progress {
    fn new(lease: Lease) -> Self {
        Self {
            lease,
            fresh_links: 0,
            refreshes: 0,
            token_generation: None,
            maybe_sent: false,
            warning: None,
            lost: None,
        }
    }
}

/// Runs one attempt to its end.
pub(super) async fn attempt(context: Arc<Context>, prepared: Prepared) -> Ended {
    let started_at = context.ports.clock.now();
    let started = context.ports.clock.monotonic();
    let Prepared {
        claim,
        folder,
        body,
        lease,
    } = prepared;
    let mut progress = Progress::new(lease);
    let result = publish(&context, &folder, &claim, body, &mut progress).await;
    let took = context.ports.clock.monotonic().since(started);
    let result = result.map_err(|fault| Trouble {
        fault,
        fresh_links: progress.fresh_links,
        refreshes: progress.refreshes,
        maybe_sent: progress.maybe_sent,
    });
    Ended {
        claim,
        folder,
        result,
        started_at,
        took,
        warning: progress.warning,
        lost: progress.lost,
    }
}

async fn publish(
    context: &Context,
    folder: &Folder,
    claim: &Claim,
    body: PreparedBody,
    progress: &mut Progress,
) -> Result<Receipt, Fault> {
    let (source, _share) = match body {
        PreparedBody::Failed(fault) => return Err(fault),
        PreparedBody::Held(held) => (Source::Held(held), None),
        PreparedBody::OnDisk(root) => {
            // Before a link is asked for, whose time runs.
            let share = context.budget.stream(claim.version.stat.size).await;
            (Source::OnDisk(root), share)
        }
    };
    let wechat = match &context.remote {
        Remote::Wechat(wechat) => wechat,
        Remote::Desk(desk) => {
            progress.lease.committed().await;
            return outbox::pass(context, (desk, &folder.spec), claim, &source).await;
        }
    };
    loop {
        let fault = match pass((context, wechat), folder, claim, &source, progress).await {
            Ok(receipt) => return Ok(receipt),
            Err(fault) => fault,
        };
        let next = next_in_attempt(context, claim, &fault, progress);
        if next.is_some() && progress.maybe_sent {
            progress.lost = Some(fault.clone());
        }
        match next {
            Some(Same::FreshLink) => progress.fresh_links += 1,
            Some(Same::RefreshToken) => {
                progress.refreshes += 1;
                if let Some(generation) = progress.token_generation {
                    wechat.tokens.refused(generation, &fault);
                }
            }
            None => return Err(fault),
        }
    }
}

/// Where the bytes of an attempt come from.
pub(super) enum Source {
    /// Memory.
    Held(Held),
    /// This root, piece by piece.
    OnDisk(Arc<dyn Root>),
}

/// Whether this attempt goes on after a fault, by the same rules that decide what follows it.
fn next_in_attempt(
    context: &Context,
    claim: &Claim,
    fault: &Fault,
    progress: &Progress,
) -> Option<Same> {
    let situation = Situation {
        attempts: claim.attempts,
        attempts_max: u32::MAX,
        repeats: claim.repeats,
        fresh_links: progress.fresh_links,
        refreshes: progress.refreshes,
        account_faults: 0,
        closures: 0,
        now: context.ports.clock.now(),
        retry_after: fault.retry_after,
        fraction: 0.0,
    };
    match remedy::decide(remedy::classify(fault), &situation).job {
        JobNext::SameAttempt(same) => Some(same),
        JobNext::Retry { .. } | JobNext::Dead | JobNext::Replan => None,
    }
}

/// Once through the flow: a link, the bytes, the answer.
async fn pass(
    (context, wechat): (&Context, &Wechat),
    folder: &Folder,
    claim: &Claim,
    source: &Source,
    progress: &mut Progress,
) -> Result<Receipt, Fault> {
    let (mut upload, mut step) = begin((context, wechat), folder, claim, source)?;
    if claim.version.stat.size > OBJECT_BYTES_MAX {
        let message = "the file is larger than 5 GiB and was not sent";
        let call = upload.sending();
        return Err(Fault::new(call, Layer::Cos, "EntityTooLarge", message));
    }
    let mut link_arrived = context.ports.clock.monotonic();
    loop {
        let (kind, arrival) = match step {
            Step::Finish(receipt) => return Ok(receipt),
            Step::Stop(fault) => return Err(fault),
            Step::Call(call) => {
                let (account, ports) = (&wechat.account, &context.ports);
                let token = wechat.tokens.current(account, ports).await?;
                progress.token_generation = Some(token.generation);
                wechat.tokens.pace(account, ports).await;
                let base_url = &account.base_url;
                let kind = call.call;
                let request = call.request(base_url, token.query_name, &token.value);
                let arrival = arrived(context.ports.transport.exchange(request).await);
                if let Arrival::Reply(reply) = &arrival {
                    context.compare_clocks(reply);
                }
                link_arrived = context.ports.clock.monotonic();
                (kind, arrival)
            }
            Step::Send(transfer) => {
                if let Some(generation) = progress.token_generation {
                    wechat.tokens.accepted(generation);
                }
                wechat.tokens.prove_door(upload.proven_door());
                if transfer.warning.is_some() {
                    progress.warning.clone_from(&transfer.warning);
                }
                progress.lease.committed().await;
                let sending = Sending {
                    link_arrived,
                    progress,
                };
                let kind = transfer.call;
                let sent = send((context, wechat), claim, source, *transfer, sending).await;
                let arrival = sent.inspect_err(|fault| context.tell_answered(kind, Some(fault)))?;
                (kind, arrival)
            }
        };
        step = upload.next(arrival);
        match &step {
            Step::Stop(fault) => context.tell_answered(kind, Some(fault)),
            Step::Call(_) | Step::Send(_) | Step::Finish(_) => context.tell_answered(kind, None),
        }
    }
}

/// Begins the flow of the folder.
fn begin(
    (context, wechat): (&Context, &Wechat),
    folder: &Folder,
    claim: &Claim,
    source: &Source,
) -> Result<(Upload, Step), Fault> {
    let checksums = match source {
        Source::Held(held) => Some(held.checksums),
        Source::OnDisk(_) => None,
    };
    let dress = folder.publisher.dress(&claim.path);
    if dress.fingerprint != claim.version.headers {
        let message = "its headers were configured anew after it was planned";
        return Err(Fault::new(Call::Source, Layer::Local, "changed", message));
    }
    let dice = &context.ports.dice;
    let input = UploadInput {
        env: folder.spec.env.clone(),
        key: claim.key.clone(),
        len: claim.version.stat.size,
        checksums,
        headers: dress.headers.clone(),
        door: wechat.tokens.door(&wechat.account),
        nonce: u128::from(dice.number()) << 64 | u128::from(dice.number()),
    };
    Upload::begin(folder.spec.flow, input)
}

fn arrived(result: Result<Reply, TransportFault>) -> Arrival {
    match result {
        Ok(reply) => Arrival::Reply(reply),
        Err(failed) => Arrival::Failed(failed),
    }
}

struct Sending<'a> {
    link_arrived: Monotonic,
    progress: &'a mut Progress,
}

/// Sends the bytes to the link, no longer than the link may be used.
async fn send(
    (context, wechat): (&Context, &Wechat),
    claim: &Claim,
    source: &Source,
    mut transfer: Transfer,
    sending: Sending<'_>,
) -> Result<Arrival, Fault> {
    let clock = &context.ports.clock;
    let (call, window, file_len) = (transfer.call, transfer.window, transfer.len);
    let spent = clock.monotonic().since(sending.link_arrived);
    let left = window.saturating_sub(spent);
    let hosts = &wechat.account.upload_hosts;
    let len = transfer.body_len();
    let deadline = flow::transfer_deadline(len).min(left);
    let envelope = std::mem::take(&mut transfer.envelope);
    let arrival = match source {
        Source::Held(held) => {
            let request = transfer.request(held.body(envelope), deadline, hosts);
            arrived(context.ports.transport.exchange(request).await)
        }
        Source::OnDisk(root) => {
            let parts = source::stream(
                Arc::clone(root),
                claim.path.clone(),
                claim.version.clone(),
                envelope,
            );
            stream(context, call, parts, |pieces| {
                transfer.request(Body::Streamed { len, pieces }, deadline, hosts)
            })
            .await
            .inspect_err(|fault| sending.progress.maybe_sent |= fault.call == call)?
        }
    };
    sending.progress.maybe_sent |= may_have_landed(&arrival, file_len);
    // Where all bytes went out, it is the answer that did not come in time.
    if let Arrival::Failed(failed) = &arrival
        && failed.kind == TransportKind::Timeout
        && deadline == left
        && failed.bytes_sent < len
    {
        let moved = failed.moved_for * 2 > window;
        let alone = context.alone.load(Ordering::Relaxed);
        return Err(expired(call, moved, alone));
    }
    Ok(arrival)
}

/// A link ended before all bytes were sent. That they moved for more than half of its window says that the
/// uplink is too slow: for the file, if it had all of it, else for so many files.
fn expired(call: Call, moved: bool, alone: bool) -> Fault {
    let code = match (moved, alone) {
        (false, _) => "link-expired",
        (true, false) => "uplink-shared",
        (true, true) => "cannot-fit",
    };
    let message = "the link's time was over before all bytes were sent";
    Fault::new(call, Layer::Local, code, message)
}

/// Whether the object store may have completed the object, or may do so later.
fn may_have_landed(arrival: &Arrival, len: u64) -> bool {
    match arrival {
        Arrival::Reply(reply) | Arrival::Sent(reply, _) => !(400..500).contains(&reply.status),
        Arrival::Failed(failed) => match failed.kind {
            TransportKind::Dns
            | TransportKind::Connect
            | TransportKind::Tls
            | TransportKind::NoRoots
            | TransportKind::Refused
            | TransportKind::Source => false,
            TransportKind::Timeout
            | TransportKind::Stalled
            | TransportKind::Reset
            | TransportKind::TooLarge
            | TransportKind::Encoded => failed.bytes_sent >= len,
        },
    }
}

/// Streams a file from the disk; the last piece is held back until the file proved to be the planned one.
async fn stream(
    context: &Context,
    call: Call,
    (reader, stream): (StreamReader, Stream),
    request: impl FnOnce(Pieces) -> Request,
) -> Result<Arrival, Fault> {
    let Stream {
        pieces,
        mut verdict,
    } = stream;
    let exchange = context.ports.transport.exchange(request(pieces));
    let feeding = reader.run(context.ports.offload);
    tokio::pin!(exchange, feeding);
    let mut fed = false;
    let result = loop {
        tokio::select! {
            biased;
            () = &mut feeding, if !fed => fed = true,
            result = &mut exchange => break result,
        }
    };
    match (verdict.try_recv(), result) {
        (Ok(Err(fault)), _) if fault.code != source::ABANDONED => Err(fault),
        (Ok(Ok(checksums)), Ok(reply)) => Ok(Arrival::Sent(reply, checksums)),
        (_, Ok(reply)) if (200..300).contains(&reply.status) => {
            let message = "the server said yes before it had the whole file";
            Err(Fault::new(call, Layer::Cos, "checksum", message).with_status(reply.status))
        }
        (_, result) => Ok(arrived(result)),
    }
}
