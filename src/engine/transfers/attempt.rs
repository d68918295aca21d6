//! One attempt: drives a flow through the transport until the cloud has acknowledged the file or a fault
//! is left that this attempt cannot mend by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::source::{self, Budget, Held};
use super::supply::{Prepared, PreparedBody};
use super::tokens::Tokens;
use crate::decide::remedy::{self, JobNext, Same, Situation};
use crate::engine::Ports;
use crate::engine::folder::Folder;
use crate::flow::static_website::{StaticUpload, UploadInput};
use crate::flow::{self, Arrival, Step, Transfer};
use crate::model::event::Event;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::AccountSpec;
use crate::model::job::{Claim, Receipt};
use crate::model::time::{Monotonic, Timestamp};
use crate::port::disk::Root;
use crate::port::transport::{Body, Reply, TransportFault, TransportKind};

/// The largest object that one request may carry (protocol notes 4.1).
const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What every attempt of an account needs.
pub(super) struct Context {
    pub ports: Ports,
    pub account: AccountSpec,
    pub tokens: Tokens,
    pub budget: Budget,
    /// A person was told that the clocks differ.
    pub clock_told: AtomicBool,
}

/// Clocks that differ by more than this are told.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);

impl Context {
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
                name: self.account.name.clone(),
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
}

/// A fault with what the attempt did about it by itself.
pub(super) struct Trouble {
    pub fault: Fault,
    pub fresh_links: u32,
    pub refreshes: u32,
    pub slow_expiries: u32,
}

/// Where an attempt stands.
#[derive(Default)]
struct Progress {
    fresh_links: u32,
    refreshes: u32,
    slow_expiries: u32,
    token_generation: Option<u64>,
    /// A link was refused although the bytes had been moving for most of its window.
    slow: bool,
    warning: Option<String>,
}

/// Runs one attempt to its end.
pub(super) async fn attempt(context: Arc<Context>, prepared: Prepared) -> Ended {
    let started_at = context.ports.clock.now();
    let started = context.ports.clock.monotonic();
    let Prepared {
        claim,
        folder,
        body,
    } = prepared;
    let mut progress = Progress::default();
    let result = publish(&context, &folder, &claim, body, &mut progress).await;
    let took = context.ports.clock.monotonic().since(started);
    let result = result.map_err(|fault| Trouble {
        fault,
        fresh_links: progress.fresh_links,
        refreshes: progress.refreshes,
        slow_expiries: progress.slow_expiries,
    });
    Ended {
        claim,
        folder,
        result,
        started_at,
        took,
        warning: progress.warning,
    }
}

async fn publish(
    context: &Context,
    folder: &Folder,
    claim: &Claim,
    body: PreparedBody,
    progress: &mut Progress,
) -> Result<Receipt, Fault> {
    let source = match body {
        PreparedBody::Failed(fault) => return Err(fault),
        PreparedBody::Held(held) => Source::Held(held),
        PreparedBody::OnDisk(root) => Source::OnDisk(root),
    };
    loop {
        progress.slow = false;
        let fault = match pass(context, folder, claim, &source, progress).await {
            Ok(receipt) => return Ok(receipt),
            Err(fault) => fault,
        };
        progress.slow_expiries = if progress.slow {
            progress.slow_expiries + 1
        } else {
            0
        };
        match next_in_attempt(context, claim, &fault, progress) {
            Some(Same::FreshLink) => progress.fresh_links += 1,
            Some(Same::RefreshToken) => {
                progress.refreshes += 1;
                if let Some(generation) = progress.token_generation {
                    context.tokens.refused(generation, &fault);
                }
            }
            None => return Err(fault),
        }
    }
}

