//! What arrives at the server.

use bytes::Bytes;
use syncd::model::secret::Secret;
use syncd::port::transport::{Body, Method, Peer, Request, SourceFailed, Transport, TransportKind};
use tokio::sync::mpsc;

use crate::server::{Server, Then, header, ok};
use crate::{kind, piece, request, streamed, transport};

#[tokio::test]
async fn bodies_are_sent_with_their_exact_length_and_never_chunked() {
    let server = Server::start(Then::Answer(ok("done"))).await;
    let bodies = [
        (Body::Empty, ""),
        (Body::Held(Bytes::from_static(b"0123456789")), "0123456789"),
        (
            streamed(10, vec![piece("01234"), piece(""), piece("56789")]),
            "0123456789",
        ),
        (streamed(0, Vec::new()), ""),
    ];
    for (at, (body, expected)) in bodies.into_iter().enumerate() {
        let reply = transport()
            .exchange(request(&server.url(), body))
            .await
            .unwrap();
        assert_eq!((reply.status, &reply.body[..]), (200, &b"done"[..]));
        let seen = server.seen(at + 1).await.remove(at);
        assert_eq!(
            header(&seen.head, "content-length"),
            Some(expected.len().to_string())
        );
        assert_eq!(header(&seen.head, "transfer-encoding"), None);
        assert_eq!(header(&seen.head, "accept-encoding"), None);
        assert_eq!(
            header(&seen.head, "x-cos-security-token").as_deref(),
            Some("canary")
        );
        assert_eq!(seen.body, expected.as_bytes());
        assert!(seen.head.starts_with("PUT /k?sign=canary HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn a_large_held_body_arrives_whole() {
    let server = Server::start(Then::Answer(ok(""))).await;
    let bytes: Bytes = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    transport()
        .exchange(request(&server.url(), Body::Held(bytes.clone())))
        .await
        .unwrap();
    assert_eq!(server.seen(1).await[0].body, bytes);
}

#[tokio::test]
async fn a_form_around_a_large_file_arrives_in_order_with_its_exact_length() {
    let server = Server::start(Then::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).await;
    let file: Bytes = (0..2_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut pieces = vec![piece("--b\r\nfields\r\n\r\n")];
    for at in (0..file.len()).step_by(300_000) {
        pieces.push(Ok(file.slice(at..file.len().min(at + 300_000))));
    }
    pieces.push(piece("\r\n--b--\r\n"));
    let whole: Vec<u8> = pieces.iter().flatten().flatten().copied().collect();
    let mut posted = request(&server.url(), streamed(whole.len() as u64, pieces));
    posted.method = Method::Post;
    posted.headers = vec![(
        "content-type".to_owned(),
        Secret::new("multipart/form-data; boundary=b"),
    )];
    let reply = transport().exchange(posted).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let seen = server.seen(1).await.remove(0);
    assert!(seen.head.starts_with("POST /k?sign=canary HTTP/1.1\r\n"));
    let length = whole.len().to_string();
    assert_eq!(header(&seen.head, "content-length"), Some(length));
    assert_eq!(header(&seen.head, "transfer-encoding"), None);
    let kind = header(&seen.head, "content-type");
    assert_eq!(kind.as_deref(), Some("multipart/form-data; boundary=b"));
    assert!(seen.body == whole);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(Then::Keep(ok("x"))).await;
    let transport = transport();
    for _ in 0..5 {
        transport
            .exchange(request(&server.url(), Body::Empty))
            .await
            .unwrap();
    }
    assert_eq!(*server.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn each_request_to_an_api_goes_to_its_own_address() {
    let server = Server::start(Then::Keep(ok("x"))).await;
    let transport = transport();
    let paths = [
        "/one?token=1",
        "/one?token=1",
        "/one?token=2",
        "/one?token=1",
    ];
    for path in paths {
        let asked = Request {
            peer: Peer::Api,
            ..request(&format!("http://{}{path}", server.address), Body::Empty)
        };
        transport.exchange(asked).await.unwrap();
    }
    let seen = server.seen(paths.len()).await;
    for (seen, path) in seen.iter().zip(paths) {
        assert!(seen.head.contains(&format!(" {path} ")), "{}", seen.head);
    }
}

#[tokio::test]
async fn a_body_whose_source_fails_never_arrives_whole() {
    let endless = |pieces| streamed(10, pieces);
    for body in [
        endless(vec![piece("01234"), Err(SourceFailed)]),
        endless(vec![Err(SourceFailed)]),
        endless(vec![piece("01234")]),
        endless(vec![piece("01234"), piece("567890")]),
        endless(Vec::new()),
    ] {
        let server = Server::start(Then::Answer(ok("done"))).await;
        let result = transport().exchange(request(&server.url(), body)).await;
        assert_eq!(kind(result), TransportKind::Source);
        // The request may not even have begun; whatever arrived is not whole.
        assert!(
            server
                .seen
                .lock()
                .unwrap()
                .iter()
                .all(|seen| !seen.complete)
        );
    }
}

#[tokio::test]
async fn a_dropped_exchange_is_aborted() {
    let server = Server::start(Then::Answer(ok("done"))).await;
    let (sender, pieces) = mpsc::channel(1);
    let transport = transport();
    let body = Body::Streamed { len: 10, pieces };
    let exchange = transport.exchange(request(&server.url(), body));
    let feed = async {
        sender.send(piece("01234")).await.unwrap();
        // The piece was taken once there is room for another.
        let _ = sender.reserve().await.unwrap();
    };
    tokio::select! {
        _ = exchange => panic!("answered"),
        () = feed => {}
    }
    let seen = server.seen(1).await;
    assert!(!seen[0].complete);
}

#[tokio::test]
async fn a_success_before_the_body_was_sent_is_none() {
    let server = Server::start(Then::Early(ok(""))).await;
    let (sender, pieces) = mpsc::channel(1);
    sender.send(piece("01234")).await.unwrap();
    let body = Body::Streamed { len: 10, pieces };
    let result = transport().exchange(request(&server.url(), body)).await;
    assert_eq!(kind(result), TransportKind::Reset);
    drop(sender);

    // An early error is the answer, though.
    let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec();
    let server = Server::start(Then::Early(refusal)).await;
    let (sender, pieces) = mpsc::channel(1);
    sender.send(piece("01234")).await.unwrap();
    let body = Body::Streamed { len: 10, pieces };
    let reply = transport()
        .exchange(request(&server.url(), body))
        .await
        .unwrap();
    assert_eq!(reply.status, 403);
}
