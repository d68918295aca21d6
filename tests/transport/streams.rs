//! Replies that come in pieces.

use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use syncd::port::transport::{
    Body, Request, StreamedReply, Transport, TransportFault, TransportKind,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Server, Then, ok};
use crate::{impatient, kind, request, transport};

/// Reads a reply to its end.
async fn rest(reply: &mut StreamedReply) -> Result<Vec<u8>, TransportFault> {
    let mut body = Vec::new();
    while let Some(piece) = reply.pieces.recv().await {
        body.extend_from_slice(&piece?);
    }
    Ok(body)
}

async fn whole(transport: &HttpTransport, request: Request) -> Result<Vec<u8>, TransportFault> {
    rest(&mut transport.open(request).await?).await
}

/// A server of one connection that the test itself speaks for; it has read the request's head.
async fn by_hand(body: Body, deadline: Duration) -> (Request, impl Future<Output = TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/k?sign=canary", listener.local_addr().unwrap());
    let request = Request {
        deadline,
        reply_bytes_max: 1024 * 1024 * 1024,
        ..request(&url, body)
    };
    let accepted = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
    };
    (request, accepted)
}

const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\nX-Name: one\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNK: &[u8] = b"5\r\npiece\r\n";

#[tokio::test]
async fn the_head_and_each_piece_come_as_soon_as_they_are_there() {
    let transport = transport();
    let (request, server) = by_hand(Body::Empty, Duration::from_mins(1)).await;
    let (reply, mut server) = tokio::join!(transport.open(request), async {
        let mut stream = server.await;
        stream.write_all(ENDLESS).await.unwrap();
        stream
    });
    let mut reply = reply.unwrap();
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .headers
            .contains(&("x-name".to_owned(), "one".to_owned()))
    );
    for _ in 0..3 {
        server.write_all(CHUNK).await.unwrap();
        assert_eq!(reply.pieces.recv().await.unwrap().unwrap(), "piece");
    }
    server.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(reply.pieces.recv().await, None);
}

#[tokio::test]
async fn a_reply_cut_at_any_byte_ends_with_a_fault() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    for answer in [ok("body"), chunked.as_bytes().to_vec()] {
        for cut in 0..answer.len() {
            let server = Server::start(Then::Answer(answer[..cut].to_vec())).await;
            let result = whole(&transport(), request(&server.url(), Body::Empty)).await;
            assert_eq!(kind(result), TransportKind::Reset, "cut at {cut}");
        }
        let server = Server::start(Then::Answer(answer)).await;
        let result = whole(&transport(), request(&server.url(), Body::Empty)).await;
        assert_eq!(result.unwrap(), b"body");
    }
}

#[tokio::test]
async fn a_reply_is_as_long_as_allowed_and_no_longer() {
    let mut chunks = ENDLESS.to_vec();
    for _ in 0..5 {
        chunks.extend_from_slice(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
    }
    let server = Server::start(Then::Answer(chunks)).await;
    let mut reply = transport()
        .open(request(&server.url(), Body::Empty))
        .await
        .unwrap();
    let mut read = 0;
    let fault = loop {
        match reply.pieces.recv().await.unwrap() {
            Ok(piece) => read += piece.len(),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind, TransportKind::TooLarge);
    assert!(read <= 4096, "{read}");
    assert_eq!(reply.pieces.recv().await, None);
    // One that says so is refused with its head.
    let server = Server::start(Then::Answer(ok(&"x".repeat(4097)))).await;
    let refused = transport().open(request(&server.url(), Body::Empty)).await;
    assert_eq!(refused.unwrap_err().kind, TransportKind::TooLarge);
    let server = Server::start(Then::Answer(ok(&"x".repeat(4096)))).await;
    let result = whole(&transport(), request(&server.url(), Body::Empty)).await;
    assert_eq!(result.unwrap().len(), 4096);
}

#[tokio::test]
async fn an_encoded_reply_is_refused_with_its_head() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
    let server = Server::start(Then::Answer(answer.to_vec())).await;
    let refused = transport().open(request(&server.url(), Body::Empty)).await;
    assert_eq!(refused.unwrap_err().kind, TransportKind::Encoded);
}

#[tokio::test]
async fn a_server_that_stops_or_drips_is_given_up() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"] {
        let server = Server::start(Then::Drip(head.into(), Duration::from_hours(1))).await;
        let result = whole(&impatient(), request(&server.url(), Body::Empty)).await;
        assert_eq!(kind(result), TransportKind::Stalled);
    }
    let limits = HttpLimits {
        idle: Duration::from_millis(600),
        rate_window: Duration::from_millis(900),
        ..HttpLimits::default()
    };
    let transport = HttpTransport::new(HttpSettings {
        limits,
        ..HttpSettings::default()
    });
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n".to_vec();
    let server = Server::start(Then::Drip(head, Duration::from_millis(20))).await;
    let result = whole(&transport, request(&server.url(), Body::Empty)).await;
    assert_eq!(kind(result), TransportKind::Stalled);
}

