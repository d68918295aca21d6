//! Who is asked, and through whom.

use std::process::Command;

use syncd::adapter::http::resolver::Allowed;
use syncd::adapter::http::{HttpSettings, HttpTransport};
use syncd::model::secret::Secret;
use syncd::port::transport::{Body, Request, Transport, TransportKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{Server, Then, ok};
use crate::{impatient, kind, request, transport};

#[tokio::test]
async fn what_cannot_be_connected_to_is_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{closed}/k?sign=canary");
    assert_eq!(
        kind(transport().exchange(request(&url, Body::Empty)).await),
        TransportKind::Connect
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/k?sign=canary", listener.local_addr().unwrap());
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let transport = transport();
    let (result, ()) = tokio::join!(transport.exchange(request(&url, Body::Empty)), plain);
    assert_eq!(kind(result), TransportKind::Tls);
}

#[tokio::test]
async fn addresses_that_are_not_listed_are_refused_before_anything_is_sent() {
    let server = Server::start(Then::Answer(ok(""))).await;
    for (url, hosts) in [
        (server.url(), vec![]),
        (server.url(), vec!["*.myqcloud.com".to_owned()]),
        (
            "http://canary@127.0.0.1/".to_owned(),
            vec!["127.0.0.1".to_owned()],
        ),
        ("canary".to_owned(), vec!["127.0.0.1".to_owned()]),
    ] {
        let request = Request {
            allowed_hosts: hosts,
            ..request(&url, Body::Empty)
        };
        assert_eq!(
            kind(transport().exchange(request).await),
            TransportKind::Refused
        );
    }
    for (name, value) in [
        ("bad name", "x"),
        ("x-token", "canary\r\nx: y"),
        ("x-token", "canary\0"),
    ] {
        let headers = vec![(name.to_owned(), Secret::new(value))];
        let request = Request {
            headers,
            ..request(&server.url(), Body::Empty)
        };
        assert_eq!(
            kind(transport().exchange(request).await),
            TransportKind::Refused
        );
    }
    assert_eq!(*server.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_name_of_a_listed_suffix_that_leads_to_this_machine_is_refused() {
    // `localhost` resolves without a network; as part of a listed suffix it must not be connected to.
    let server = Server::start(Then::Answer(ok(""))).await;
    let request = Request {
        allowed_hosts: vec!["*.localhost".to_owned()],
        ..request("https://store.localhost/k?sign=canary", Body::Empty)
    };
    let result = transport().exchange(request).await;
    assert!(matches!(
        kind(result),
        TransportKind::Refused | TransportKind::Dns
    ));
    assert_eq!(*server.connections.lock().unwrap(), 0);
}

#[test]
fn resolved_addresses_are_filtered_for_upload_hosts_only() {
    let remote = Allowed::Remote {
        proxy: Some("proxy.lan".to_owned()),
    };
    let kept = |allowed: &Allowed, name: &str, address: &str| {
        allowed.filter(name, [address.parse().unwrap()]).len() == 1
    };
    for address in [
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "ff02::1",
    ] {
        assert!(!kept(&remote, "cos.myqcloud.com", address), "{address}");
        assert!(kept(&remote, "proxy.lan", address), "{address}");
        assert!(
            kept(&Allowed::Any, "api.weixin.qq.com", address),
            "{address}"
        );
    }
    for address in ["10.1.2.3", "192.168.0.1", "203.0.113.9", "2001:db8::1"] {
        assert!(kept(&remote, "cos.myqcloud.com", address), "{address}");
        assert!(!kept(&remote, "localhost", address), "{address}");
    }
    assert!(kept(&remote, "localhost", "127.0.0.1"));
    let many = (0..1000_u32).map(|at| std::net::Ipv4Addr::from(0x0a00_0000 + at).into());
    assert_eq!(remote.filter("cos.myqcloud.com", many).len(), 16);
}

const CHILD: &str = "SYNCD_TEST_CHILD";

/// Runs one test of this file again with other environment variables.
fn run_child(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
async fn the_proxies_of_the_environment_are_not_used() {
    if std::env::var_os(CHILD).is_some() {
        let server = Server::start(Then::Answer(ok(""))).await;
        transport()
            .exchange(request(&server.url(), Body::Empty))
            .await
            .unwrap();
        let url = server.url().replace("http:", "https:");
        let _ = impatient().exchange(request(&url, Body::Empty)).await;
        assert_eq!(*server.connections.lock().unwrap(), 2, "asked directly");
        return;
    }
    let proxy = Server::start(Then::Answer(ok(""))).await;
    let address = format!("http://{}", proxy.address);
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let variables: Vec<(&str, &str)> = names.map(|name| (name, address.as_str())).to_vec();
    run_child(
        "network::the_proxies_of_the_environment_are_not_used",
        &variables,
    );
    assert_eq!(*proxy.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn without_ca_certificates_only_this_machine_can_be_asked() {
    const NAME: &str = "network::without_ca_certificates_only_this_machine_can_be_asked";
    if std::env::var_os(CHILD).is_none() {
        let nowhere = "/nonexistent/certificates";
        return run_child(
            NAME,
            &[("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", nowhere)],
        );
    }
    let server = Server::start(Then::Answer(ok(""))).await;
    let transport = transport();
    let url = server.url().replace("http:", "https:");
    for _ in 0..2 {
        let fault = transport
            .exchange(request(&url, Body::Empty))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, TransportKind::NoRoots);
        assert!(fault.message.contains("ca-certificates"));
    }
    transport
        .exchange(request(&server.url(), Body::Empty))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_configured_proxy_is_asked_for_https_but_never_for_this_machine() {
    let proxy = Server::start(Then::Answer(
        b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n".to_vec(),
    ))
    .await;
    let server = Server::start(Then::Answer(ok(""))).await;
    let settings = HttpSettings {
        proxy: Some(Secret::new(format!("http://user:canary@{}", proxy.address))),
        ..HttpSettings::default()
    };
    let transport = HttpTransport::new(settings);
    transport
        .exchange(request(&server.url(), Body::Empty))
        .await
        .unwrap();
    assert_eq!(*proxy.connections.lock().unwrap(), 0);
    let request = Request {
        allowed_hosts: vec!["store.test".to_owned()],
        ..request("https://store.test/k?sign=canary", Body::Empty)
    };
    assert_eq!(
        kind(transport.exchange(request).await),
        TransportKind::Connect
    );
    let seen = proxy.seen(1).await;
    assert!(
        seen[0].head.starts_with("CONNECT store.test:443"),
        "{}",
        seen[0].head
    );
    assert!(!seen[0].head.contains("/k"));
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.pem");
    let settings = HttpSettings {
        ca_file: Some(missing),
        ..HttpSettings::default()
    };
    let transport = HttpTransport::new(settings);
    let request = request("https://127.0.0.1:9/k?sign=canary", Body::Empty);
    let fault = transport.exchange(request).await.unwrap_err();
    assert_eq!(fault.kind, TransportKind::NoRoots);
    assert!(fault.message.contains("network.ca_file") && fault.message.contains("none.pem"));
}
