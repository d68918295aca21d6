//! One suite for every transport: the real HTTP adapter over a socket, and the model of it that the
//! simulator uses.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use syncd::model::secret::Secret;
use syncd::port::BoxFuture;
use syncd::port::transport::{
    Body, Method, Peer, Reply, Request, SourceFailed, Transport, TransportFault, TransportKind,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

#[expect(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "it is a part of the simulator, which uses the rest and whose clock this is"
)]
#[path = "simulation/wire.rs"]
mod wire;

/// Nothing moves for so long: given up.
const IDLE: Duration = Duration::from_millis(400);
const REPLY_BYTES_MAX: usize = 4096;

/// What a server does, whatever it is made of.
#[derive(Clone)]
struct Script {
    /// Whether it waits for the whole body first.
    reads: bool,
    then: Then,
}

#[derive(Clone)]
enum Then {
    Reply(Reply),
    /// Half of the reply, then the connection ends.
    HalfOf(Reply),
    /// The connection ends without a word.
    Close,
    /// Silence.
    Silence,
    /// Half of the reply, then silence.
    SilenceAfterHalfOf(Reply),
}

/// One request as the server saw it.
#[derive(Debug, Clone, Default)]
struct Seen {
    headers: Vec<(String, String)>,
    len: u64,
    body: Vec<u8>,
}

/// What a server saw, and how many conversations are over.
#[derive(Clone)]
struct Book {
    seen: Arc<Mutex<Vec<Seen>>>,
    ended: watch::Sender<usize>,
}

/// Ends a conversation on the books, however it ends.
struct Conversation(Book, usize);

impl Book {
    fn begin(&self, seen: Seen) -> Conversation {
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        Conversation(self.clone(), all.len() - 1)
    }
}

impl Conversation {
    fn reads(&self, piece: &[u8]) {
        self.0.seen.lock().unwrap()[self.1]
            .body
            .extend_from_slice(piece);
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

/// A transport with a server behind it.
struct Bench {
    transport: Box<dyn Transport>,
    url: String,
    book: Book,
}

impl Bench {
    async fn real(script: Script) -> Self {
        let book = Book {
            seen: Arc::default(),
            ended: watch::Sender::new(0),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server_book = book.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script.clone(), server_book.clone()));
            }
        });
        let limits = HttpLimits {
            idle: IDLE,
            ..HttpLimits::default()
        };
        let settings = HttpSettings {
            limits,
            ..HttpSettings::default()
        };
        Self {
            transport: Box::new(HttpTransport::new(settings)),
            url: format!("http://{address}/k?sign=1"),
            book,
        }
    }

    #[expect(clippy::unused_async, reason = "the other one is")]
    async fn simulated(script: Script) -> Self {
        let book = Book {
            seen: Arc::default(),
            ended: watch::Sender::new(0),
        };
        Self {
            transport: Box::new(Simulated(script, book.clone())),
            url: "http://127.0.0.1:1/k?sign=1".to_owned(),
            book,
        }
    }

    fn request(&self, body: Body) -> Request {
        Request {
            peer: Peer::UploadHost,
            method: Method::Put,
            url: Secret::new(self.url.clone()).into(),
            headers: vec![("X-Cos-Security-Token".to_owned(), Secret::new("canary"))],
            body,
            deadline: Duration::from_secs(20),
            reply_bytes_max: REPLY_BYTES_MAX,
            allowed_hosts: vec!["127.0.0.1".to_owned()],
        }
    }

    async fn send(&self, body: Body) -> Result<Reply, TransportFault> {
        self.transport.exchange(self.request(body)).await
    }

    async fn fails(&self, body: Body) -> TransportFault {
        let fault = self.send(body).await.unwrap_err();
        assert!(!format!("{fault:?}").contains("canary"));
        fault
    }

    /// What the server saw of the requests, once `count` conversations are over.
    async fn seen(&self, count: usize) -> Vec<Seen> {
        let mut ended = self.book.ended.subscribe();
        ended.wait_for(|ended| *ended >= count).await.unwrap();
        self.book.seen.lock().unwrap().clone()
    }

    fn requests(&self) -> usize {
        self.book.seen.lock().unwrap().len()
    }
}

