//! `[alerts]`: troubles and their ends reach a webhook that fails at first, signed; the heart beats only while
//! all is well.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::desk::{Desk, wait_for};

const KEY: &str = "CANARY-key";

/// Requests as they came, and how many are answered with 500 before all is answered with 204.
#[derive(Default)]
struct Heard {
    requests: Vec<String>,
    failures_left: u32,
}

struct Hook {
    address: String,
    heard: Arc<Mutex<Heard>>,
}

impl Hook {
    fn start(failures_left: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Heard {
            requests: Vec::new(),
            failures_left,
        }));
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { address, heard }
    }

    fn requests(&self) -> Vec<String> {
        self.heard.lock().unwrap().requests.clone()
    }

    fn beats(&self) -> usize {
        let requests = self.requests();
        let beats = requests
            .iter()
            .filter(|request| request.starts_with("GET /beat"));
        beats.count()
    }

    /// The alerts that were taken, with their signatures.
    fn alerts(&self) -> Vec<(Value, String)> {
        let requests = self.requests();
        let posts = requests
            .iter()
            .filter(|request| request.starts_with("POST /hook"));
        posts
            .map(|request| {
                let (head, body) = request.split_once("\r\n\r\n").unwrap();
                let line = head
                    .lines()
                    .find_map(|line| line.strip_prefix("x-syncd-signature: "));
                assert_eq!(line, Some(signature(body).as_str()));
                (serde_json::from_str(body).unwrap(), head.to_owned())
            })
            .collect()
    }
}

fn answer(mut stream: TcpStream, heard: &Mutex<Heard>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let text = loop {
        let count = stream.read(&mut piece).unwrap();
        request.extend_from_slice(&piece[..count]);
        let text = String::from_utf8(request.clone()).unwrap();
        if count == 0 || is_whole(&text) {
            break text;
        }
    };
    let mut heard = heard.lock().unwrap();
    let is_beat = text.starts_with("GET ");
    let status = if !is_beat && heard.failures_left > 0 {
        heard.failures_left -= 1;
        "500 Internal Server Error"
    } else {
        heard.requests.push(text);
        "204 No Content"
    };
    let reply = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(reply.as_bytes());
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= len.map_or(0, |len| len.parse().unwrap())
}

/// HMAC-SHA256 by its definition (RFC 2104).
fn signature(body: &str) -> String {
    let mut block = [0_u8; 64];
    block[..KEY.len()].copy_from_slice(KEY.as_bytes());
    let keyed = |pad: u8| block.map(|byte| byte ^ pad).to_vec();
    let inner = Sha256::digest([keyed(0x36), body.as_bytes().to_vec()].concat());
    let outer = Sha256::digest([keyed(0x5c), inner.to_vec()].concat());
    outer.iter().fold("sha256=".to_owned(), |text, byte| {
        format!("{text}{byte:02x}")
    })
}

fn told(hook: &Hook) -> Vec<String> {
    let words = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
    let alerts = hook.alerts();
    alerts
        .iter()
        .map(|(alert, _)| format!("{} {}", words(alert, "type"), words(alert, "trouble")))
        .collect()
}

#[test]
fn troubles_and_their_ends_are_told_and_the_heart_stops_meanwhile() {
    let desk = Desk::new();
    let hook = Hook::start(2);
    let text = fs::read_to_string(&desk.config).unwrap();
    let address = &hook.address;
    let text = format!(
        "{text}[alerts]\nurl = \"{address}/hook?CANARY-query\"\nsecret = \"{KEY}\"\nlag = \"1s\"\n\
         heartbeat_url = \"{address}/beat?CANARY-beat\"\nheartbeat = \"1s\"\n"
    );
    fs::write(&desk.config, text).unwrap();
    fs::set_permissions(&desk.config, fs::Permissions::from_mode(0o600)).unwrap();
    desk.write("index.html", "x");
    let daemon = desk.run();
    wait_for("the heart beats", || hook.beats() >= 2);
    assert_eq!(told(&hook), Vec::<String>::new());

    let away = desk.path().join("away");
    fs::rename(&desk.folder, &away).unwrap();
    wait_for("it is told, at the third try", || {
        told(&hook) == ["raised blocked"]
    });
    let message = hook.alerts()[0].0["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("www is blocked: "), "{message}");
    fs::rename(&away, &desk.folder).unwrap();
    wait_for("the end is told", || {
        told(&hook) == ["raised blocked", "recovered blocked"]
    });
    let beats = hook.beats();
    wait_for("the heart beats again", || hook.beats() > beats);

    let script = "[[fault]]\ncall = \"link\"\ntimes = \"always\"\nerrcode = 45009\n";
    desk.cloud.inject_script(script).unwrap();
    desk.write("index.html", "y");
    wait_for("a change that waits is told", || {
        told(&hook).last().unwrap() == "raised lag"
    });
    let silent = hook.beats();
    assert!(daemon.stop().success());
    assert!(hook.beats() <= silent + 1, "the heart beats in trouble");

    let log = fs::read_to_string(desk.log()).unwrap();
    assert!(
        log.contains("does not take alerts: it answers 500"),
        "{log}"
    );
    let shown = desk.syncd(&["config", "show"]).expect(0).stdout;
    for text in [&log, &shown] {
        assert!(!text.contains("CANARY"), "{text}");
    }
}

#[test]
fn what_a_reload_mends_is_told_and_what_waited_for_the_webhook_is_not_lost() {
    let desk = Desk::new();
    let hook = Hook::start(3);
    let text = fs::read_to_string(&desk.config).unwrap();
    let address = &hook.address;
    let table = format!("[alerts]\nurl = \"{address}/hook\"\nsecret = \"{KEY}\"\nlag = \"1s\"\n");
    fs::write(&desk.config, format!("{text}{table}")).unwrap();
    let away = desk.path().join("away");
    fs::rename(&desk.folder, &away).unwrap();
    let daemon = desk.run();
    wait_for("the webhook is asked for the first time", || {
        hook.heard.lock().unwrap().failures_left < 3
    });
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    desk.rewrite(&quoted(&desk.folder), &quoted(&away));
    daemon.signal(Signal::HUP);
    wait_for("both are told, in order", || {
        told(&hook) == ["raised blocked", "recovered blocked"]
    });
    assert!(daemon.stop().success());
}

#[test]
fn a_table_that_tells_nobody_is_a_mistake() {
    let desk = Desk::new();
    let good = fs::read_to_string(&desk.config).unwrap();
    for (table, words) in [
        ("lag = \"5m\"", "tells nobody"),
        (
            "heartbeat_url = \"https://a.example\"\nsecret = \"x\"",
            "there is none",
        ),
        ("url = \"http://a.example\"", "must begin with https://"),
        (
            "url = \"https://a.example\"\nlag = \"0s\"",
            "must be from 1s",
        ),
    ] {
        fs::write(&desk.config, format!("{good}[alerts]\n{table}\n")).unwrap();
        let refused = desk.syncd(&["config", "check"]).expect(78);
        assert!(
            refused.stderr.contains(words),
            "{table}: {}",
            refused.stderr
        );
    }
}
