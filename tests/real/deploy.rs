//! `once`: what arrives, in which order, and that nothing is sent twice.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use syncd::emulator::EmulatorOptions;

use crate::desk::{Desk, ENV, small_site};

#[test]
fn a_site_is_deployed_byte_by_byte_with_types_and_pages_after_assets() {
    let desk = Desk::new();
    small_site(&desk, 60);
    desk.write("中文 + %41&?.txt", "odd name");
    desk.write("empty.js", "");
    desk.write("docs/index.html", "inner");
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.differences(), Vec::<String>::new());
    desk.no_violations();

    let object = |key: &str| desk.cloud.object(ENV, key).unwrap();
    let kind = |key: &str| object(key).headers["content-type"].clone();
    assert_eq!(kind("index.html"), "text/html; charset=utf-8");
    assert_eq!(kind("css/site.css"), "text/css; charset=utf-8");
    assert_eq!(kind("img/1.png"), "image/png");
    assert_eq!(object("index.html").headers["cache-control"], "no-cache");
    assert!(!object("img/1.png").headers.contains_key("cache-control"));

    let order: Vec<String> = desk
        .cloud
        .completed()
        .into_iter()
        .map(|put| put.key)
        .collect();
    let rank = |key: &String| match key.as_str() {
        "index.html" | "docs/index.html" => 2,
        page if page.ends_with(".html") => 1,
        _ => 0,
    };
    let ranks: Vec<i32> = order.iter().map(rank).collect();
    assert!(ranks.is_sorted(), "{order:?}");
}

#[test]
fn nothing_is_sent_again_unless_its_bytes_or_headers_changed() {
    let desk = Desk::new();
    small_site(&desk, 30);
    desk.syncd(&["once"]).expect(0);
    let puts = desk.puts();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts, "a second pass sent something");

    for key in desk.local().keys() {
        let path = desk.folder.join(key);
        fs::File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
    }
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts, "touching sent something");

    let victim = desk.folder.join("img/7.png");
    let before = fs::metadata(&victim).unwrap();
    let mut bytes = fs::read(&victim).unwrap();
    bytes[100] ^= 1;
    fs::write(&victim, bytes).unwrap();
    let file = fs::File::options().append(true).open(&victim).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(
        fs::metadata(&victim).unwrap().mtime_nsec(),
        before.mtime_nsec()
    );
    assert_eq!(fs::metadata(&victim).unwrap().size(), before.size());
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts + 1, "one changed byte is one upload");
    assert_eq!(desk.differences(), Vec::<String>::new());

    let config = fs::read_to_string(&desk.config).unwrap();
    let rule = "[[folder.header]]\nmatch = \"*.png\"\nset = { cache-control = \"max-age=9\" }\n";
    fs::write(&desk.config, format!("{config}{rule}")).unwrap();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(
        desk.cloud.object(ENV, "img/3.png").unwrap().headers["cache-control"],
        "max-age=9"
    );
    // The default rule for pages is gone with the first rule of one's own.
    assert!(
        !desk
            .cloud
            .object(ENV, "index.html")
            .unwrap()
            .headers
            .contains_key("cache-control")
    );
    let puts = desk.puts();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.puts(), puts);
}

#[test]
fn without_its_ignore_file_a_folder_waits_for_a_person() {
    let desk = Desk::new();
    desk.write("index.html", "front");
    desk.write("draft.html", "private");
    desk.write(".syncdignore", "draft*");
    desk.syncd(&["once"]).expect(0);
    fs::remove_file(desk.folder.join(".syncdignore")).unwrap();
    let refused = desk.syncd(&["once"]).expect(3);
    assert!(
        refused.stderr.contains("syncd resume"),
        "{}",
        refused.stderr
    );
    assert!(desk.cloud.object(ENV, "draft.html").is_none());
    let plan = desk.syncd(&["plan"]).expect(3).stdout;
    assert!(
        plan.contains("blocked") && !plan.contains("draft.html"),
        "{plan}"
    );
    desk.syncd(&["resume", "www"]).expect(0);
    desk.syncd(&["once"]).expect(0);
    assert!(desk.cloud.object(ENV, "draft.html").is_some());
    std::os::unix::fs::symlink("index.html", desk.folder.join(".syncdignore")).unwrap();
    let refused = desk.syncd(&["once"]).expect(3);
    assert!(
        refused.stderr.contains("not a regular file"),
        "{}",
        refused.stderr
    );
}

