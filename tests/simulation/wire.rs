//! HTTP as a model: what the real adapter promises about an exchange, over a server that is a function.
//! `tests/conformance_transport.rs` holds this and the real adapter to one suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::guard;
use syncd::port::transport::{Body, Reply, Request, TransportFault, TransportKind};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection takes of a held body before the server has read any.
const TAKEN_AT_ONCE: usize = 256 * 1024;
/// What the system takes of a body is sent out of sight, up to so many bytes at this rate a second.
const UNSEEN_BYTES_MAX: u64 = 4 * 1024 * 1024;
const UNSEEN_RATE: u64 = 64 * 1024;

/// How an exchange ends.
pub type Outcome = Result<Reply, TransportFault>;

/// How the server, or the way to it, ends an exchange.
pub enum End {
    /// With a whole reply.
    Reply(Reply),
    /// Without one: the connection could not be made, or ended early.
    Fails(TransportKind),
}

/// The server's side of a request.
pub struct Incoming {
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// Declared length of the body.
    pub len: u64,
    body: Body,
    taken: Bytes,
    progress: Arc<Progress>,
}

struct Progress {
    began: Instant,
    sent: AtomicU64,
    moved_ms: AtomicU64,
    moves: AtomicU64,
    source_failed: AtomicBool,
    gave_up: Notify,
}

impl Progress {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            sent: AtomicU64::default(),
            moved_ms: AtomicU64::default(),
            moves: AtomicU64::default(),
            source_failed: AtomicBool::default(),
            gave_up: Notify::default(),
        }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn fault(&self, kind: TransportKind) -> TransportFault {
        TransportFault {
            kind,
            message: "as the test wants it".to_owned(),
            bytes_sent: self.sent(),
            moved_for: Duration::from_millis(self.moved_ms.load(Ordering::Relaxed)),
        }
    }
}

/// One exchange with a server, which is dropped when the exchange ends before it.
pub async fn exchange<Served>(
    request: Request,
    idle: Duration,
    serve: impl FnOnce(Incoming) -> Served,
) -> Outcome
where
    Served: Future<Output = End>,
{
    let progress = Arc::new(Progress::begin());
    if guard::check(request.peer, &request.url, &request.allowed_hosts).is_err() {
        return Err(progress.fault(TransportKind::Refused));
    }
    let (deadline, reply_bytes_max) = (request.deadline, request.reply_bytes_max);
    let incoming = Incoming::new(request, &progress);
    let len = incoming.len;
    let ended = tokio::select! {
        biased;
        () = progress.gave_up.notified() => End::Fails(TransportKind::Source),
        end = serve(incoming) => end,
        () = stands_still(&progress, idle) => End::Fails(TransportKind::Stalled),
        () = tokio::time::sleep(deadline) => End::Fails(TransportKind::Timeout),
    };
    match ended {
        End::Reply(reply) => read(reply, reply_bytes_max, len, &progress),
        // Whatever the server made of the end of the body, its source ended it.
        End::Fails(_) if progress.source_failed.load(Ordering::Relaxed) => {
            Err(progress.fault(TransportKind::Source))
        }
        End::Fails(kind) => Err(progress.fault(kind)),
    }
}

/// What a client makes of a reply.
fn read(reply: Reply, reply_bytes_max: usize, len: u64, progress: &Progress) -> Outcome {
    let is_encoded = reply
        .header("content-encoding")
        .is_some_and(|encoding| encoding != "identity");
    if is_encoded {
        return Err(progress.fault(TransportKind::Encoded));
    }
    if reply.body.len() > reply_bytes_max {
        return Err(progress.fault(TransportKind::TooLarge));
    }
    if (200..300).contains(&reply.status) && progress.sent() < len {
        return Err(progress.fault(TransportKind::Reset));
    }
    let headers = reply.headers.into_iter();
    Ok(Reply {
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        ..reply
    })
}

async fn stands_still(progress: &Progress, idle: Duration) {
    let (mut moves, mut since) = (0, Instant::now());
    loop {
        let unseen = Duration::from_secs(progress.sent().min(UNSEEN_BYTES_MAX) / UNSEEN_RATE);
        tokio::time::sleep_until(since + idle + unseen).await;
        let now = progress.moves.load(Ordering::Relaxed);
        if now == moves {
            return;
        }
        // When within the span it moved is not known; the real one looks only now and then, too.
        (moves, since) = (now, Instant::now());
    }
}

impl Incoming {
    fn new(request: Request, progress: &Arc<Progress>) -> Self {
        let headers = request.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.expose().to_owned()))
            .collect();
        let len = match &request.body {
            Body::Empty => 0,
            Body::Held(bytes) => bytes.len() as u64,
            Body::Streamed { len, .. } => *len,
        };
        let mut incoming = Self {
            headers,
            len,
            body: request.body,
            taken: Bytes::new(),
            progress: Arc::clone(progress),
        };
        incoming.taken = incoming.take_held();
        incoming
    }

    /// Whether it comes piece by piece.
    pub fn is_streamed(&self) -> bool {
        matches!(self.body, Body::Streamed { .. })
    }

    /// The next piece of a held body, as it is handed to the connection.
    fn take_held(&mut self) -> Bytes {
        match &mut self.body {
            Body::Held(bytes) => {
                let piece = bytes.split_to(bytes.len().min(TAKEN_AT_ONCE));
                self.count(piece.len());
                piece
            }
            Body::Empty | Body::Streamed { .. } => Bytes::new(),
        }
    }

    fn count(&self, bytes: usize) {
        self.progress
            .sent
            .fetch_add(bytes as u64, Ordering::Relaxed);
        self.progress.moves.fetch_add(1, Ordering::Relaxed);
        let moved_ms = u64::try_from(self.progress.began.elapsed().as_millis());
        self.progress
            .moved_ms
            .store(moved_ms.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The next piece of the body; none at its end. Never ends if the source has failed: a server
    /// waits for what does not come until the connection is closed under it.
    pub async fn next(&mut self) -> Option<Bytes> {
        if !self.taken.is_empty() {
            let piece = std::mem::take(&mut self.taken);
            self.taken = self.take_held();
            return Some(piece);
        }
        let left = self.len - self.progress.sent();
        let Body::Streamed { pieces, .. } = &mut self.body else {
            return None;
        };
        if left == 0 {
            return None;
        }
        loop {
            match pieces.recv().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) if piece.len() as u64 <= left => {
                    self.count(piece.len());
                    return Some(piece);
                }
                _ => {
                    self.progress.source_failed.store(true, Ordering::Relaxed);
                    self.progress.gave_up.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
