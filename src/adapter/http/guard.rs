//! Which addresses may be asked: checked on the parsed address before anything is connected. The
//! addresses that names turn out to have are checked in `resolver`.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

use crate::model::address::Address;
use crate::port::transport::Peer;

/// Reads an address and checks it for `peer` (an upload host must be one of `allowed_hosts`: exact
/// names, or `*.` and a suffix).
///
/// # Errors
/// Why it may not be asked, in words, without the address.
pub fn check(peer: Peer, address: &Address, allowed_hosts: &[String]) -> Result<Url, &'static str> {
    let url = address.read().map_err(|_| "it is not an address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name");
    }
    if url.fragment().is_some() {
        return Err("it has a fragment");
    }
    let Some(host) = url.host() else {
        return Err("it has no host");
    };
    let loopback = is_loopback(&host);
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err("http is for loopback addresses only"),
        _ => return Err("it is neither https nor http"),
    }
    if peer == Peer::UploadHost {
        check_upload_host(&url, &host, loopback, allowed_hosts)?;
    }
    Ok(url)
}

fn check_upload_host(
    url: &Url,
    host: &Host<&str>,
    loopback: bool,
    allowed_hosts: &[String],
) -> Result<(), &'static str> {
    let listed = match host {
        // A suffix never covers an address, nor the loopback name.
        Host::Domain(name) if !loopback => allowed_hosts.iter().any(|rule| covers(rule, name)),
        _ => allowed_hosts.iter().any(|rule| is_exactly(rule, host)),
    };
    if !listed {
        return Err("its host is not one of upload_hosts");
    }
    if !loopback {
        if url.port_or_known_default() != Some(443) {
            return Err("its port is not 443");
        }
        if let Some(address) = literal(host)
            && is_forbidden(address)
        {
            return Err("its address is a local one");
        }
    }
    Ok(())
}

fn covers(rule: &str, name: &str) -> bool {
    let rule = rule.to_ascii_lowercase();
    match rule.strip_prefix("*.") {
        Some(suffix) => name
            .strip_suffix(suffix)
            .is_some_and(|before| !suffix.is_empty() && before.len() > 1 && before.ends_with('.')),
        None => name == rule,
    }
}

fn is_exactly(rule: &str, host: &Host<&str>) -> bool {
    let rule = rule.trim_start_matches('[').trim_end_matches(']');
    match host {
        Host::Domain(name) => rule.eq_ignore_ascii_case(name),
        Host::Ipv4(address) => rule.parse() == Ok(*address),
        Host::Ipv6(address) => rule.parse() == Ok(*address),
    }
}

fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

/// Whether a host is written as this machine itself: `127.0.0.0/8`, `[::1]`, `localhost`.
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Addresses a signed link may never lead to: this machine, its link (the metadata services of clouds
/// live there), groups, nowhere. Private ranges are allowed: inside a cloud its object store has one.
pub fn is_forbidden(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unicast_link_local()
                // IPv4 in its old notation (`::a.b.c.d`) and behind NAT64.
                || matches!(address.segments(),
                    [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
                    if is_forbidden_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))))
        }
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.octets()[0] == 0
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
}

#[cfg(test)]
mod tests;
