//! The transport over the network: reqwest with every default that is dangerous here turned off.
//!
//! No redirects, no proxy but the configured one, no cookies, no decompression, one client for each
//! peer. Invariants: no address and no secret in any message; a reply that was not complete is a fault.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::model::address::Address;
use crate::model::secret::Secret;
use crate::port::BoxFuture;
use crate::port::transport::{
    Method, Peer, Reply, Request, StreamedReply, Transport, TransportFault, TransportKind,
};

mod body;
mod client;
mod failure;
pub mod guard;
mod reply;
pub mod resolver;
mod stall;

pub use client::count_roots;

use body::{Progress, TrackedBody};
use client::Clients;
use failure::{classify, fault};
use reply::{Deadline, Incoming, late};

/// What the configuration says about the network.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// The only proxy that is used; its address may hold a password.
    pub proxy: Option<Secret>,
    /// PEM file of roots to trust besides those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Time limits.
    pub limits: HttpLimits,
}

/// Time limits besides the deadline of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// For a connection to stand, with TLS.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// The span over which the slowest rate is measured …
    pub rate_window: Duration,
    /// … and the fewest bytes that must move in it.
    pub rate_window_bytes_min: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            rate_window: Duration::from_mins(1),
            rate_window_bytes_min: 60 * 1024,
        }
    }
}

/// The transport.
pub struct HttpTransport {
    settings: HttpSettings,
    api: Clients,
    upload_hosts: Clients,
    /// The last address of an API, as it was given and as it was read: the same one is asked for each link.
    api_address: Mutex<Option<(Address, Url)>>,
}

impl HttpTransport {
    /// Nothing is built or read before the first request.
    pub fn new(settings: HttpSettings) -> Self {
        Self {
            settings,
            api: Clients::default(),
            upload_hosts: Clients::default(),
            api_address: Mutex::default(),
        }
    }

    async fn whole(&self, request: Request) -> Result<Reply, TransportFault> {
        let progress = Arc::new(Progress::begin());
        let mut deadline: Deadline = Box::pin(stall::wait(request.deadline));
        let exchange = async { self.head(request, &progress).await?.whole().await };
        self.bounded(exchange, &progress, &mut deadline).await
    }

    async fn streamed(&self, request: Request) -> Result<StreamedReply, TransportFault> {
        let progress = Arc::new(Progress::begin());
        let mut deadline: Deadline = Box::pin(stall::wait(request.deadline));
        let head = self.head(request, &progress);
        let incoming = self.bounded(head, &progress, &mut deadline).await?;
        Ok(incoming.streamed(self.settings.limits, deadline))
    }

    /// A part of an exchange, given up when nothing moves or its time is over.
    async fn bounded<T>(
        &self,
        part: impl Future<Output = Result<T, TransportFault>>,
        progress: &Progress,
        deadline: &mut Deadline,
    ) -> Result<T, TransportFault> {
        tokio::select! {
            biased;
            result = part => result,
            message = stall::watch(progress, &self.settings.limits) => {
                Err(fault(TransportKind::Stalled, message, progress))
            }
            () = deadline => Err(late(progress)),
        }
    }

    /// Sends the request and waits for the reply's head.
    async fn head(
        &self,
        request: Request,
        progress: &Arc<Progress>,
    ) -> Result<Incoming, TransportFault> {
        let reply_bytes_max = request.reply_bytes_max;
        let (request, client) = self.prepare(request, progress)?;
        let len = request
            .body()
            .map_or(0, |body| http_body::Body::size_hint(body).lower());
        let response = client
            .execute(request)
            .await
            .map_err(|error| classify(&error, progress))?;
        Incoming::accept(response, reply_bytes_max, len, Arc::clone(progress))
    }

    /// The address of a request, which may be asked.
    fn address(&self, request: &Request) -> Result<Url, &'static str> {
        let check = || guard::check(request.peer, &request.url, &request.allowed_hosts);
        if request.peer == Peer::UploadHost {
            return check();
        }
        let mut last = self
            .api_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((given, read)) if *given == request.url => Ok(read.clone()),
            _ => {
                let (_, read) = last.insert((request.url.clone(), check()?));
                Ok(read.clone())
            }
        }
    }

    fn prepare(
        &self,
        request: Request,
        progress: &Arc<Progress>,
    ) -> Result<(reqwest::Request, &reqwest::Client), TransportFault> {
        let refused = |message: &str| fault(TransportKind::Refused, message, progress);
        let url = self
            .address(&request)
            .map_err(|why| refused(&format!("the address may not be asked: {why}")))?;
        let clients = match request.peer {
            Peer::Api => &self.api,
            Peer::UploadHost => &self.upload_hosts,
        };
        let client = clients.get(request.peer, url.scheme() == "http", &self.settings)?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut built = reqwest::Request::new(method, url);
        let body = TrackedBody::new(request.body, Arc::clone(progress));
        *built.headers_mut() = headers(&request.headers).map_err(|why| refused(&why))?;
        if body.len() > 0 {
            *built.body_mut() = Some(reqwest::Body::wrap(body));
        } else if request.method != Method::Get {
            built
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok((built, client))
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Reply, TransportFault>> {
        Box::pin(self.whole(request))
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<StreamedReply, TransportFault>> {
        Box::pin(self.streamed(request))
    }
}

fn headers(pairs: &[(String, Secret)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(pairs.len() + 1);
    for (name, value) in pairs {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        let parsed = parsed.zip(HeaderValue::from_str(value.expose()).ok());
        let Some((header, mut value)) = parsed else {
            return Err(format!("the header {} cannot be sent", name.escape_debug()));
        };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}
