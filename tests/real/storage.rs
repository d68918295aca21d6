//! Cloud storage with the real program: odd names, large files, each fault, kill -9, and what is told.

use std::fs;
use std::time::Duration;

use syncd::emulator::{Call, Effect, EmulatorOptions, Fault, HostKind, Space, Times};

use crate::desk::{Desk, ENV, small_site, wait_for};

/// The token of an app, which is what cloud storage takes first.
fn app_token(options: &EmulatorOptions) -> String {
    let known = &options.tokens.credentials;
    let (appid, secret) = (&known.appid, &known.secret);
    format!("token = {{ app = {{ appid = \"{appid}\", secret = \"{secret}\" }} }}\n")
}

fn desk_with(options: EmulatorOptions) -> Desk {
    let account = app_token(&options);
    Desk::storage(options, &account, "")
}

fn desk() -> Desk {
    desk_with(EmulatorOptions::default())
}

fn with(set: impl FnOnce(&mut Effect)) -> Effect {
    let mut effect = Effect::default();
    set(&mut effect);
    effect
}

#[test]
fn files_of_odd_names_arrive_byte_by_byte() {
    let desk = desk();
    let longest = format!(
        "{}/{}",
        "深".repeat(80),
        ["图".repeat(80), "图".repeat(80)].join("/")
    );
    let longest = format!("{longest}/{}", "x".repeat(850 - longest.len() - 1));
    assert_eq!(longest.len(), 850);
    for (number, name) in [
        "plain.txt",
        "with space.txt",
        "a+b%20c%.bin",
        "quote's \"double\" `tick`.txt",
        "中文/é — ü.html",
        "x;y=z&q#?.txt",
        "back\\slash.txt",
        "-dash",
        "name=\"file\"; filename=\"x\"",
        "--syncd-0000.txt",
        "index.html",
        &longest,
    ]
    .into_iter()
    .enumerate()
    {
        desk.write(name, format!("\r\n--syncd-{number}--\r\n").repeat(number));
    }
    desk.syncd(&["plan"]).expect(3);
    assert_eq!(desk.cloud.requests().len(), 0);
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    assert_eq!(
        desk.cloud.objects(ENV).len(),
        0,
        "the site is another place"
    );
    desk.syncd(&["plan"]).expect(0);
    let puts = desk.puts();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts, "a second pass sent something");
    desk.no_violations();
}

#[test]
fn types_and_rules_are_stored_and_pages_come_after_their_assets() {
    let rule = "[[folder.header]]\nmatch = \"*.png\"\nset = { cache-control = \"max-age=9\" }\n";
    let options = EmulatorOptions::default();
    let account = app_token(&options);
    let desk = Desk::storage(options, &account, &format!("prefix = \"site/\"\n{rule}"));
    small_site(&desk, 20);
    desk.syncd(&["once"]).expect(0);
    let objects = desk.cloud.objects_in(Space::Storage, ENV);
    let header = |key: &str, name: &str| objects[key].headers.get(name).cloned();
    let html = Some("text/html; charset=utf-8".to_owned());
    assert_eq!(header("site/index.html", "content-type"), html);
    assert_eq!(header("site/index.html", "cache-control"), None);
    let cached = Some("max-age=9".to_owned());
    assert_eq!(header("site/img/3.png", "cache-control"), cached);
    let completed = desk.cloud.completed();
    let ranks: Vec<u8> = completed
        .iter()
        .map(|put| match put.key.as_str() {
            "site/index.html" => 2,
            page if page.ends_with(".html") => 1,
            _ => 0,
        })
        .collect();
    assert!(ranks.is_sorted(), "{completed:?}");
    desk.no_violations();
}

#[test]
fn the_clouds_own_name_of_a_file_is_told() {
    let desk = desk();
    desk.write("docs/a b.txt", "[Object Content]");
    desk.syncd(&["once"]).expect(0);
    let id = format!("cloud://{ENV}.6162-{ENV}-1250000000/docs/a b.txt");
    let line = format!("file id {id}\n");
    for command in ["why", "history"] {
        let text = desk.syncd(&[command, "www:docs/a b.txt"]).expect(0).stdout;
        assert!(text.contains(&line), "{command}: {text}");
        let json = desk
            .syncd(&[command, "www:docs/a b.txt", "--json"])
            .expect(0)
            .json();
        assert_eq!(json["uploads"][0]["remote_id"], id, "{command}: {json}");
    }
    let why = desk.syncd(&["why", "www:docs/a b.txt", "--json"]).json();
    assert_eq!(why["published"]["remote_id"], id);
    let status = desk.syncd(&["status", "--json"]).json();
    assert_eq!(status["folders"][0]["flow"], "cloud-storage");
}

