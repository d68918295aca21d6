//! `syncd report` holds what a report needs, and nothing that must not leave the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use syncd::emulator::EmulatorOptions;

use crate::desk::{Desk, small_site, wait_for};

/// What a server could say back to us: a signed link, a token in an address, the secret itself.
const LEAKS: &str = r#"
[[fault]]
call = "link"
times = "always"
key = "index.html"
errcode = 47001
errmsg = "bad https://cos.example/x?q-signature=CANARY-signed&token=CANARY-token for CANARY-header"
"#;

#[test]
fn no_secret_and_no_signed_link_is_in_it() {
    let token = "token = { url = \"TOKEN_URL?key=CANARY-query\", \
                 header = { authorization = \"CANARY-header\" } }";
    let desk = Desk::with(EmulatorOptions::default(), token, "");
    let text = fs::read_to_string(&desk.config).unwrap();
    let text = text.replace("TOKEN_URL", &desk.cloud.token_url());
    let proxy = "[network]\nproxy = \"http://me:CANARY-proxy@127.0.0.1:9\"\n[accounts.shop]";
    fs::write(&desk.config, text.replace("[accounts.shop]", proxy)).unwrap();
    desk.cloud.inject_script(LEAKS).unwrap();
    small_site(&desk, 2);
    let daemon = desk.run();
    wait_for("a file is given up", || desk.count("dead") > 0);
    let out = desk.path().join("report.txt");
    desk.syncd(&["report", "--out", out.to_str().unwrap()])
        .expect(0);
    let mode = out.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(daemon.stop().success());
    let with_daemon = fs::read_to_string(&out).unwrap();
    let without_daemon = desk.syncd(&["report"]).expect(0).stdout;
    for report in [&with_daemon, &without_daemon] {
        for part in [
            "== checks",
            "versions: syncd",
            "== configuration",
            "env = \"demo-1a2b3c\"",
            "== status",
            "\"schema\": 1",
            "== queue",
            "www:index.html dead",
            "== failures",
            "link 47001",
            "== log",
            "journalctl",
        ] {
            assert!(report.contains(part), "{part} is missing:\n{report}");
        }
        for secret in ["CANARY", "q-signature", "access_token="] {
            assert!(!report.contains(secret), "it shows {secret}:\n{report}");
        }
    }
    let again = desk.syncd(&["report", "--out", out.to_str().unwrap()]);
    assert!(again.expect(1).stderr.contains("name another file"));
}

#[test]
fn a_configuration_that_is_not_valid_is_reported_with_what_can_be_had() {
    let desk = Desk::new();
    let text = fs::read_to_string(&desk.config).unwrap();
    fs::write(&desk.config, text.replace("settle", "setle")).unwrap();
    let report = desk.syncd(&["report"]).expect(0).stdout;
    assert!(report.contains("versions: syncd"), "{report}");
    assert!(report.contains("did you mean `settle`?"), "{report}");
}
