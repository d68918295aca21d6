//! The other side: a server in a process of its own that takes what is sent and answers as the clouds do, as
//! cheaply as it can. It keeps no bytes, only what a listing needs.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;

mod request;
mod s3;
mod wechat;

use request::{Request, Wanted};

/// The hidden command by which the benchmark starts itself as a sink.
pub(crate) const COMMAND: &str = "sink";
/// Makes the sink print the time of each PUT that was answered.
pub(crate) const TELL: &str = "--tell";

/// Requests so far, by kind.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) links: u64,
    pub(crate) puts: u64,
    pub(crate) others: u64,
}

pub(super) struct Sink {
    delay: Duration,
    tell: bool,
    port: u16,
    links: AtomicU64,
    puts: AtomicU64,
    others: AtomicU64,
    objects: s3::Objects,
}

/// Serves until standard input ends: with whoever started it.
pub(crate) fn serve(arguments: &[String]) -> Outcome<()> {
    let delay = arguments.get(1).ok_or("how long to wait?")?.parse()?;
    let tell = arguments.iter().any(|argument| argument == TELL);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        println!("{port}");
        let sink = Arc::new(Sink {
            delay: Duration::from_millis(delay),
            tell,
            port,
            links: AtomicU64::default(),
            puts: AtomicU64::default(),
            others: AtomicU64::default(),
            objects: s3::Objects::default(),
        });
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let sink = Arc::clone(&sink);
            // A peer that goes away in the middle of a request is no error of the sink.
            tokio::spawn(async move { sink.converse(stream).await });
        }
    })
}

impl Sink {
    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = Vec::with_capacity(64 * 1024);
        loop {
            let request = loop {
                match Request::parse(&buffer) {
                    Wanted::Nothing(request) => break request,
                    Wanted::More => {}
                    Wanted::Continue => {
                        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            if !self.delay.is_zero() && !request.target.starts_with("/-/") {
                tokio::time::sleep(self.delay).await;
            }
            let (answer, is_put) = self.answer(&request);
            stream.write_all(&answer).await?;
            if is_put && self.tell {
                tell_now()?;
            }
            let used = request.bytes;
            buffer.drain(..used);
        }
    }

    /// The answer, and whether it is to a PUT.
    fn answer(&self, request: &Request<'_>) -> (Vec<u8>, bool) {
        let (answer, count) = match request.target {
            "/-/counts" => return (request::ok("", &self.counts()), false),
            link if link.starts_with(wechat::LINK_PATH) => {
                (wechat::link(self.port, request.body), &self.links)
            }
            put if put.starts_with("/cos/") => (wechat::put(request.body), &self.puts),
            _ if request.method == "PUT" => (self.objects.put(request), &self.puts),
            _ => (self.objects.answer(request), &self.others),
        };
        count.fetch_add(1, Ordering::Relaxed);
        (answer, request.method == "PUT")
    }

    fn counts(&self) -> String {
        let counts = Counts {
            links: self.links.load(Ordering::Relaxed),
            puts: self.puts.load(Ordering::Relaxed),
            others: self.others.load(Ordering::Relaxed),
        };
        serde_json::to_string(&counts).unwrap_or_default()
    }
}

/// Tells the one who waits, by the clock that both read.
fn tell_now() -> std::io::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    writeln!(std::io::stdout().lock(), "{now}")
}
