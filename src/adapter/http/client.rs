//! The clients: built when first needed, because building one reads the machine's CA certificates and
//! fails where there are none.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Proxy, redirect, retry};

use super::HttpSettings;
use super::resolver::{Allowed, Resolver};
use crate::port::transport::{Peer, TransportFault, TransportKind};

/// A connection that nobody used for so long is closed, before the server does it under a request.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// Replies with more headers are refused.
const HEADERS_MAX: usize = 100;

/// The clients of one peer. Plain http goes to this machine only: it needs no roots and no proxy.
#[derive(Default)]
pub(super) struct Clients {
    plain: OnceLock<Client>,
    trusted: OnceLock<Client>,
}

impl Clients {
    /// The client for an address that was checked; a failure to build one is not remembered.
    pub(super) fn get(
        &self,
        peer: Peer,
        is_plain: bool,
        settings: &HttpSettings,
    ) -> Result<&Client, TransportFault> {
        let slot = if is_plain { &self.plain } else { &self.trusted };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = if is_plain {
            let builder = base(Allowed::Any, settings).tls_certs_only([]);
            builder
                .build()
                .map_err(|_| fault(TransportKind::Tls, "no client can be built"))?
        } else {
            trusted(peer, settings)?
        };
        Ok(slot.get_or_init(|| client))
    }
}

fn fault(kind: TransportKind, message: &str) -> TransportFault {
    TransportFault {
        kind,
        message: message.to_owned(),
        bytes_sent: 0,
        moved_for: Duration::ZERO,
    }
}

fn base(allowed: Allowed, settings: &HttpSettings) -> ClientBuilder {
    ClientBuilder::new()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(HEADERS_MAX)
        .user_agent(concat!("syncd/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.limits.connect)
        .pool_idle_timeout(POOL_IDLE)
        .dns_resolver(Resolver(allowed))
}

fn read_roots(settings: &HttpSettings) -> Result<Vec<Certificate>, TransportFault> {
    let Some(path) = &settings.ca_file else {
        return Ok(Vec::new());
    };
    roots_of(path).map_err(|why| {
        let message = format!("network.ca_file \"{}\": {why}", path.display());
        fault(TransportKind::NoRoots, &message)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the CA file is read where the client is built, or examined"
)]
fn roots_of(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(roots) if roots.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(roots) => Ok(roots),
        Err(_) => Err("it is not a PEM file of certificates".to_owned()),
    }
}

/// How many roots a CA file has.
///
/// # Errors
/// In words why no client can be built with it.
pub fn count_roots(path: &Path) -> Result<usize, String> {
    roots_of(path).map(|roots| roots.len())
}

fn trusted(peer: Peer, settings: &HttpSettings) -> Result<Client, TransportFault> {
    let (proxy, proxy_host) = match &settings.proxy {
        None => (None, None),
        Some(address) => {
            let refused = |_| fault(TransportKind::Refused, "network.proxy is not an address");
            let proxy = Proxy::all(address.expose()).map_err(refused)?;
            let url = url::Url::parse(address.expose()).ok();
            (
                Some(proxy),
                url.and_then(|url| url.host_str().map(str::to_owned)),
            )
        }
    };
    let allowed = match peer {
        Peer::Api => Allowed::Any,
        Peer::UploadHost => Allowed::Remote { proxy: proxy_host },
    };
    let roots = read_roots(settings)?;
    let prepared = || {
        let builder = base(allowed.clone(), settings);
        match proxy.clone() {
            Some(proxy) => builder.proxy(proxy),
            None => builder,
        }
    };
    let built = prepared().tls_certs_merge(roots.clone()).build();
    if let Ok(client) = built {
        return Ok(client);
    }
    // The machine has no roots of its own, which does not matter where the configuration names some.
    if !roots.is_empty()
        && let Ok(client) = prepared().tls_certs_only(roots).build()
    {
        return Ok(client);
    }
    let message = "this machine has no CA certificates; install the package ca-certificates, \
                   or name a file in network.ca_file";
    Err(fault(TransportKind::NoRoots, message))
}
