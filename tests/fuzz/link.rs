//! Signed links: one that may be asked leads to a listed host, over TLS, and nowhere else; and no rule lets
//! one lead to a local address.

use std::net::IpAddr;

use syncd::adapter::http::guard::{self, is_forbidden};
use syncd::model::address::Address;
use syncd::model::secret::Secret;
use syncd::port::transport::Peer;
use url::{Host, Url};

/// What is put into a link.
#[allow(dead_code, reason = "libFuzzer finds its words itself")]
pub(crate) const WORDS: &[&[u8]] = &[
    b"https://",
    b"http://",
    b"//",
    b"/",
    b"\\",
    b"@",
    b"#",
    b"?",
    b":",
    b":443",
    b":80",
    b".",
    b"myqcloud.com",
    b"store.example.com",
    b"localhost",
    b"127.0.0.1",
    b"0x7f.1",
    b"[::1]",
    b"[::ffff:169.254.169.254]",
    b"169.254.169.254",
    b"%2e",
    b"\xe3\x80\x82",
    b"\xc2\xad",
    b"\t",
    b"\xff",
];

fn check(peer: Peer, text: &str, hosts: &[String]) -> Result<Url, &'static str> {
    guard::check(peer, &Address::from(Secret::new(text)), hosts)
}

/// Checks the property.
pub(crate) fn holds(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let hosts = ["*.myqcloud.com", "store.example.com"].map(str::to_owned);
    if let Ok(url) = check(Peer::UploadHost, &text, &hosts) {
        is_listed(&url);
        // It is asked as it was checked, however it was written.
        assert_eq!(check(Peer::UploadHost, url.as_str(), &hosts), Ok(url));
    }
    let any = Url::parse(&text).ok();
    let host = any.as_ref().and_then(Url::host_str).unwrap_or_default();
    let rules = [host.to_owned(), format!("*.{host}"), "*.".to_owned()];
    if let Ok(url) = check(Peer::UploadHost, &text, &rules) {
        is_never_local(&url);
    }
    if let Ok(url) = check(Peer::Api, &text, &[]) {
        let plain = url.scheme() == "http" && url.host().is_some_and(|host| is_this_machine(&host));
        assert!(url.scheme() == "https" || plain, "{url}");
        assert!(url.username().is_empty() && url.password().is_none());
    }
    for address in addresses(input) {
        assert_eq!(is_forbidden(address), is_local(address), "{address}");
    }
}

fn is_listed(url: &Url) {
    let host = url.host_str().unwrap_or_default();
    let below = host.strip_suffix(".myqcloud.com");
    assert!(
        host == "store.example.com" || below.is_some_and(|label| !label.is_empty()),
        "{url}"
    );
    assert_eq!((url.scheme(), url.port()), ("https", None), "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
}

/// Even if the rule names the very host.
fn is_never_local(url: &Url) {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return,
    };
    assert!(!is_local(address) || address.is_loopback(), "{url}");
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.octets()[0] == 127,
        Host::Ipv6(address) => u128::from(*address) == 1,
    }
}

/// The input's bytes as addresses, with each way in which IPv6 wraps IPv4.
fn addresses(input: &[u8]) -> Vec<IpAddr> {
    let Some(four) = input.last_chunk::<4>() else {
        return Vec::new();
    };
    let low = u128::from(u32::from_be_bytes(*four));
    let mut found = vec![IpAddr::from(*four)];
    for high in [0, 0xffff << 32, 0x0064_ff9b << 96] {
        found.push(IpAddr::from((high | low).to_be_bytes()));
    }
    found.extend(input.last_chunk::<16>().map(|all| IpAddr::from(*all)));
    found
}

/// This machine, its link, groups, nowhere: by the bits.
fn is_local(address: IpAddr) -> bool {
    let bits = match address {
        IpAddr::V4(address) => return is_local_v4(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let low = u32::try_from(bits & 0xffff_ffff).unwrap_or_default();
    match bits >> 32 {
        0 | 0xffff | 0x0064_ff9b_0000_0000_0000_0000 => is_local_v4(low),
        _ => bits >> 118 == 0xfe80 >> 6 || bits >> 120 == 0xff,
    }
}

fn is_local_v4(bits: u32) -> bool {
    let first = bits >> 24;
    matches!(first, 0 | 127 | 224..=239) || bits >> 16 == 0xa9fe || bits == u32::MAX
}
