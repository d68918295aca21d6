//! Answers that are cut, wrong, too long, too slow or never come.

use std::time::Duration;

use bytes::Bytes;
use syncd::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use syncd::port::transport::{Body, Peer, Request, Transport, TransportKind};

use crate::server::{Server, Then, ok};
use crate::{impatient, kind, request, transport};

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_never_a_success() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    for whole in [ok("body"), chunked.as_bytes().to_vec()] {
        for cut in 0..whole.len() {
            let server = Server::start(Then::Answer(whole[..cut].to_vec())).await;
            let body = Body::Held(Bytes::from_static(b"x"));
            let result = transport().exchange(request(&server.url(), body)).await;
            assert_eq!(kind(result), TransportKind::Reset, "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn answers_that_are_no_http_are_faults() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "SSH-2.0-OpenSSH\r\n",
        "\0\0\0\0",
        "HTTP/1.1 99999 X\r\n\r\n",
    ] {
        let server = Server::start(Then::Answer(answer.as_bytes().to_vec())).await;
        let result = transport()
            .exchange(request(&server.url(), Body::Empty))
            .await;
        assert_eq!(kind(result), TransportKind::Reset, "{answer}");
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    let server = Server::start(Then::Answer(many.into_bytes())).await;
    let result = transport()
        .exchange(request(&server.url(), Body::Empty))
        .await;
    assert_eq!(kind(result), TransportKind::Reset);
}

#[tokio::test]
async fn redirects_are_answers_and_their_target_is_never_asked() {
    let target = Server::start(Then::Answer(ok(""))).await;
    for status in [301, 302, 303, 307, 308] {
        let location = target.url();
        let answer =
            format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(Then::Answer(answer.into_bytes())).await;
        for peer in [Peer::Api, Peer::UploadHost] {
            let request = Request {
                peer,
                ..request(&server.url(), Body::Empty)
            };
            let reply = transport().exchange(request).await.unwrap();
            assert_eq!(reply.status, status);
        }
    }
    assert_eq!(*target.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn answers_that_are_too_long_are_cut_off() {
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut chunks = endless.clone();
    for _ in 0..5 {
        chunks.extend_from_slice(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
    }
    let until_close = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(4097)).into_bytes();
    for answer in [ok(&"x".repeat(4097)), chunks, until_close] {
        let server = Server::start(Then::Answer(answer)).await;
        let result = transport()
            .exchange(request(&server.url(), Body::Empty))
            .await;
        assert_eq!(kind(result), TransportKind::TooLarge);
    }
    let server = Server::start(Then::Answer(ok(&"x".repeat(4096)))).await;
    let reply = transport()
        .exchange(request(&server.url(), Body::Empty))
        .await
        .unwrap();
    assert_eq!(reply.body.len(), 4096);
}

#[tokio::test]
async fn an_encoded_answer_is_refused() {
    for (encoding, refused) in [("gzip", true), ("br", true), ("identity", false)] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 1\r\n\r\nx"
        );
        let server = Server::start(Then::Answer(answer.into_bytes())).await;
        let result = transport()
            .exchange(request(&server.url(), Body::Empty))
            .await;
        if refused {
            assert_eq!(kind(result), TransportKind::Encoded);
        } else {
            assert!(result.is_ok());
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    for head in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
    ] {
        let server = Server::start(Then::Drip(head.into(), Duration::from_hours(1))).await;
        let result = impatient()
            .exchange(request(&server.url(), Body::Empty))
            .await;
        assert_eq!(kind(result), TransportKind::Stalled);
    }
    // One that drips a header, of which nothing can be seen before its end.
    let head = b"HTTP/1.1 200 OK\r\na: ".to_vec();
    let server = Server::start(Then::Drip(head, Duration::from_millis(20))).await;
    let result = impatient()
        .exchange(request(&server.url(), Body::Empty))
        .await;
    assert_eq!(kind(result), TransportKind::Stalled);
}

#[tokio::test]
async fn a_server_that_drips_is_given_up() {
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
    let result = transport
        .exchange(request(&server.url(), Body::Empty))
        .await;
    assert_eq!(kind(result), TransportKind::Stalled);
}

#[tokio::test]
async fn a_deadline_ends_an_exchange_that_moves() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n".to_vec();
    let server = Server::start(Then::Drip(head, Duration::from_millis(10))).await;
    let deadline = Duration::from_millis(200);
    let request = Request {
        deadline,
        ..request(&server.url(), Body::Empty)
    };
    assert_eq!(
        kind(transport().exchange(request).await),
        TransportKind::Timeout
    );
}
