//! `[http]`: metrics that equal an independent count, health, the page, limits, and reloads.
#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "what is counted are whole numbers far below 2^53"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::Signal;
use syncd::emulator::Call;

use crate::desk::{Desk, ENV, PATIENCE, small_site, wait_for};

fn listen(desk: &Desk, address: &str) {
    let text = fs::read_to_string(&desk.config).unwrap();
    let kept = text.split("[http]").next().unwrap();
    fs::write(
        &desk.config,
        format!("{kept}[http]\nlisten = \"{address}\"\n"),
    )
    .unwrap();
}

pub(crate) fn on_a_socket(desk: &Desk) -> PathBuf {
    let path = desk.path().join("http.sock");
    listen(desk, &format!("unix:{}", path.display()));
    path
}

/// The answer to one request as text, its head included.
fn exchange(mut stream: impl std::io::Read + std::io::Write, request: &str) -> String {
    let mut answer = Vec::new();
    // A server that has had enough may close before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

pub(crate) fn get(socket: &PathBuf, path: &str) -> String {
    let stream = UnixStream::connect(socket).unwrap();
    exchange(
        stream,
        &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    )
}

fn get_tcp(address: SocketAddr, host: &str) -> String {
    let stream = TcpStream::connect(address).unwrap();
    exchange(
        stream,
        &format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"),
    )
}

/// Every series of an exposition with its value; a line that is none fails the test.
pub(crate) fn series(answer: &str) -> BTreeMap<String, f64> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/openmetrics-text"), "{head}");
    let mut lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.pop(), Some("# EOF"));
    let mut series = BTreeMap::new();
    for line in lines {
        if line.starts_with("# HELP ") || line.starts_with("# TYPE ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("syncd_"), "{line}");
        let before = series.insert(sorted_labels(name), value.parse().unwrap());
        assert_eq!(before, None, "twice: {line}");
    }
    series
}

