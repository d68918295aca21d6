//! A server on a raw socket that misbehaves as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a server saw of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The whole declared body arrived.
    pub(crate) complete: bool,
}

/// What a server does after it has read a request.
#[derive(Clone)]
pub(crate) enum Then {
    /// Sends this and closes.
    Answer(Vec<u8>),
    /// Sends this and keeps the connection for the next request.
    Keep(Vec<u8>),
    /// Sends this, then a byte at a time for ever.
    Drip(Vec<u8>, Duration),
    /// Answers before it reads the body.
    Early(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (counted, count) = watch::channel(0);
        let (sink, tally) = (Arc::clone(&seen), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *tally.lock().unwrap() += 1;
                let (then, sink, counted) = (then.clone(), Arc::clone(&sink), counted.clone());
                tokio::spawn(async move {
                    converse(stream, then, &sink, &counted).await;
                });
            }
        });
        Self {
            address,
            seen,
            count,
            connections,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/k?sign=canary", self.address)
    }

    /// Everything seen, once `count` requests have ended.
    pub(crate) async fn seen(&self, count: usize) -> Vec<Seen> {
        let mut counter = self.count.clone();
        counter.wait_for(|have| *have >= count).await.unwrap();
        self.seen.lock().unwrap().clone()
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn converse(
    mut stream: TcpStream,
    then: Then,
    sink: &Mutex<Vec<Seen>>,
    counted: &watch::Sender<usize>,
) {
    while let Some(head) = read_head(&mut stream).await {
        if let Then::Early(answer) = &then {
            let _ = stream.write_all(answer).await;
        }
        let len = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = Vec::new();
        let _ = (&mut stream).take(len).read_to_end(&mut body).await;
        let complete = body.len() as u64 == len;
        sink.lock().unwrap().push(Seen {
            head,
            body,
            complete,
        });
        counted.send_modify(|count| *count += 1);
        match &then {
            Then::Answer(answer) => {
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
                return;
            }
            Then::Keep(answer) => {
                let _ = stream.write_all(answer).await;
            }
            Then::Early(_) => return,
            Then::Drip(answer, pause) => {
                let _ = stream.write_all(answer).await;
                let mut ticks = tokio::time::interval(*pause);
                // The first tick would come at once.
                ticks.reset();
                loop {
                    ticks.tick().await;
                    if stream.write_all(b"x").await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
