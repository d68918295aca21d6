//! `[http]` of the daemon: binds the address, answers for the main loop, follows a reload.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{HttpSpec, Listen};
use crate::port::BoxFuture;
use crate::report::view::{View, Witness};
use crate::web::counters::Counters;
use crate::web::{Listener, Site, serve};

use super::control::{self, Question};
use super::protocol::{Reply, Request};
use super::{DaemonError, socket};

/// Who may connect to a socket in the file system: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// Asks the main loop, as a command would.
pub(super) struct MainLoop(pub(super) mpsc::Sender<Question>);

impl Witness for MainLoop {
    fn view(&self) -> BoxFuture<'_, Result<View, String>> {
        Box::pin(async {
            let status = control::ask(Request::Status, &self.0).await;
            let live = control::ask(Request::Live, &self.0).await;
            match (status, live) {
                (Reply::Status { status }, Reply::Live { live }) => Ok(View {
                    status: *status,
                    live,
                }),
                (Reply::Failed { message }, _) | (_, Reply::Failed { message }) => Err(message),
                _ => Err("The daemon does not say how it is".to_owned()),
            }
        })
    }
}

/// The web server, on or off.
pub(super) struct Web {
    questions: mpsc::Sender<Question>,
    counters: Arc<Counters>,
    serving: Option<Serving>,
}

struct Serving {
    spec: HttpSpec,
    task: JoinHandle<()>,
}

impl Web {
    /// Listens where the configuration says, if it does.
    ///
    /// # Errors
    /// The address is taken, or this user may not have it.
    pub(super) async fn start(
        spec: Option<HttpSpec>,
        questions: mpsc::Sender<Question>,
        counters: Arc<Counters>,
    ) -> Result<Self, DaemonError> {
        let mut web = Self {
            questions,
            counters,
            serving: None,
        };
        if let Some(spec) = spec {
            web.serving = Some(web.serve(spec).await?);
        }
        Ok(web)
    }

    /// Goes where another configuration says. Where that cannot be had, it stays where it is.
    pub(super) async fn follow(&mut self, spec: Option<&HttpSpec>) {
        let Some(spec) = spec else {
            return self.stop().await;
        };
        let before = self.serving.as_ref().map(|serving| &serving.spec);
        if before == Some(spec) {
            return;
        }
        // The same address under another rule can only be had once it is free.
        if before.is_some_and(|before| before.listen == spec.listen) {
            self.stop().await;
        }
        match self.serve(spec.clone()).await {
            Ok(serving) => {
                self.stop().await;
                self.serving = Some(serving);
            }
            Err(error) => {
                let now = if self.serving.is_some() {
                    "stays as it was"
                } else {
                    "is off"
                };
                tracing::error!("[http] {now}: {error}");
            }
        }
    }

    async fn serve(&self, spec: HttpSpec) -> Result<Serving, DaemonError> {
        let listener = listen(&spec.listen).await?;
        let site = Site {
            witness: Arc::new(MainLoop(self.questions.clone())),
            counters: Arc::clone(&self.counters),
            allow_public: spec.allow_public,
        };
        let task = tokio::spawn(serve(listener, Arc::new(site)));
        Ok(Serving { spec, task })
    }

    /// Listens no more; the address is free then.
    pub(super) async fn stop(&mut self) {
        let Some(serving) = self.serving.take() else {
            return;
        };
        serving.task.abort();
        let _ = serving.task.await;
        if let Listen::Unix(path) = &serving.spec.listen {
            let _ = remove(path);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemon's own socket, no watched folder"
)]
fn remove(path: &PathBuf) -> std::io::Result<()> {
    std::fs::remove_file(path)
}

async fn listen(address: &Listen) -> Result<Listener, DaemonError> {
    match address {
        Listen::Tcp(address) => {
            let attempt = format!("listen on {address} for [http]");
            let bound = TcpListener::bind(address).await;
            let listener = bound.map_err(DaemonError::system(attempt))?;
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "status page and metrics");
            }
            Ok(Listener::Tcp(listener))
        }
        Listen::Unix(path) => {
            let attempt = || format!("listen on \"{}\" for [http]", path.display());
            let bound = socket::bind(path).and_then(|listener| {
                let open = Permissions::from_mode(SOCKET_MODE);
                std::fs::set_permissions(path, open)?;
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener)
            });
            Ok(Listener::Unix(
                bound.map_err(DaemonError::system(attempt()))?,
            ))
        }
    }
}