#[tokio::test]
async fn the_deadline_holds_for_head_and_body_together() {
    for head in [
        "HTTP/1.1 200 OK\r\na: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n",
    ] {
        let server = Server::start(Then::Drip(head.into(), Duration::from_millis(10))).await;
        let request = Request {
            deadline: Duration::from_millis(200),
            ..request(&server.url(), Body::Empty)
        };
        assert_eq!(
            kind(whole(&transport(), request).await),
            TransportKind::Timeout
        );
    }
}

#[tokio::test]
async fn a_slow_reader_holds_the_server_back_and_is_not_taken_for_a_stall() {
    let transport = impatient();
    let (request, server) = by_hand(Body::Empty, Duration::from_mins(1)).await;
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&sent);
    let (reply, ()) = tokio::join!(transport.open(request), async {
        let mut stream = server.await;
        stream.write_all(ENDLESS).await.unwrap();
        tokio::spawn(async move {
            let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {
                counter.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
            }
        });
    });
    let mut reply = reply.unwrap();
    reply.pieces.recv().await.unwrap().unwrap();
    // Waits until the server could send nothing for longer than a stall may last.
    let mut before = 0;
    loop {
        pause(Duration::from_millis(600)).await;
        let now = sent.load(std::sync::atomic::Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before < 64 * 1024 * 1024, "{before} bytes for nobody");
    for _ in 0..1000 {
        reply.pieces.recv().await.unwrap().unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is the passing of time that is tested"
)]
async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_exchange() {
    let transport = transport();
    for reads in [false, true] {
        let (request, server) = by_hand(Body::Empty, Duration::from_mins(10)).await;
        let (reply, mut server) = tokio::join!(transport.open(request), async {
            let mut stream = server.await;
            stream.write_all(ENDLESS).await.unwrap();
            stream
        });
        let mut reply = reply.unwrap();
        if reads {
            server.write_all(CHUNK).await.unwrap();
            reply.pieces.recv().await.unwrap().unwrap();
        }
        drop(reply);
        assert!(
            matches!(server.read(&mut [0; 8]).await, Ok(0) | Err(_)),
            "it is closed"
        );
    }
    // And one that goes away before the head has come.
    let (request, server) = by_hand(Body::Empty, Duration::from_mins(10)).await;
    let mut server = tokio::select! {
        _ = transport.open(request) => panic!("nobody answered"),
        server = server => server,
    };
    assert!(
        matches!(server.read(&mut [0; 8]).await, Ok(0) | Err(_)),
        "it is closed"
    );
}

#[tokio::test]
async fn an_answer_before_the_whole_body_was_sent_is_no_success() {
    let (sender, pieces) = tokio::sync::mpsc::channel(1);
    sender.send(Ok(Bytes::from_static(b"half"))).await.unwrap();
    let body = Body::Streamed { len: 8, pieces };
    let server = Server::start(Then::Early(ok("stored"))).await;
    let result = whole(&impatient(), request(&server.url(), body)).await;
    let fault = result.unwrap_err();
    assert!(
        matches!(fault.kind, TransportKind::Reset | TransportKind::Stalled),
        "{fault}"
    );
    drop(sender);
}
