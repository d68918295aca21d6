//! No secret and no signed link anywhere, even at trace level; no token at the upload host.

use std::fs;

use syncd::emulator::{EmulatorOptions, HostKind};

use crate::desk::{Desk, small_site};

#[test]
fn secrets_and_links_stay_secret() {
    let canary = "CANARY-5ecr3t";
    let mut options = EmulatorOptions::default();
    options.tokens.credentials.secret = canary.to_owned();
    options.tokens.accept_app_token = true;
    let appid = options.tokens.credentials.appid.clone();
    let account = format!("token = {{ app = {{ appid = \"{appid}\", secret = \"{canary}\" }} }}\n");
    let desk = Desk::with(options, &account, "");
    small_site(&desk, 5);
    let run = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        command
            .env("RUST_LOG", "trace")
            .env("SYNCD_LOG__LEVEL", "trace");
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    let mut searched = vec![("once", run(&["-vv", "once", "--json"]))];
    desk.cloud.expire_tokens();
    desk.write("index.html", "again");
    searched.push(("once again", run(&["-vv", "once"])));
    searched.push(("status", run(&["-vv", "status", "--json"])));
    searched.push(("why", run(&["why", "www:index.html", "--json"])));
    searched.push(("config show", run(&["config", "show"])));
    searched.push(("doctor", run(&["-vv", "doctor"])));
    searched.push(("doctor --json", run(&["doctor", "--json"])));
    searched.push(("report", run(&["-vv", "report"])));
    searched.push(("config show --json", run(&["config", "show", "--json"])));
    for entry in fs::read_dir(&desk.state).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            searched.push(("state", fs::read(path).unwrap()));
        }
    }
    assert_eq!(desk.differences(), Vec::<String>::new());
    let traces: usize = searched.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(traces > 10_000, "there was little to search: {traces}");
    for (what, bytes) in &searched {
        let text = String::from_utf8_lossy(bytes);
        for secret in [
            canary,
            "access_token=",
            "q-signature",
            "sign=",
            "security-token\": \"",
        ] {
            assert!(!text.contains(secret), "{what} shows {secret}");
        }
    }
    let seen = desk.cloud.headers_seen(HostKind::Cos);
    assert!(!seen.contains_key("authorization"), "{:?}", seen.keys());
    desk.no_violations();
}