enum Source {
    Held(Held),
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
        slow_expiries: progress.slow_expiries,
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
    context: &Context,
    folder: &Folder,
    claim: &Claim,
    source: &Source,
    progress: &mut Progress,
) -> Result<Receipt, Fault> {
    if claim.version.stat.size > OBJECT_BYTES_MAX {
        let message = "the file is larger than 5 GiB and was not sent";
        return Err(Fault::new(Call::Put, Layer::Cos, "EntityTooLarge", message));
    }
    let checksums = match source {
        Source::Held(held) => Some(held.checksums),
        Source::OnDisk(_) => None,
    };
    let dress = folder.publisher.dress(&claim.path);
    if dress.fingerprint != claim.version.headers {
        let message = "its headers were configured anew after it was planned";
        return Err(Fault::new(Call::Source, Layer::Local, "changed", message));
    }
    let input = UploadInput {
        env: folder.spec.env.clone(),
        key: claim.key.clone(),
        len: claim.version.stat.size,
        checksums,
        headers: dress.headers.clone(),
    };
    let (mut flow, mut step) = StaticUpload::begin(input);
    let mut link_arrived = context.ports.clock.monotonic();
    loop {
        let arrival = match step {
            Step::Finish(receipt) => return Ok(receipt),
            Step::Stop(fault) => return Err(fault),
            Step::Call(call) => {
                let (account, ports) = (&context.account, &context.ports);
                let token = context.tokens.current(account, ports).await?;
                progress.token_generation = Some(token.generation);
                context.tokens.pace(account, ports).await;
                let base_url = &context.account.base_url;
                let request = call.request(base_url, token.query_name, &token.value);
                let arrival = arrived(context.ports.transport.exchange(request).await);
                if let Arrival::Reply(reply) = &arrival {
                    context.compare_clocks(reply);
                }
                link_arrived = context.ports.clock.monotonic();
                arrival
            }
            Step::Send(transfer) => {
                if let Some(generation) = progress.token_generation {
                    context.tokens.accepted(generation);
                }
                if transfer.warning.is_some() {
                    progress.warning.clone_from(&transfer.warning);
                }
                send(
                    context,
                    claim,
                    source,
                    &transfer,
                    Sending {
                        link_arrived,
                        progress,
                    },
                )
                .await?
            }
        };
        step = flow.next(arrival);
    }
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
    context: &Context,
    claim: &Claim,
    source: &Source,
    transfer: &Transfer,
    sending: Sending<'_>,
) -> Result<Arrival, Fault> {
    let clock = &context.ports.clock;
    let spent = clock.monotonic().since(sending.link_arrived);
    let left = transfer.window.saturating_sub(spent);
    let hosts = &context.account.upload_hosts;
    let deadline = flow::transfer_deadline(transfer.len).min(left);
    let began = clock.monotonic();
    let arrival = match source {
        Source::Held(held) => {
            let request = transfer.request(Body::Held(held.bytes.clone()), deadline, hosts);
            arrived(context.ports.transport.exchange(request).await)
        }
        Source::OnDisk(root) => {
            stream(context, claim, Arc::clone(root), |pieces| {
                let body = Body::Streamed {
                    len: transfer.len,
                    pieces,
                };
                transfer.request(body, deadline, hosts)
            })
            .await?
        }
    };
    let moved = clock.monotonic().since(began);
    // The window closed on us, or the cloud says so: was the link long enough at all?
    sending.progress.slow = moved * 2 > transfer.window;
    if let Arrival::Failed(failed) = &arrival
        && failed.kind == TransportKind::Timeout
        && deadline == left
    {
        let message = "the link's time was over before all bytes were sent";
        return Err(Fault::new(
            Call::Put,
            Layer::Local,
            "window-closed",
            message,
        ));
    }
    Ok(arrival)
}

/// Streams a file from the disk; the last piece is held back until the file proved to be the planned one.
async fn stream(
    context: &Context,
    claim: &Claim,
    root: Arc<dyn Root>,
    request: impl FnOnce(crate::port::transport::Pieces) -> crate::port::transport::Request,
) -> Result<Arrival, Fault> {
    let (reader, stream) = source::stream(root, claim.path.clone(), claim.version.clone());
    let source::Stream {
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
        (_, Ok(reply)) if reply.status == 200 => {
            let message = "the server said yes before it had the whole file";
            Err(Fault::new(Call::Put, Layer::Cos, "checksum", message).with_status(reply.status))
        }
        (_, result) => Ok(arrived(result)),
    }
}
