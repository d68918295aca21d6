//! Starting an emulator, and the hold on a running one.
//!
//! It runs on a thread and a runtime of its own, so a test needs no runtime to use it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::ccmessaging::DeskControl;
use super::cloud::{Addresses, Cloud};
use super::connection::{Connection, CuttableListener};
use super::faults::{Call, Fault};
use super::objects::{Incoming, Space, StoredObject};
use super::options::EmulatorOptions;
use super::record::{CompletedPut, HostKind, LoggedRequest};
use super::routes::{REDIRECT_TRAP, Role, router};
use super::script::{self, ScriptError};

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Everybody knows its secrets, so it must not be reached from outside.
    #[error("The emulator only listens on this machine: give a loopback address, not {0}")]
    NotLoopback(SocketAddr),
    /// The address is taken or not allowed.
    #[error("Cannot listen on {address}; choose another port, or 0 for any")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for large objects.
    #[error("Cannot make the folder for large objects")]
    Root(#[source] io::Error),
    /// The thread or its runtime.
    #[error("Cannot start the emulator's thread")]
    Thread(#[source] io::Error),
}

/// The way to an emulator.
#[derive(Debug)]
pub struct Emulator;

/// A running emulator. It stops when this is dropped.
pub struct Running {
    cloud: Arc<Cloud>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Listeners = Vec<(Role, TcpListener)>;

impl Emulator {
    /// Starts one; it is reachable when this returns.
    ///
    /// # Errors
    /// A port or the folder for large objects cannot be had.
    pub fn start(options: EmulatorOptions) -> Result<Running, StartError> {
        if !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = Builder::new()
            .name("emulator".to_owned())
            .spawn(move || live(options, &ready, stopped))
            .map_err(StartError::Thread)?;
        let gone = |_| StartError::Thread(io::Error::other("it ended at once"));
        let cloud = started.recv().map_err(gone)??;
        Ok(Running {
            cloud,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

fn live(
    options: EmulatorOptions,
    ready: &mpsc::Sender<Result<Arc<Cloud>, StartError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _nobody_waits = ready.send(Err(StartError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        match open(options).await {
            Err(error) => {
                let _nobody_waits = ready.send(Err(error));
            }
            Ok((cloud, listeners)) => {
                for (role, listener) in listeners {
                    let service = router(Arc::clone(&cloud), role)
                        .into_make_service_with_connect_info::<Connection>();
                    let serving = axum::serve(CuttableListener::new(listener), service);
                    tokio::spawn(async move { serving.await });
                }
                let _nobody_waits = ready.send(Ok(cloud));
                let _either_way = stopped.await;
            }
        }
    });
    // Connections that are still open end with the runtime.
}

async fn open(options: EmulatorOptions) -> Result<(Arc<Cloud>, Listeners), StartError> {
    let wanted = options.listen;
    let api = TcpListener::bind(wanted)
        .await
        .map_err(|source| StartError::Bind {
            address: wanted,
            source,
        })?;
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|source| StartError::Bind {
            address: wanted,
            source,
        })
    };
    let mut next = wanted;
    let api_address = address(&api)?;
    let mut listeners = vec![(Role::Api, api)];
    let mut cos_address = api_address;
    if options.separate_cos {
        let cos = bind_after(&mut next).await?;
        cos_address = address(&cos)?;
        listeners.push((Role::Cos, cos));
    }
    let mut sites = BTreeMap::new();
    for environment in &options.environments {
        let site = bind_after(&mut next).await?;
        sites.insert(environment.clone(), address(&site)?);
        listeners.push((Role::Site(environment.as_str().into()), site));
    }
    let addresses = Addresses {
        api: api_address,
        cos: cos_address,
        sites,
    };
    let cloud = Cloud::new(options, addresses).map_err(StartError::Root)?;
    Ok((Arc::new(cloud), listeners))
}

/// The port after this one; any port, if that is taken or none was wished for.
async fn bind_after(last: &mut SocketAddr) -> Result<TcpListener, StartError> {
    if let Some(port) = last.port().checked_add(1).filter(|port| *port > 1) {
        last.set_port(port);
        if let Ok(listener) = TcpListener::bind(*last).await {
            return Ok(listener);
        }
    }
    let address = SocketAddr::new(last.ip(), 0);
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Bind { address, source })
}

/// Where things are.
impl Running {
    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.cloud.addresses.api
    }

    /// The API's address as a URL, for `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.cloud.addresses.api)
    }

    /// Where the object store listens; the API's address if it has no port of its own.
    pub fn cos_address(&self) -> SocketAddr {
        self.cloud.addresses.cos
    }

    /// A host for `upload_hosts`.
    pub fn upload_host(&self) -> String {
        self.cloud.addresses.cos.ip().to_string()
    }

    /// Where a token that fits the static-website calls is handed out, for `token = { url = … }`.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.base_url())
    }

    /// Where a visitor finds the deployed site of an environment.
    pub fn site_url(&self, environment: &str) -> Option<String> {
        let address = self.cloud.addresses.sites.get(environment)?;
        Some(format!("http://{address}/"))
    }

    /// An address for a `redirect` fault: whoever goes there is recorded as a violation.
    pub fn redirect_trap(&self) -> String {
        format!("{}{REDIRECT_TRAP}", self.base_url())
    }

    /// The environments there are.
    pub fn environments(&self) -> &[String] {
        &self.cloud.options.environments
    }
}

