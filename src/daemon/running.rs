//! The main loop: signals, commands, the service manager, and the engine's own end.

#![expect(
    clippy::disallowed_methods,
    reason = "deadlines towards people and systemd; the engine does not see them"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::adapter::system_clock::SystemClock;
use crate::config::{Config, ConfigError};
use crate::engine::live::IntakeState;
use crate::engine::{Command, Engine, EngineError, Mode};
use crate::model::time::Timestamp;
use crate::port::clock::Clock as _;
use crate::report::facts::{DaemonFacts, LiveFacts};
use crate::report::gather;
use crate::store::{Messages, Reader, Selection, Store};
use crate::web::counters::Counters;

use super::alerts::Alerts;
use super::control::{self, Question};
use super::location::Location;
use super::protocol::{Reply, Request};
use super::selector::{self, Unknown};
use super::service::{self, Progress, Watchdog};
use super::signals::{self, Signal};
use super::web::Web;
use super::{DaemonError, Start, control_socket, database, observer, socket, world};

/// How long a stop may take in all.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How long the start waits for the watches before it says that it is ready.
const WATCH_ATTEMPT_MAX: Duration = Duration::from_secs(10);
/// How often the status line of the service manager is renewed where no watchdog is asked for.
const STATUS_EVERY: Duration = Duration::from_secs(30);

type SignalReceiver = mpsc::UnboundedReceiver<Signal>;

/// The engine, and what answers about it.
struct Running {
    config: Config,
    engine: Engine,
    store: Store,
    reader: Reader,
    started_at: Timestamp,
    counters: Arc<Counters>,
}

/// Those who show the daemon to others.
struct Watchers {
    web: Web,
    alerts: Alerts,
}

impl Watchers {
    /// Do as this configuration says from now on.
    async fn follow(&mut self, config: &Config) {
        self.web.follow(config.http.as_ref()).await;
        self.alerts.follow(config);
    }
}

/// Why the inner loop was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Stop,
    Reload,
}

/// Starts everything, and returns after a clean stop.
pub(super) async fn until_stopped(start: &Start, config: Config) -> Result<(), DaemonError> {
    let mut signals = signals::listen().map_err(DaemonError::system("take signals"))?;
    let (questions, asked) = mpsc::channel(1);
    let path = control_socket(&config);
    let listener = listen(&path)?;
    let own = rustix::process::geteuid().as_raw();
    let control = tokio::spawn(control::serve(listener, own, questions.clone()));
    let state_dir = config.state_dir.clone();
    let counters = Arc::new(Counters::default());
    let mut watchers = Watchers {
        web: Web::start(
            config.http.clone(),
            questions.clone(),
            Arc::clone(&counters),
        )
        .await?,
        alerts: Alerts::new(questions),
    };
    let running = Running::start(config, SystemClock::new().now(), counters).await?;
    let location = Location {
        pid: std::process::id(),
        socket: path.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: running.started_at.to_string(),
    };
    location
        .write(&state_dir)
        .map_err(DaemonError::system(format!(
            "write into \"{}\"",
            state_dir.display()
        )))?;
    running.watches_attempted().await;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = location.pid,
        "running"
    );
    watchers.alerts.follow(&running.config);
    let ended = work(start, running, &mut watchers, &mut signals, asked).await;
    control.abort();
    watchers.web.stop().await;
    watchers.alerts.stop();
    remove(&path, &state_dir);
    ended
}

fn listen(path: &Path) -> Result<UnixListener, DaemonError> {
    let attempt = || format!("listen on the control socket \"{}\"", path.display());
    let listener = socket::bind(path).map_err(DaemonError::system(attempt()))?;
    listener
        .set_nonblocking(true)
        .map_err(DaemonError::system(attempt()))?;
    UnixListener::from_std(listener).map_err(DaemonError::system(attempt()))
}

fn remove(path: &Path, state_dir: &Path) {
    Location::remove(state_dir);
    let _ = std::fs::remove_file(path);
}

/// Works until the end, through reloads.
async fn work(
    start: &Start,
    mut running: Running,
    watchers: &mut Watchers,
    signals: &mut SignalReceiver,
    mut asked: mpsc::Receiver<Question>,
) -> Result<(), DaemonError> {
    let progress = Progress::default();
    let mut watchdog = Watchdog::asked_for(progress.clone());
    loop {
        service::ready(&running.status_line());
        let next = running
            .attend(signals, &mut asked, &progress, watchdog.as_mut())
            .await?;
        match next {
            Next::Stop => {
                tracing::info!("stopping");
                service::stopping();
                return running.drain(signals, Next::Stop).await.map(|_| ());
            }
            Next::Reload => {
                service::reloading();
                match reread(start, &running.config) {
                    Ok(None) => {
                        tracing::info!("the configuration has not changed");
                        // An address that was taken may be free now.
                        watchers.web.follow(running.config.http.as_ref()).await;
                    }
                    Ok(Some(config)) => {
                        if is_same_for_the_engine(&config, &running.config) {
                            running.config = config;
                        } else {
                            match running.replace(config, signals).await? {
                                Some(next) => running = next,
                                None => return Ok(()),
                            }
                        }
                        watchers.follow(&running.config).await;
                    }
                    Err(error) => {
                        tracing::error!(
                            "the configuration is not valid and changes nothing: {error}"
                        );
                    }
                }
            }
        }
    }
}

