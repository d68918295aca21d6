//! The daemon's side of the control socket. It takes a bounded line from a known user within a second,
//! hands it to the main loop, and writes the answer. It does nothing itself.

#![expect(
    clippy::disallowed_methods,
    reason = "deadlines of this machine's own clients; the engine does not see them"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::protocol::{REQUEST_BYTES_MAX, Reply, Request};

/// Clients that are served at once.
const CLIENTS_MAX: usize = 8;
/// How long a client has to send its request, and again to take the answer.
const DEADLINE: Duration = Duration::from_secs(1);

/// A request, and where its answer goes.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub request: Request,
    /// The answer's way back.
    pub answer: oneshot::Sender<Reply>,
}

/// Serves clients until it is dropped. `own` is the user besides root who may ask.
pub async fn serve(listener: UnixListener, own: u32, questions: mpsc::Sender<Question>) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let clients = TaskTracker::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors: those that are served will give theirs back.
                tracing::warn!(%error, "a command could not be taken");
                tokio::time::sleep(DEADLINE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let questions = questions.clone();
        clients.spawn(async move {
            let _place = place;
            if let Err(error) = client(stream, own, questions).await {
                tracing::debug!(%error, "a command went away");
            }
        });
    }
}

async fn client(
    mut stream: UnixStream,
    own: u32,
    questions: mpsc::Sender<Question>,
) -> io::Result<()> {
    let user = stream.peer_cred()?.uid();
    if user != own && user != 0 {
        tracing::warn!(user, "a command of another user was refused");
        return Ok(());
    }
    let line = timeout(DEADLINE, read_line(&mut stream)).await??;
    let reply = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => ask(request, &questions).await,
        Err(error) => Reply::Failed {
            message: format!("The request is not understood: {error}"),
        },
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    // A report can be longer than what the kernel buffers; a client that reads slowly is let go.
    timeout(DEADLINE * 10, stream.write_all(&text)).await??;
    stream.shutdown().await
}

/// Asks the main loop.
pub(super) async fn ask(request: Request, questions: &mpsc::Sender<Question>) -> Reply {
    let (answer, reply) = oneshot::channel();
    let stopping = || Reply::Failed {
        message: "The daemon is stopping".to_owned(),
    };
    if questions.send(Question { request, answer }).await.is_err() {
        return stopping();
    }
    reply.await.unwrap_or_else(|_| stopping())
}

async fn read_line(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await?;
        let piece = piece.get(..read).unwrap_or_default();
        if let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(piece.get(..end).unwrap_or_default());
            return Ok(line);
        }
        line.extend_from_slice(piece);
        if read == 0 || line.len() > REQUEST_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no line within 16 KiB",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::client;
    use crate::daemon::location::Location;
    use std::io::{Read as _, Write as _};
    use std::path::Path;

    /// Serves a directory's socket from a thread of its own, answering every request with `Changed`.
    fn serving(directory: &Path) -> impl Drop + use<> {
        let listener = super::super::socket::bind(&directory.join("syncd.sock")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = UnixListener::from_std(listener).unwrap();
                let (sender, mut receiver) = mpsc::channel::<Question>(1);
                let own = rustix::process::geteuid().as_raw();
                let answering = async {
                    while let Some(question) = receiver.recv().await {
                        let _ = question.answer.send(Reply::Changed { count: 3 });
                    }
                };
                tokio::select! {
                    () = serve(listener, own, sender) => {}
                    () = answering => {}
                    _ = stopped => {}
                }
            });
        });
        let location = Location {
            pid: 1,
            socket: directory.join("syncd.sock"),
            version: String::new(),
            started_at: String::new(),
        };
        location.write(directory).unwrap();
        Running(Some(stop))
    }

    struct Running(Option<oneshot::Sender<()>>);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.take().map(|stop| stop.send(()));
        }
    }

    #[test]
    fn a_command_gets_its_answer() {
        let directory = tempfile::tempdir().unwrap();
        let _running = serving(directory.path());
        let reply = client::ask(directory.path(), &Request::Status).unwrap();
        assert_eq!(reply, Reply::Changed { count: 3 });
    }

    #[test]
    fn long_or_slow_or_senseless_requests_harm_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let _running = serving(directory.path());
        let path = directory.path().join("syncd.sock");
        let mut silent = super::super::socket::connect(&path).unwrap();
        let mut long = super::super::socket::connect(&path).unwrap();
        let _ = long.write_all(&vec![b'x'; 3 * REQUEST_BYTES_MAX]);
        let mut senseless = super::super::socket::connect(&path).unwrap();
        senseless.write_all(b"{\"request\":\"rm\"}\n").unwrap();
        let mut answer = String::new();
        senseless.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("not understood"), "{answer}");
        assert_eq!(
            silent.read(&mut [0]).unwrap(),
            0,
            "it is let go after a second"
        );
        client::ask(directory.path(), &Request::Live).unwrap();
    }

    #[test]
    fn without_a_daemon_there_is_no_answer() {
        let directory = tempfile::tempdir().unwrap();
        let asked = client::ask(directory.path(), &Request::Status);
        assert!(matches!(asked, Err(client::ClientError::NotRunning)));
    }
}
