//! Tokens of a third-party platform and of the accounts it acts for, with the real program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use syncd::emulator::{Call, Effect, EmulatorOptions, Fault};

use crate::desk::{Desk, small_site, wait_for};

fn closed(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// `{ appid, secret, ticket }` with the ticket in a file.
fn component(options: &EmulatorOptions, ticket: &Path) -> String {
    let known = &options.tokens.credentials;
    format!(
        "{{ appid = \"{}\", secret = \"{}\", ticket = {{ file = \"{}\" }} }}",
        known.component_appid,
        known.component_secret,
        ticket.display()
    )
}

/// `{ component, appid, refresh_token }` with both secrets in files below `holder`.
fn authorizer(options: &EmulatorOptions, holder: &Path) -> String {
    let (ticket, refresh) = (holder.join("ticket"), holder.join("refresh"));
    let known = &options.tokens.credentials;
    closed(&ticket, &known.ticket);
    closed(&refresh, &known.refresh_token);
    format!(
        "{{ component = {}, appid = \"{}\", refresh_token = {{ file = \"{}\" }} }}",
        component(options, &ticket),
        known.authorizer_appid,
        refresh.display()
    )
}

fn asked(desk: &Desk, path: &str) -> usize {
    let requests = desk.cloud.requests();
    requests.iter().filter(|one| one.path == path).count()
}

const OWN: &str = "/cgi-bin/component/api_component_token";
const OF_ACCOUNT: &str = "/cgi-bin/component/api_authorizer_token";

#[test]
fn a_platform_mints_its_token_with_the_ticket_of_the_moment() {
    let holder = tempfile::tempdir().unwrap();
    let ticket = holder.path().join("ticket");
    let options = EmulatorOptions::default();
    let good = options.tokens.credentials.ticket.clone();
    closed(&ticket, "ticket@@@outdated");
    let account = format!(
        "token = {{ component = {} }}\n",
        component(&options, &ticket)
    );
    let desk = Desk::with(options, &account, "");
    small_site(&desk, 3);
    let _daemon = desk.run();
    wait_for("the outdated ticket is named", || {
        desk.status()["folders"][0]["state"] == "blocked"
    });
    let status = desk.syncd(&["status"]).stdout;
    assert!(status.contains("61006"), "{status}");
    closed(&ticket, &format!("{good}\n"));
    desk.syncd(&["resume", "www"]).expect(0);
    desk.settled();
    assert_eq!(asked(&desk, OWN), 2);
    desk.no_violations();
}

#[test]
fn an_account_that_a_platform_acts_for_outlives_the_end_of_all_tokens() {
    let holder = tempfile::tempdir().unwrap();
    let options = EmulatorOptions::default();
    let account = format!(
        "token = {{ authorizer = {} }}\n",
        authorizer(&options, holder.path())
    );
    let desk = Desk::storage(options, &account, "");
    small_site(&desk, 20);
    let ends = Effect {
        expire_token: true,
        ..Effect::default()
    };
    desk.cloud.inject(Fault {
        after: 10,
        ..Fault::on(Call::Link, ends)
    });
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    // The platform's token had ended too: refused once, then both are got anew.
    assert_eq!((asked(&desk, OWN), asked(&desk, OF_ACCOUNT)), (2, 3));
    assert_eq!(asked(&desk, "/componenttcb/uploadfile"), 0);
    desk.no_violations();
}

#[test]
fn a_new_refresh_token_is_used_and_told_but_never_shown_or_stored() {
    let canary = "refreshtoken@@@CANARY";
    let holder = tempfile::tempdir().unwrap();
    let mut options = EmulatorOptions::default();
    options.tokens.credentials.next_refresh_token = Some(canary.to_owned());
    let account = format!(
        "token = {{ authorizer = {} }}\n",
        authorizer(&options, holder.path())
    );
    let desk = Desk::storage(options, &account, "");
    small_site(&desk, 3);
    let answer = desk.syncd(&["-vv", "once"]).expect(0);
    let said = format!("{}{}", answer.stdout, answer.stderr);
    let file = holder.path().join("refresh");
    let told = said.contains("refresh token") && said.contains(file.to_str().unwrap());
    assert!(told, "{said}");
    let mut searched = vec![said.into_bytes()];
    for entry in fs::read_dir(&desk.state).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            searched.push(fs::read(path).unwrap());
        }
    }
    for bytes in searched {
        assert!(!String::from_utf8_lossy(&bytes).contains("@@@"));
    }
    assert_eq!(desk.differences(), Vec::<String>::new());
}

#[test]
fn accounts_of_one_platform_share_its_token() {
    let holder = tempfile::tempdir().unwrap();
    let options = EmulatorOptions::default();
    let ticket = holder.path().join("ticket");
    let own = format!(
        "token = {{ component = {} }}\n",
        component(&options, &ticket)
    );
    let other = authorizer(&options, holder.path());
    let desk = Desk::with(options, &own, "");
    let second = desk.path().join("second");
    fs::create_dir(&second).unwrap();
    fs::write(second.join("a.txt"), "x").unwrap();
    small_site(&desk, 3);
    let config = fs::read_to_string(&desk.config).unwrap();
    let more = format!(
        "[accounts.other]\nprovider = \"wechat\"\nbase_url = \"{}\"\nupload_hosts = [\"127.0.0.1\"]\n\
         token = {{ authorizer = {other} }}\n[[folder]]\nname = \"second\"\npath = \"{}\"\n\
         flow = \"cloud-storage\"\naccount = \"other\"\nenv = \"{}\"\n",
        desk.cloud.base_url(),
        second.display(),
        crate::desk::ENV
    );
    fs::write(&desk.config, format!("{config}{more}")).unwrap();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    assert_eq!(desk.puts(), desk.local().len() + 1);
    assert_eq!((asked(&desk, OWN), asked(&desk, OF_ACCOUNT)), (1, 1));
    desk.no_violations();
}