/// The configuration as it is now; `None` if nothing of it changed.
fn reread(start: &Start, old: &Config) -> Result<Option<Config>, ConfigError> {
    let new = Config::load(&start.environment, start.config.as_deref())?;
    if new.state_dir != old.state_dir || control_socket(&new) != control_socket(old) {
        tracing::error!(
            "state_dir cannot change while syncd runs, so nothing was changed; restart it"
        );
        return Ok(None);
    }
    if new.log != old.log {
        tracing::warn!("[log] takes effect with the next start");
    }
    let same =
        is_same_for_the_engine(&new, old) && new.http == old.http && new.alerts == old.alerts;
    Ok((!same).then_some(new))
}

/// Whether nothing changed that the engine would have to be started anew for.
fn is_same_for_the_engine(new: &Config, old: &Config) -> bool {
    new.folders == old.folders
        && new.accounts == old.accounts
        && new.desks == old.desks
        && new.inboxes == old.inboxes
        && new.network == old.network
        && new.limits == old.limits
}

impl Running {
    async fn start(
        config: Config,
        started_at: Timestamp,
        counters: Arc<Counters>,
    ) -> Result<Self, DaemonError> {
        let store = Store::open(&database(&config.state_dir))?;
        let reader = store.reader()?;
        counters.know(&config.folders, &config.inboxes);
        let ports = world::ports(&config, observer(&config, Arc::clone(&counters)));
        let settings = world::settings(&config);
        let engine = Engine::start(ports, store.clone(), settings, Mode::Run).await?;
        Ok(Self {
            config,
            engine,
            store,
            reader,
            started_at,
            counters,
        })
    }