/// The model with a scripted server.
struct Simulated(Script, Book);

impl Transport for Simulated {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Reply, TransportFault>> {
        Box::pin(wire::exchange(request, IDLE, |incoming| {
            serve(self.0.clone(), self.1.clone(), incoming)
        }))
    }
}

async fn serve(script: Script, book: Book, mut incoming: wire::Incoming) -> wire::End {
    let conversation = book.begin(Seen {
        headers: incoming.headers.clone(),
        len: incoming.len,
        body: Vec::new(),
    });
    while script.reads
        && let Some(piece) = incoming.next().await
    {
        conversation.reads(&piece);
    }
    match script.then {
        Then::Reply(reply) => wire::End::Reply(reply),
        Then::HalfOf(_) | Then::Close => wire::End::Fails(TransportKind::Reset),
        Then::Silence | Then::SilenceAfterHalfOf(_) => std::future::pending().await,
    }
}

/// The real server's side of one connection.
async fn converse(mut stream: TcpStream, script: Script, book: Book) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, String)> = lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let len = headers.iter().find(|(name, _)| name == "content-length");
    let len = len.map_or(0, |(_, len)| len.parse().unwrap());
    let conversation = book.begin(Seen {
        headers,
        len,
        body: Vec::new(),
    });
    if script.reads {
        let mut left = len;
        let mut piece = [0; 16 * 1024];
        while left > 0 {
            match stream.read(&mut piece).await {
                Ok(count @ 1..) => {
                    conversation.reads(&piece[..count]);
                    left -= count as u64;
                }
                _ => return,
            }
        }
    }
    answer(&mut stream, script.then).await;
    drop(conversation);
    // Closing on unread bytes would take the reply back.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

async fn answer(stream: &mut TcpStream, then: Then) {
    let bytes = match &then {
        Then::Reply(reply) => on_the_wire(reply),
        Then::HalfOf(reply) | Then::SilenceAfterHalfOf(reply) => {
            let mut bytes = on_the_wire(reply);
            bytes.truncate(bytes.len() - reply.body.len() / 2);
            bytes
        }
        Then::Close | Then::Silence => Vec::new(),
    };
    let _ = stream.write_all(&bytes).await;
    match then {
        Then::Reply(_) | Then::HalfOf(_) | Then::Close => {
            let _ = stream.shutdown().await;
        }
        // Until the client closes.
        Then::Silence | Then::SilenceAfterHalfOf(_) => {
            let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        }
    }
}

fn on_the_wire(reply: &Reply) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", reply.body.len());
    [head.as_bytes(), &reply.body].concat()
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter();
    Reply {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Bytes::from(body.to_owned()),
    }
}

fn reads_then(then: Then) -> Script {
    Script { reads: true, then }
}

fn answers(reply: Reply) -> Script {
    reads_then(Then::Reply(reply))
}

fn held(bytes: &'static [u8]) -> Body {
    Body::Held(Bytes::from_static(bytes))
}