/// What happened, and what is there.
impl Running {
    /// An object of a static website.
    pub fn object(&self, environment: &str, key: &str) -> Option<Arc<StoredObject>> {
        self.cloud.object((Space::Website, environment), key)
    }

    /// All objects of a static website, by key.
    pub fn objects(&self, environment: &str) -> BTreeMap<String, Arc<StoredObject>> {
        self.objects_in(Space::Website, environment)
    }

    /// All objects of an environment in one of its spaces, by key.
    pub fn objects_in(
        &self,
        space: Space,
        environment: &str,
    ) -> BTreeMap<String, Arc<StoredObject>> {
        let buckets = self.cloud.buckets(space);
        let bucket = buckets.get(environment);
        bucket
            .map(|bucket| bucket.objects.clone())
            .unwrap_or_default()
    }

    /// The uploads that were completed, in that order.
    pub fn completed(&self) -> Vec<CompletedPut> {
        self.cloud.record.completed()
    }

    /// The last hundred thousand requests, in the order they ended.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.cloud.record.requests()
    }

    /// How many requests of this kind have come.
    pub fn count(&self, call: Call) -> u64 {
        self.cloud.record.count(call)
    }

    /// How many requests of this kind there were at a time, at most.
    pub fn in_flight_max(&self, call: Call) -> usize {
        self.cloud.record.in_flight_max(call)
    }

    /// What clients did that they never should. A test ends with this being empty.
    pub fn violations(&self) -> Vec<String> {
        self.cloud.record.violations()
    }

    /// The headers that a host was sent: names in lower case, with up to 64 values each.
    pub fn headers_seen(&self, host: HostKind) -> BTreeMap<String, BTreeSet<String>> {
        self.cloud.record.headers(host)
    }

    /// How often the faults in force have acted.
    pub fn faults_acted(&self) -> u64 {
        self.cloud.faults().acted()
    }

    /// Waits for a condition; says whether it came to hold in time.
    pub fn wait_until(&self, patience: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        self.cloud.record.wait_until(patience, || holds(self))
    }
}

/// What can be done to it while it runs.
impl Running {
    /// Adds a fault after those in force.
    pub fn inject(&self, fault: Fault) {
        self.cloud.faults().add(fault);
    }

    /// Adds the faults of a script.
    ///
    /// # Errors
    /// The script is wrong; nothing was added.
    pub fn inject_script(&self, script: &str) -> Result<(), ScriptError> {
        for fault in script::parse(script)? {
            self.inject(fault);
        }
        Ok(())
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.cloud.faults().clear();
    }

    /// Ends all tokens now.
    pub fn expire_tokens(&self) {
        let now_ms = self.cloud.clock.now_ms();
        self.cloud.tokens().expire_all(now_ms);
        self.cloud.desk.expire_tokens(now_ms);
    }

    /// The contact-centre desk: its agents' side, its troubles, and what arrived there.
    pub fn desk(&self) -> DeskControl<'_> {
        DeskControl::new(&self.cloud)
    }

    /// Sets how far the cloud's clock is ahead of this machine's (negative: behind).
    pub fn skew_clock(&self, skew_ms: i64) {
        self.cloud.clock.set_skew_ms(skew_ms);
    }

    /// Lets time pass for the cloud.
    pub fn advance_clock(&self, span: Duration) {
        self.cloud.clock.advance(span);
    }

    /// Sets the status of a static website (protocol notes 3.4); only `online` accepts uploads.
    pub fn set_status(&self, environment: &str, status: &str) {
        if let Some(website) = self.cloud.websites().get_mut(environment) {
            status.clone_into(&mut website.status);
        }
    }

    /// Puts an object on a static website as somebody else would have.
    ///
    /// # Errors
    /// It is large and cannot be written to its file.
    pub fn put_object(&self, environment: &str, key: &str, bytes: &Bytes) -> io::Result<()> {
        let mut incoming = Incoming::new(self.cloud.spool());
        incoming.push(bytes)?;
        let object = incoming.finish(key, BTreeMap::new(), self.cloud.clock.now_ms());
        self.cloud
            .store((Space::Website, environment), Arc::new(object));
        Ok(())
    }

    /// Takes an object off a static website as somebody else would have.
    pub fn remove_object(&self, environment: &str, key: &str) {
        if let Some(website) = self.cloud.websites().get_mut(environment) {
            website.objects.remove(key);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running at {}", self.cloud.addresses.api)
    }
}