fn sorted_labels(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else {
        return series.to_owned();
    };
    let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

#[test]
fn counts_equal_a_walk_and_what_the_cloud_saw() {
    let desk = Desk::new();
    let socket = on_a_socket(&desk);
    desk.cloud
        .inject_script("[[fault]]\ncall = \"link\"\nafter = 3\ntimes = 2\nerrcode = -1\n")
        .unwrap();
    small_site(&desk, 10);
    let daemon = desk.run();
    desk.settled();
    desk.write("index.html", "a second version");
    desk.settled();
    wait_for("the last upload is told", || {
        let all = series(&get(&socket, "/metrics"));
        all["syncd_uploads_total{folder=\"www\",result=\"ok\"}"] == desk.puts() as f64
    });
    let all = series(&get(&socket, "/metrics"));
    let value = |name: &str| {
        *all.get(name)
            .unwrap_or_else(|| panic!("no {name} in {all:#?}"))
    };
    let local = desk.local();
    assert_eq!(
        value("syncd_files{folder=\"www\",state=\"synced\"}"),
        local.len() as f64
    );
    for state in ["queued", "in_flight", "settling", "failed", "dead"] {
        assert_eq!(
            value(&format!("syncd_files{{folder=\"www\",state=\"{state}\"}}")),
            0.0
        );
    }
    let sent: u64 = desk.cloud.completed().iter().map(|put| put.size).sum();
    assert_eq!(
        value("syncd_upload_bytes_total{folder=\"www\"}"),
        sent as f64
    );
    let puts = desk.puts() as f64;
    assert_eq!(
        value("syncd_upload_duration_seconds_count{folder=\"www\"}"),
        puts
    );
    let last = value("syncd_upload_duration_seconds_bucket{folder=\"www\",le=\"+Inf\"}");
    assert_eq!(last, puts);
    let links = value("syncd_api_requests_total{account=\"shop\",call=\"link\",code=\"ok\"}");
    let busy = value("syncd_api_requests_total{account=\"shop\",call=\"link\",code=\"-1\"}");
    assert_eq!(busy, 2.0);
    assert_eq!(links + busy, desk.cloud.count(Call::Link) as f64);
    assert_eq!(
        value("syncd_retries_total{account=\"shop\",remedy=\"retry\"}"),
        2.0
    );
    assert_eq!(
        value("syncd_uploads_total{folder=\"www\",result=\"failed\"}"),
        2.0
    );
    assert_eq!(value("syncd_state{state=\"idle\"}"), 1.0);
    let states = all
        .iter()
        .filter(|(name, _)| name.starts_with("syncd_state{"));
    assert_eq!(states.map(|(_, value)| value).sum::<f64>(), 1.0);
    assert_eq!(value("syncd_queue_oldest_seconds{folder=\"www\"}"), 0.0);
    assert!(value("syncd_last_success_timestamp_seconds{folder=\"www\"}") > 1.7e9);
    assert!(value("syncd_token_expiry_timestamp_seconds{account=\"shop\"}") > 1.7e9);
    for path in local.keys() {
        assert!(
            !all.keys().any(|name| name.contains(path)),
            "{path} is a label"
        );
    }
    assert!(daemon.stop().success());
    assert!(!socket.exists(), "the socket is left");
}

#[test]
fn health_and_readiness_are_two_things() {
    let desk = Desk::new();
    let socket = on_a_socket(&desk);
    let _daemon = desk.run();
    desk.settled();
    assert!(get(&socket, "/readyz").starts_with("HTTP/1.1 200"));
    fs::rename(&desk.folder, desk.path().join("elsewhere")).unwrap();
    wait_for("the folder is blocked", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    let answer = get(&socket, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("folder www is blocked: "), "{answer}");
    assert!(get(&socket, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(
        get(&socket, "/metrics").contains("syncd_folder_state{folder=\"www\",state=\"blocked\"} 1")
    );
    assert!(get(&socket, "/elsewhere").starts_with("HTTP/1.1 404"));
}

#[test]
fn names_and_words_from_outside_are_no_markup_on_the_page() {
    let desk = Desk::new();
    let socket = on_a_socket(&desk);
    let hostile = "<script>alert('x')&\".html";
    let script = "[[fault]]\ncall = \"link\"\ntimes = \"always\"\nerrcode = 47001\n\
                  errmsg = \"<b onmouseover=x>\"\n";
    desk.cloud.inject_script(script).unwrap();
    desk.write(hostile, "x");
    let _daemon = desk.run();
    wait_for("it is given up", || desk.count("dead") == 1);
    let page = get(&socket, "/");
    assert!(
        page.contains("&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;.html"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("<b "), "{page}");
    let head = page.split("\r\n\r\n").next().unwrap();
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
}

#[test]
fn slow_greedy_and_changing_clients_are_let_go() {
    let desk = Desk::new();
    let socket = on_a_socket(&desk);
    let _daemon = desk.run();
    let long = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(64 * 1024)
    );
    let answer = exchange(UnixStream::connect(&socket).unwrap(), &long);
    assert!(!answer.contains("200 OK"), "{answer}");
    for method in ["POST", "PUT", "DELETE"] {
        let request =
            format!("{method} / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        let answer = exchange(UnixStream::connect(&socket).unwrap(), &request);
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    }
    // Eight clients that say nothing hold every place; one more is let go at once, and they themselves
    // before long.
    let mut silent: Vec<UnixStream> = (0..8)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    wait_for("no place is left", || get(&socket, "/healthz").is_empty());
    for stream in &mut silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    wait_for("there is room again", || {
        get(&socket, "/healthz").ends_with("ok\n")
    });
}

/// The address that the daemon wrote into its log last.
fn last_address(desk: &Desk) -> Option<SocketAddr> {
    let log = fs::read_to_string(desk.log()).unwrap();
    let line = log
        .lines()
        .rfind(|line| line.contains("status page and metrics"))?;
    line.rsplit_once("address=")?.1.trim().parse().ok()
}

#[test]
fn a_reload_moves_it_and_a_taken_address_leaves_it_where_it_is() {
    let desk = Desk::new();
    listen(&desk, "127.0.0.1:0");
    let daemon = desk.run();
    let first = last_address(&desk).unwrap();
    assert!(get_tcp(first, "localhost:9").ends_with("ok\n"));
    assert!(get_tcp(first, "[::1]:9").ends_with("ok\n"));
    let foreign = get_tcp(first, "evil.example:9");
    assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&desk, &taken.local_addr().unwrap().to_string());
    daemon.signal(Signal::HUP);
    wait_for("it says that the address is taken", || {
        fs::read_to_string(desk.log())
            .unwrap()
            .contains("[http] stays as it was")
    });
    assert!(get_tcp(first, "localhost").ends_with("ok\n"));

    let socket = on_a_socket(&desk);
    daemon.signal(Signal::HUP);
    wait_for("it has moved", || {
        socket.exists() && TcpStream::connect(first).is_err()
    });
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert!(get(&socket, "/healthz").ends_with("ok\n"));

    // What happened before is still counted: only the listener moved.
    let scans = series(&get(&socket, "/metrics"))["syncd_rescans_total{folder=\"www\"}"];
    assert!(scans >= 1.0);
    let text = fs::read_to_string(&desk.config).unwrap();
    fs::write(&desk.config, text.split("[http]").next().unwrap()).unwrap();
    daemon.signal(Signal::HUP);
    wait_for("it is off", || !socket.exists());
    assert!(desk.cloud.objects(ENV).is_empty());
    assert!(daemon.stop().success());
}

/// An address that was free a moment ago, on a host of this process alone.
fn own_address() -> TcpListener {
    let [.., high, low] = std::process::id().to_be_bytes();
    TcpListener::bind((std::net::Ipv4Addr::new(127, 80, high, low), 0)).unwrap()
}

/// The same as [`get_tcp`], empty where nobody listens.
fn ask_tcp(address: SocketAddr, host: &str) -> String {
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let stream = TcpStream::connect(address);
    stream.map_or_else(|_| String::new(), |stream| exchange(stream, &request))
}

#[test]
fn a_reload_under_another_rule_keeps_the_address() {
    let desk = Desk::new();
    let free = own_address();
    let address = free.local_addr().unwrap();
    drop(free);
    listen(&desk, &address.to_string());
    let daemon = desk.run();
    assert!(get_tcp(address, "evil.example").starts_with("HTTP/1.1 421"));
    let text = fs::read_to_string(&desk.config).unwrap();
    fs::write(&desk.config, format!("{text}allow_public = true\n")).unwrap();
    daemon.signal(Signal::HUP);
    wait_for("it answers under the new rule", || {
        ask_tcp(address, "evil.example").ends_with("ok\n")
    });
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_without_changes_tries_a_taken_address_again() {
    let desk = Desk::new();
    listen(&desk, "127.0.0.1:0");
    let daemon = desk.run();
    let taken = own_address();
    let address = taken.local_addr().unwrap();
    listen(&desk, &address.to_string());
    daemon.signal(Signal::HUP);
    wait_for("it says that the address is taken", || {
        let log = fs::read_to_string(desk.log()).unwrap();
        log.contains("[http] stays as it was")
    });
    drop(taken);
    daemon.signal(Signal::HUP);
    wait_for("it has moved", || {
        ask_tcp(address, "localhost").ends_with("ok\n")
    });
    assert!(daemon.stop().success());
}

#[test]
fn an_address_of_others_is_refused_unless_it_is_allowed() {
    let desk = Desk::new();
    listen(&desk, "0.0.0.0:0");
    let refused = desk.syncd(&["run"]).expect(78);
    assert!(
        refused.stderr.contains("allow_public = true"),
        "{}",
        refused.stderr
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&desk, &taken.local_addr().unwrap().to_string());
    let refused = desk.syncd(&["run"]).expect(1);
    assert!(refused.stderr.contains("for [http]"), "{}", refused.stderr);
}
