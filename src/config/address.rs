//! Addresses: where the clouds are, where links may point, where syncd listens.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use url::{Host, Url};

use super::problem::shown;
use super::value::{Value, Wrong};

/// `https://…`, or `http://` for a loopback address. Without a `/` at the end.
pub(super) fn base_url(value: &Value<'_>) -> Result<String, Wrong> {
    let url = cloud_url(value)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with the host or a path; take out `?` and `#`".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// As [`base_url`], with a query if need be.
pub(super) fn full_url(value: &Value<'_>) -> Result<String, Wrong> {
    let url = cloud_url(value)?;
    if url.fragment().is_some() {
        return Err("has a `#` part, which is never sent; take it out".to_owned());
    }
    Ok(url.into())
}

fn cloud_url(value: &Value<'_>) -> Result<Url, Wrong> {
    let url = parsed(value, "https://host")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user name or password in it; take them out".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => {
            Err("must begin with https://; http:// is for loopback addresses only".to_owned())
        }
        scheme => Err(format!("must begin with https://, not {}", shown(scheme))),
    }
}

fn parsed(value: &Value<'_>, form: &str) -> Result<Url, Wrong> {
    let text = value.text()?;
    if text
        .chars()
        .any(|one| one.is_control() || one.is_whitespace())
    {
        return Err("has a space or control character; take it out".to_owned());
    }
    let url = Url::parse(text)
        .map_err(|error| format!("is not a URL ({error}); write it like {form}"))?;
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err(format!("has no host; write it like {form}")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An HTTP proxy. The second value says whether a password is in it.
pub(super) fn proxy_url(value: &Value<'_>) -> Result<(String, bool), Wrong> {
    let url = parsed(value, "http://host:port")?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = shown(url.scheme());
        return Err(format!("must begin with http:// or https://, not {scheme}"));
    }
    let has_password = url.password().is_some();
    Ok((url.into(), has_password))
}

/// A host name, an IP address, or `*.` and a domain; lower case, IPv6 in brackets.
pub(super) fn host_pattern(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    let host = text.to_ascii_lowercase();
    if host.contains("://") || host.contains('/') {
        return Err(format!(
            "has {}, but takes hosts; write only the name, like \"*.myqcloud.com\"",
            shown(text)
        ));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        });
    }
    if host.contains(':') {
        return Err(format!("has a port in {}; take it out", shown(text)));
    }
    let (wildcard, name) = match host.strip_prefix("*.") {
        Some(domain) => (true, domain),
        None => (false, host.as_str()),
    };
    if wildcard && !name.contains('.') {
        return Err(format!(
            "is too wide with {}; name a domain with two parts, like \"*.myqcloud.com\"",
            shown(text)
        ));
    }
    if !is_host_name(name) {
        return Err(format!(
            "has {}, which is not a host name; `*` may only stand alone at the start, as in \
             \"*.myqcloud.com\"",
            shown(text)
        ));
    }
    Ok(host)
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(is_label)
        // "127.0.0" and "1.2.3.4.5" are slips of an IP address, not names.
        && !name.rsplit('.').next().is_some_and(is_number)
}

/// `ADDRESS:PORT` or `unix:/path`.
pub(super) fn listen(value: &Value<'_>) -> Result<Listen, Wrong> {
    let text = value.text()?;
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.starts_with('/') {
            Ok(Listen::Unix(path.into()))
        } else {
            Err("needs an absolute path after `unix:`".to_owned())
        };
    }
    match text.parse::<SocketAddr>() {
        Ok(address) => Ok(Listen::Tcp(address)),
        Err(_) => Err(format!(
            "must be ADDRESS:PORT like \"127.0.0.1:9180\", or \"unix:/path\", not {}",
            shown(text)
        )),
    }
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and its port.
    Tcp(SocketAddr),
    /// A socket in the file system, by its absolute path.
    Unix(PathBuf),
}

impl Listen {
    /// Whether other machines can reach it.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}