    /// Waits until every folder has a watch, or has said why it has none.
    async fn watches_attempted(&self) {
        let attempted = async {
            let is_open = |live: &crate::engine::live::FolderLive| {
                live.watch.is_empty() && live.state != IntakeState::Blocked
            };
            while self.engine.live().folders.iter().any(is_open) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(WATCH_ATTEMPT_MAX, attempted).await;
    }

    /// Serves signals and commands until one of them asks for more.
    async fn attend(
        &self,
        signals: &mut SignalReceiver,
        asked: &mut mpsc::Receiver<Question>,
        progress: &Progress,
        mut watchdog: Option<&mut Watchdog>,
    ) -> Result<Next, DaemonError> {
        let every = watchdog
            .as_ref()
            .map_or(STATUS_EVERY, |watchdog| watchdog.every());
        let managed = service::is_managed();
        // Its own clock: questions must not put it off.
        let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        loop {
            tokio::select! {
                signal = signals.recv() => match signal {
                    Some(Signal::Reload) => return Ok(Next::Reload),
                    Some(Signal::Scan) => {
                        self.engine.command(Command::ScanNow).await?;
                    }
                    Some(Signal::Terminate | Signal::Interrupt) | None => return Ok(Next::Stop),
                },
                Some(question) = asked.recv() => self.answer(question).await,
                failure = self.engine.failure() => return Err(DaemonError::Failed(failure)),
                _ = beats.tick(), if managed => {
                    self.heartbeat(progress).await;
                    if let Some(watchdog) = watchdog.as_mut() {
                        watchdog.feed();
                    }
                    service::status(&self.status_line());
                }
            }
        }
    }

    /// Goes once through the store's writer. The engine's loops share this thread with the caller, so
    /// when this comes back, neither the loop nor the writer hangs.
    async fn heartbeat(&self, progress: &Progress) {
        let now = SystemClock::new().now();
        if self.store.finish_releases(now).await.is_ok() {
            progress.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn status_line(&self) -> String {
        let live = self.engine.live();
        let count = |state| {
            live.folders
                .iter()
                .filter(|folder| folder.state == state)
                .count()
        };
        let (blocked, scanning) = (count(IntakeState::Blocked), count(IntakeState::Scanning));
        let sending: u64 = live.accounts.iter().map(|account| account.in_flight).sum();
        let mut line = format!(
            "{} folders, {blocked} blocked, {scanning} scanning, {sending} files being sent",
            live.folders.len()
        );
        if !live.inboxes.is_empty() {
            let polled = live.inboxes.iter().filter(|inbox| inbox.connected).count();
            let _ = write!(
                line,
                ", {polled} of {} inboxes connected",
                live.inboxes.len()
            );
        }
        line
    }

    async fn answer(&self, question: Question) {
        let Question { request, answer } = question;
        let reply = match request {
            Request::Status => return self.answer_status(answer),
            Request::Live => Ok(Reply::Live {
                live: LiveFacts::of(&self.engine.live()),
            }),
            Request::Scan => self.command(Command::ScanNow).await,
            Request::Retry { selector } => {
                self.edit(selector, Command::Retry, Command::RetryMessages)
                    .await
            }
            Request::Drop { selector } => {
                self.edit(selector, Command::Drop, Command::DropMessages)
                    .await
            }
            Request::Pause { name } => self.command(Command::Pause(name)).await,
            Request::Resume { name } => self.command(Command::Resume(name)).await,
        };
        let _ = answer.send(reply.unwrap_or_else(|error| match error {
            DaemonError::Engine(EngineError::NoSuchFolder(name)) => Reply::UnknownFolder { name },
            error => Reply::Failed {
                message: error.to_string(),
            },
        }));
    }

    async fn edit(
        &self,
        selector: super::protocol::Selector,
        of_jobs: impl FnOnce(Selection) -> Command,
        of_messages: impl FnOnce(Messages) -> Command,
    ) -> Result<Reply, DaemonError> {
        let chosen = match selector::chosen(&self.reader, selector)? {
            Ok(chosen) => chosen,
            Err(Unknown(name)) => return Ok(Reply::UnknownFolder { name }),
        };
        let jobs = chosen.jobs.map(of_jobs);
        let messages = chosen.messages.map(of_messages);
        let mut count = 0;
        for command in jobs.into_iter().chain(messages) {
            count += self.engine.command(command).await?;
        }
        Ok(Reply::Changed { count })
    }

    async fn command(&self, command: Command) -> Result<Reply, DaemonError> {
        let count = self.engine.command(command).await?;
        Ok(Reply::Changed { count })
    }

    /// Makes the report on a thread of its own: counting a large folder must not hold up transfers.
    fn answer_status(&self, answer: oneshot::Sender<Reply>) {
        let (live, reader) = (self.engine.live(), self.reader.clone());
        let folders = self.config.folders.clone();
        let inboxes = self.config.inboxes.clone();
        let daemon = DaemonFacts {
            pid: std::process::id(),
            started_at: self.started_at,
        };
        tokio::task::spawn_blocking(move || {
            let now = SystemClock::new().now();
            let asked = gather::Asked {
                folders: &folders,
                inboxes: &inboxes,
                daemon: Some(daemon),
                live: Some(live),
            };
            let reply = match gather::status(&reader, asked, now) {
                Ok(status) => Reply::Status {
                    status: Box::new(status),
                },
                Err(error) => Reply::Failed {
                    message: error.to_string(),
                },
            };
            let _ = answer.send(reply);
        });
    }

    /// Stops the engine for a stop or a reload; answers whether a signal asked to end. The second such
    /// signal is not waited out.
    async fn drain(self, signals: &mut SignalReceiver, why: Next) -> Result<bool, DaemonError> {
        let Self { engine, reader, .. } = self;
        // Who still reads the database keeps it from being left as one whole.
        drop(reader);
        let stop = timeout(STOP_MAX, engine.stop());
        tokio::pin!(stop);
        let mut asked_to_end = why == Next::Stop;
        loop {
            tokio::select! {
                stopped = &mut stop => {
                    let Ok(result) = stopped else {
                        tracing::warn!("not all transfers ended in time; they begin again later");
                        return Ok(asked_to_end);
                    };
                    return result.map(|()| asked_to_end).map_err(Into::into);
                }
                Some(signal) = signals.recv() => {
                    if signal.ends() && asked_to_end {
                        tracing::warn!("stopped at once");
                        return Ok(true);
                    }
                    asked_to_end |= signal.ends();
                }
            }
        }
    }

    /// Goes on under another configuration; `None` if a signal asked to end meanwhile. Where the new one
    /// cannot be started, the old one goes on.
    async fn replace(
        self,
        config: Config,
        signals: &mut SignalReceiver,
    ) -> Result<Option<Self>, DaemonError> {
        let (old, started_at) = (self.config.clone(), self.started_at);
        let counters = Arc::clone(&self.counters);
        if self.drain(signals, Next::Reload).await? {
            return Ok(None);
        }
        match Self::start(config, started_at, Arc::clone(&counters)).await {
            Ok(running) => {
                tracing::info!("the new configuration is in effect");
                Ok(Some(running))
            }
            Err(error) => {
                tracing::error!("the new configuration could not be started: {error}");
                Self::start(old, started_at, counters).await.map(Some)
            }
        }
    }
}
