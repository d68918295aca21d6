//! Takes clients under limits: so many at once, so long a request, so much time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{Site, router};

/// Clients that are served at once; more are let go.
const CLIENTS_MAX: usize = 8;
/// The longest head of a request.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// How long a client has to send it.
const HEAD_DEADLINE: Duration = Duration::from_secs(1);
/// How long a client has for all of it, the answer included.
const CLIENT_DEADLINE: Duration = Duration::from_secs(15);
/// How long nobody is taken after the system had no descriptor for a client.
const BREATH: Duration = Duration::from_secs(1);

/// A bound address.
#[derive(Debug)]
pub enum Listener {
    /// A port.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Serves clients until it is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "deadlines of this machine's own clients; the engine does not see them"
)]
pub async fn serve(listener: Listener, site: Arc<Site>) {
    let service = router(site);
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let clients = TaskTracker::new();
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "an HTTP client could not be taken");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        clients.spawn(async move {
            let _place = place;
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_DEADLINE)
                .max_buf_size(REQUEST_BYTES_MAX)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = timeout(CLIENT_DEADLINE, connection).await {
                tracing::debug!(%error, "an HTTP client went away");
            }
        });
    }
}
