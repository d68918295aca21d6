//! Names to addresses, at the moment of connecting: the only place where a name that is allowed but
//! leads to this machine can be caught.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard;

/// More addresses than this are not tried.
const ADDRESSES_MAX: usize = 16;

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the host's name cannot be resolved: {0}")]
pub(super) struct LookupFailed(String);

/// Every address of a name is one that may not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the host's name leads to a local address")]
pub(super) struct AddressForbidden;

/// Which of a name's addresses may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// All: the host was configured.
    Any,
    /// Those a signed link may lead to, and all of the configured proxy's.
    Remote {
        /// Host of the proxy.
        proxy: Option<String>,
    },
}

impl Allowed {
    fn permits(&self, name: &str, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Remote { proxy: Some(proxy) } if proxy.eq_ignore_ascii_case(name) => true,
            // Reached only where `localhost` itself is listed: then it must be what it says.
            Self::Remote { .. } if name.eq_ignore_ascii_case("localhost") => address.is_loopback(),
            Self::Remote { .. } => !guard::is_forbidden(address),
        }
    }

    /// The addresses that may be connected to.
    ///
    pub fn filter(&self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
        let permitted = addresses
            .into_iter()
            .filter(|address| self.permits(name, *address));
        permitted.take(ADDRESSES_MAX).collect()
    }
}

/// The resolver of one client.
pub(super) struct Resolver(pub(super) Allowed);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<IpAddr> = found
                .map_err(|error| LookupFailed(error.to_string()))?
                .map(|address| address.ip())
                .collect();
            if found.is_empty() {
                return Err(LookupFailed("it has no address".to_owned()).into());
            }
            let permitted = allowed.filter(name.as_str(), found);
            if permitted.is_empty() {
                return Err(AddressForbidden.into());
            }
            let addresses = permitted
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