#[test]
fn plan_says_what_once_does_and_changes_nothing() {
    let desk = Desk::new();
    small_site(&desk, 3);
    desk.write("notes.swp", "an editor's");
    let plan = desk.syncd(&["plan", "--json"]).expect(3).json();
    let actions = plan["folders"][0]["actions"].as_array().unwrap().clone();
    assert_eq!(actions.len(), desk.local().len() - 1, "{plan:#}");
    assert!(actions.iter().all(|action| action["action"] == "create"));
    assert_eq!(desk.cloud.requests().len(), 0);
    assert_eq!(desk.puts(), 0);
    desk.syncd(&["once"]).expect(0);
    desk.syncd(&["plan"]).expect(0);
    desk.write("page-1.html", "new");
    fs::remove_file(desk.folder.join("page-2.html")).unwrap();
    let plan = desk.syncd(&["plan", "--json"]).expect(3).json();
    let actions = plan["folders"][0]["actions"].as_array().unwrap().clone();
    let of = |path: &str| {
        let action = actions
            .iter()
            .find(|action| action["path"] == path)
            .unwrap();
        action["action"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("page-1.html"), "update", "{plan:#}");
}

#[test]
fn files_that_are_gone_locally_stay_remote_and_are_counted() {
    let desk = Desk::new();
    small_site(&desk, 3);
    desk.syncd(&["once"]).expect(0);
    fs::remove_file(desk.folder.join("page-2.html")).unwrap();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(desk.count("remote_only"), 1);
    assert!(desk.cloud.object(ENV, "page-2.html").is_some());
}

#[test]
fn names_without_a_key_are_excluded_with_the_reason() {
    use std::os::unix::ffi::OsStrExt as _;
    let desk = Desk::new();
    desk.write("ok.txt", "fine");
    let odd =
        |name: &[u8]| fs::write(desk.folder.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    odd(b"latin\xe9.txt");
    odd(b"line\nbreak.txt");
    odd(b"${filename}.txt");
    odd("caf\u{e9}.txt".as_bytes());
    odd("cafe\u{301}.txt".as_bytes());
    std::os::unix::fs::symlink("/etc/passwd", desk.folder.join("link.txt")).unwrap();
    desk.syncd(&["once"]).expect(0);
    assert_eq!(
        desk.cloud.objects(ENV).into_keys().collect::<Vec<_>>(),
        ["ok.txt"]
    );
    let plan = desk.syncd(&["plan", "--json"]);
    assert_eq!(desk.count("excluded"), 5, "{}", plan.stdout);
    assert_eq!(desk.count("total"), 1);
    let why = desk.syncd(&["why", desk.folder.join("cafe\u{301}.txt").to_str().unwrap()]);
    assert!(why.stdout.contains("caf\u{e9}.txt"), "{}", why.stdout);
}

#[test]
fn a_large_file_is_streamed_whole_and_a_prefix_is_kept() {
    let desk = Desk::with(EmulatorOptions::default(), "", "prefix = \"site/\"\n");
    let bytes: Vec<u8> = (0..5_000_003_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    desk.write("big.bin", &bytes);
    desk.syncd(&["once"]).expect(0);
    let object = desk.cloud.object(ENV, "site/big.bin").unwrap();
    assert_eq!(object.bytes().unwrap().unwrap().as_ref(), bytes.as_slice());
    desk.no_violations();
}