#[test]
fn a_large_file_is_streamed_whole() {
    let desk = desk();
    let block: Vec<u8> = (0..1_048_583_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut bytes = block.repeat(64);
    bytes.truncate(64 * 1024 * 1024);
    desk.write("big.bin", &bytes);
    desk.syncd(&["once"]).expect(0);
    assert!(desk.differences().is_empty());
    desk.no_violations();
}

#[test]
fn a_token_of_unknown_kind_finds_its_door_once() {
    // The holder hands out a platform's token, which `/tcb/…` refuses.
    let desk = Desk::storage(
        EmulatorOptions::default(),
        "",
        "[limits]\nconcurrency = 1\n",
    );
    small_site(&desk, 5);
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    let files = desk.local().len();
    let asked = |path: &str| {
        let requests = desk.cloud.requests();
        requests.iter().filter(|one| one.path == path).count()
    };
    assert_eq!(asked("/tcb/uploadfile"), 1);
    assert_eq!(asked("/componenttcb/uploadfile"), files);
    assert_eq!(desk.cloud.count(Call::Token), 1);
    desk.no_violations();
}

#[test]
fn site_and_storage_of_one_environment_are_two_places() {
    let desk = Desk::with(EmulatorOptions::default(), "", "");
    desk.write("a.txt", "one");
    desk.syncd(&["once"]).expect(0);
    let config = fs::read_to_string(&desk.config).unwrap();
    let storage = config.replace("static-website", "cloud-storage");
    fs::write(&desk.config, &storage).unwrap();
    desk.syncd(&["plan"]).expect(3);
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.cloud.objects_in(Space::Storage, ENV).len(), 1);
    // Back again: what the site acknowledged is still true of the site.
    fs::write(&desk.config, &config).unwrap();
    desk.syncd(&["plan"]).expect(0);
    let puts = desk.puts();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts);
    fs::write(&desk.config, format!("{config}prefix = \"new/\"\n")).unwrap();
    desk.syncd(&["plan"]).expect(3);
}

#[test]
fn passing_faults_are_ridden_out() {
    let expired = with(|effect| {
        effect.status = Some(403);
        effect.cos_code = Some("AccessDenied".to_owned());
        effect.cos_message = Some("Request has expired".to_owned());
    });
    let faults = [
        (Call::Link, with(|effect| effect.errcode = Some(-1))),
        (Call::Link, with(|effect| effect.errcode = Some(-501_002))),
        (Call::Link, with(|effect| effect.empty_link = true)),
        (Call::Link, with(|effect| effect.expire_token = true)),
        (Call::Link, with(|effect| effect.cut_response_at = Some(40))),
        (Call::Post, expired),
        (Call::Post, with(|effect| effect.status = Some(500))),
        (Call::Post, with(|effect| effect.cut_request_at = Some(900))),
        (Call::Post, with(|effect| effect.commit_then_drop = true)),
        (Call::Post, with(|effect| effect.wrong_etag = true)),
        (Call::Post, with(|effect| effect.omit_etag = true)),
    ];
    std::thread::scope(|scope| {
        for (call, effect) in faults {
            scope.spawn(move || {
                let desk = desk();
                small_site(&desk, 5);
                desk.write("big.bin", vec![7; 3_000_000]);
                desk.cloud
                    .inject(Fault::on(call, effect).times(Times::Exactly(2)));
                desk.syncd(&["once"]).expect(0);
                assert_eq!(desk.differences(), Vec::<String>::new());
                assert_eq!(desk.cloud.faults_acted(), 2);
                desk.no_violations();
            });
        }
    });
}

#[test]
fn a_form_that_the_store_calls_wrong_is_given_up_with_its_words() {
    let desk = desk();
    desk.write("a.txt", "x");
    let malformed = with(|effect| {
        effect.status = Some(400);
        effect.cos_code = Some("MalformedPOSTRequest".to_owned());
    });
    desk.cloud
        .inject(Fault::on(Call::Post, malformed).times(Times::Always));
    desk.syncd(&["once"]).expect(3);
    let why = desk.syncd(&["why", "www:a.txt"]).expect(0).stdout;
    assert!(why.contains("MalformedPOSTRequest during post"), "{why}");
    assert_eq!(desk.count("dead"), 1);
}

#[test]
fn kills_during_a_deploy_end_in_sync() {
    let slow = with(|effect| effect.delay = Some(Duration::from_millis(3)));
    let desk = desk_with(EmulatorOptions {
        faults: vec![Fault::on(Call::Post, slow).times(Times::Always)],
        ..EmulatorOptions::default()
    });
    small_site(&desk, 100);
    desk.write("big.bin", vec![7; 5_000_000]);
    for round in 0..5 {
        let daemon = desk.run();
        let puts = desk.puts() + 7 * round;
        desk.write("big.bin", vec![round as u8; 5_000_000]);
        wait_for("so many uploads were made", || {
            desk.puts() >= puts || desk.differences().is_empty()
        });
        daemon.kill_9();
    }
    let daemon = desk.run();
    desk.settled();
    assert!(daemon.stop().success());
    desk.no_violations();
}

#[test]
fn forms_and_their_signatures_stay_secret() {
    let desk = desk();
    small_site(&desk, 3);
    desk.write("big.bin", vec![7; 2_000_000]);
    let mut command = desk.command(&["-vv", "once", "--json"]);
    command.env("SYNCD_LOG__LEVEL", "trace");
    let output = command.output().unwrap();
    let mut searched = vec![output.stdout, output.stderr];
    for entry in fs::read_dir(&desk.state).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            searched.push(fs::read(path).unwrap());
        }
    }
    assert_eq!(desk.differences(), Vec::<String>::new());
    assert!(searched.iter().map(Vec::len).sum::<usize>() > 10_000);
    for bytes in &searched {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["q-signature", "access_token=", "emulated-link-", "EMU+/"] {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }
    let seen = desk.cloud.headers_seen(HostKind::Cos);
    assert!(!seen.contains_key("authorization"), "{:?}", seen.keys());
}