fn streamed(len: u64, pieces: Vec<Result<Bytes, SourceFailed>>) -> Body {
    let (sender, receiver) = mpsc::channel(pieces.len().max(1));
    for piece in pieces {
        sender.try_send(piece).unwrap();
    }
    Body::Streamed {
        len,
        pieces: receiver,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the channel carries results")]
fn piece(text: &'static str) -> Result<Bytes, SourceFailed> {
    Ok(Bytes::from_static(text.as_bytes()))
}

macro_rules! suite {
    ($($name:ident($bench:ident: $script:expr) $check:block)+) => {
        mod real {
            use super::*;
            $(#[tokio::test] async fn $name() { let $bench = Bench::real($script).await; $check })+
        }
        mod simulated {
            use super::*;
            $(#[tokio::test] async fn $name() { let $bench = Bench::simulated($script).await; $check })+
        }
    };
}

suite! {
    bodies_arrive_whole_with_their_exact_length(bench: answers(reply(200, &[], "done"))) {
        let large: Bytes = (0..1_500_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let bodies = [
            (Body::Empty, Bytes::new()),
            (held(b"0123456789"), Bytes::from_static(b"0123456789")),
            (Body::Held(large.clone()), large.clone()),
            (
                streamed(10, vec![piece("01234"), piece(""), piece("56789")]),
                Bytes::from_static(b"0123456789"),
            ),
            (streamed(0, Vec::new()), Bytes::new()),
        ];
        for (at, (body, expected)) in bodies.into_iter().enumerate() {
            let reply = bench.send(body).await.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (200, &b"done"[..]));
            let seen = bench.seen(at + 1).await.remove(at);
            assert_eq!(seen.len, expected.len() as u64);
            assert_eq!(seen.body, expected);
        }
    }

    header_names_are_found_however_they_are_written(
        bench: answers(reply(200, &[("ETag", "\"a\""), ("X-COS-Request-Id", "r")], ""))
    ) {
        let reply = bench.send(held(b"x")).await.unwrap();
        assert_eq!(reply.header("etag"), Some("\"a\""));
        assert_eq!(reply.header("x-cos-request-ID"), Some("r"));
        assert!(reply.headers.iter().all(|(name, _)| *name == name.to_ascii_lowercase()));
        assert_eq!(reply.header("x-none"), None);
        let sent = bench.seen(1).await.remove(0).headers;
        assert!(sent.contains(&("x-cos-security-token".to_owned(), "canary".to_owned())));
    }

    a_refusal_is_passed_through(bench: answers(reply(403, &[], "<Error/>"))) {
        let reply = bench.send(held(b"x")).await.unwrap();
        assert_eq!((reply.status, &reply.body[..]), (403, &b"<Error/>"[..]));
    }

    a_redirect_is_passed_through(
        bench: answers(reply(302, &[("location", "http://127.0.0.1:1/elsewhere")], ""))
    ) {
        assert_eq!(bench.send(held(b"x")).await.unwrap().status, 302);
    }

    a_failure_of_the_server_is_passed_through(bench: answers(reply(503, &[("retry-after", "7")], ""))) {
        let reply = bench.send(held(b"x")).await.unwrap();
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("7")));
    }

    a_source_that_fails_aborts(bench: answers(reply(200, &[], "done"))) {
        for pieces in [
            vec![piece("01234"), Err(SourceFailed)],
            vec![piece("01234")],
            vec![piece("01234"), piece("567890")],
            vec![Err(SourceFailed)],
            Vec::new(),
        ] {
            let fault = bench.fails(streamed(10, pieces)).await;
            assert_eq!(fault.kind, TransportKind::Source);
            assert!(fault.bytes_sent < 10, "{}", fault.bytes_sent);
        }
        let seen = bench.seen(bench.requests()).await;
        assert!(seen.iter().all(|seen| seen.body.len() < 10), "{seen:?}");
    }

    a_reply_that_is_too_long_is_refused(bench: answers(reply(200, &[], &"x".repeat(4097)))) {
        let fault = bench.fails(held(b"x")).await;
        assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::TooLarge, 1));
    }

    a_reply_as_long_as_allowed_is_read(bench: answers(reply(200, &[], &"x".repeat(4096)))) {
        assert_eq!(bench.send(held(b"x")).await.unwrap().body.len(), 4096);
    }

    an_encoded_reply_is_refused(bench: answers(reply(200, &[("content-encoding", "gzip")], "x"))) {
        assert_eq!(bench.fails(held(b"x")).await.kind, TransportKind::Encoded);
    }

    a_deadline_that_passes_is_a_timeout(bench: reads_then(Then::Silence)) {
        let request = Request { deadline: IDLE / 4, ..bench.request(held(b"0123456789")) };
        let fault = bench.transport.exchange(request).await.unwrap_err();
        assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Timeout, 10));
        // The bytes went at once; that nothing came back is no sign that they moved.
        assert!(fault.moved_for < IDLE / 4, "{:?}", fault.moved_for);
        assert_eq!(bench.seen(1).await[0].body, b"0123456789");
    }

    silence_is_a_stall(bench: reads_then(Then::Silence)) {
        let fault = bench.fails(held(b"0123456789")).await;
        assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Stalled, 10));
    }

    silence_within_the_reply_is_a_stall(
        bench: reads_then(Then::SilenceAfterHalfOf(reply(200, &[], "0123456789")))
    ) {
        assert_eq!(bench.fails(held(b"x")).await.kind, TransportKind::Stalled);
    }

    a_source_that_stands_still_is_a_stall(bench: answers(reply(200, &[], ""))) {
        let (sender, pieces) = mpsc::channel(1);
        sender.send(piece("01234")).await.unwrap();
        let fault = bench.fails(Body::Streamed { len: 10, pieces }).await;
        assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Stalled, 5));
        assert!(bench.seen(1).await[0].body.len() <= 5);
        drop(sender);
    }

    a_connection_that_ends_before_the_reply_is_a_reset(bench: reads_then(Then::Close)) {
        let fault = bench.fails(held(b"0123456789")).await;
        assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Reset, 10));
    }

    a_connection_that_ends_within_the_reply_is_a_reset(
        bench: reads_then(Then::HalfOf(reply(200, &[], "0123456789")))
    ) {
        assert_eq!(bench.fails(held(b"x")).await.kind, TransportKind::Reset);
    }

    a_connection_that_ends_after_the_reply_is_a_reply(bench: answers(reply(200, &[], "whole"))) {
        assert_eq!(&bench.send(held(b"x")).await.unwrap().body[..], b"whole");
    }

    a_success_before_the_body_was_sent_is_none(
        bench: Script { reads: false, then: Then::Reply(reply(200, &[], "")) }
    ) {
        let (sender, pieces) = mpsc::channel(1);
        sender.send(piece("01234")).await.unwrap();
        let fault = bench.fails(Body::Streamed { len: 10, pieces }).await;
        assert_eq!(fault.kind, TransportKind::Reset);
        assert!(fault.bytes_sent < 10);
        drop(sender);
    }

    a_refusal_before_the_body_was_sent_is_the_answer(
        bench: Script { reads: false, then: Then::Reply(reply(403, &[], "no")) }
    ) {
        let (sender, pieces) = mpsc::channel(1);
        sender.send(piece("01234")).await.unwrap();
        let reply = bench.send(Body::Streamed { len: 10, pieces }).await.unwrap();
        assert_eq!((reply.status, &reply.body[..]), (403, &b"no"[..]));
        drop(sender);
    }

    a_small_held_body_is_on_its_way_before_any_answer(
        bench: Script { reads: false, then: Then::Reply(reply(200, &[], "")) }
    ) {
        assert_eq!(bench.send(held(b"0123456789")).await.unwrap().status, 200);
    }

    dropping_an_exchange_aborts_it(bench: answers(reply(200, &[], "done"))) {
        let (sender, pieces) = mpsc::channel(1);
        let exchange = bench.send(Body::Streamed { len: 10, pieces });
        let feed = async {
            sender.send(piece("01234")).await.unwrap();
            // The piece was taken once there is room for another.
            let _ = sender.reserve().await.unwrap();
        };
        tokio::select! {
            _ = exchange => panic!("answered"),
            () = feed => {}
        }
        let seen = bench.seen(1).await;
        assert_eq!((seen.len(), seen[0].len), (1, 10));
        assert!(seen[0].body.len() <= 5);
    }

    an_address_that_is_not_listed_is_never_asked(bench: answers(reply(200, &[], ""))) {
        for hosts in [Vec::new(), vec!["*.myqcloud.com".to_owned()]] {
            let request = Request { allowed_hosts: hosts, ..bench.request(held(b"x")) };
            let fault = bench.transport.exchange(request).await.unwrap_err();
            assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Refused, 0));
        }
        for url in ["http://user@127.0.0.1/", "ftp://127.0.0.1/", "http://example.com/", "nowhere"] {
            let request = Request { url: Secret::new(url).into(), ..bench.request(held(b"x")) };
            let fault = bench.transport.exchange(request).await.unwrap_err();
            assert_eq!((fault.kind, fault.bytes_sent), (TransportKind::Refused, 0), "{url}");
        }
        assert_eq!(bench.requests(), 0);
    }
}
