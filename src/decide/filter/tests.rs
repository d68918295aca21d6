use std::time::Duration;

use super::*;
use crate::model::folder::{FlowKind, WatchMode};

/// A folder with these `exclude` patterns.
fn folder(exclude: &[&str]) -> FolderSpec {
    FolderSpec {
        name: "www".to_owned(),
        path: "/srv/www".into(),
        flow: FlowKind::StaticWebsite,
        account: "shop".to_owned(),
        env: "e".to_owned(),
        prefix: String::new(),
        exclude: exclude
            .iter()
            .enumerate()
            .map(|(index, text)| Pattern {
                text: (*text).to_owned(),
                origin: format!("config.toml:{}", index + 1),
            })
            .collect(),
        last: Vec::new(),
        headers: Vec::new(),
        settle: Duration::from_millis(500),
        settle_max: Duration::from_secs(30),
        watch: WatchMode::Auto,
        rescan: Duration::from_hours(1),
        max_file: None,
    }
}

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

fn excluded(rules: &Rules, text: &str) -> Option<String> {
    match rules.decide(&path(text), false) {
        Verdict::Excluded(reason) => Some(reason),
        Verdict::Kept(_) => None,
    }
}

#[test]
fn what_editors_and_systems_leave_behind_is_excluded() {
    let rules = Rules::new(&folder(&[]), None).unwrap();
    for name in [
        ".index.html.swp",
        ".index.html.swx",
        "a/4913",
        "index.html~",
        ".#index.html",
        "#index.html#",
        "a/.goutputstream-X1Y2Z3",
        "index.html___jb_tmp___",
        ".~lock.report.odt#",
        "film.mp4.part",
        "x.filepart",
        "x.crdownload",
        ".git/config",
        "vendor/.git",
        ".svn/entries",
        ".hg/store",
        ".DS_Store",
        "a/b/Thumbs.db",
        "desktop.ini",
        ".fuse_hidden0001",
        ".nfs0000",
        ".index.html.aB3xYz",
        "a/.syncdignore",
    ] {
        assert!(excluded(&rules, name).is_some(), "{name}");
    }
}

#[test]
fn ordinary_names_are_kept() {
    let rules = Rules::new(&folder(&[]), None).unwrap();
    for name in [
        "index.html",
        ".well-known/assetlinks.json",
        ".htaccess",
        ".env.backup",
        ".config.Backup",
        "a#b#",
        "#a",
        "49130",
        "part",
        "party.js",
        "a.swf",
        ".gitignore",
        ".gitkeep",
        "~x",
        "文件.html",
    ] {
        assert_eq!(excluded(&rules, name), None, "{name}");
    }
}

#[test]
fn the_most_specific_list_decides_and_says_where_it_is_written() {
    let rules = Rules::new(
        &folder(&["*.map", "!keep.swp", "!important.log"]),
        Some("# logs\n*.log\n!x.part\n!y.map\n"),
    )
    .unwrap();
    assert_eq!(
        excluded(&rules, "js/app.js.map"),
        Some("config.toml:1: \"*.map\"".to_owned())
    );
    assert_eq!(
        excluded(&rules, "a.log"),
        Some(".syncdignore:2: \"*.log\"".to_owned())
    );
    assert_eq!(excluded(&rules, "important.log"), None);
    assert_eq!(excluded(&rules, "keep.swp"), None);
    assert_eq!(excluded(&rules, "x.part"), None);
    // The configuration comes first: the ignore file cannot keep what it excludes.
    assert!(excluded(&rules, "y.map").is_some());
    assert_eq!(
        rules.decide(&path("x.part"), false),
        Verdict::Kept(Some(".syncdignore:3: \"!x.part\"".to_owned()))
    );
    assert_eq!(
        excluded(&rules, "b.swp"),
        Some("built-in list: \"*.swp\"".to_owned())
    );
}

#[test]
fn patterns_have_the_meaning_they_have_for_git() {
    let rules = Rules::new(
        &folder(&["/top.txt", "build/", "a/**/z", "doc/*.txt"]),
        None,
    )
    .unwrap();
    assert!(excluded(&rules, "top.txt").is_some());
    assert_eq!(excluded(&rules, "sub/top.txt"), None);
    assert!(excluded(&rules, "x/build/deep/file").is_some());
    assert_eq!(excluded(&rules, "build"), None);
    assert!(excluded(&rules, "a/b/c/z").is_some());
    assert!(excluded(&rules, "doc/a.txt").is_some());
    assert_eq!(excluded(&rules, "doc/b/a.txt"), None);
}

#[test]
fn names_the_cloud_cannot_hold_are_excluded_with_the_reason() {
    let rules = Rules::new(&folder(&[]), None).unwrap();
    let bad = RelPath::from_bytes(b"a\xff".as_slice()).unwrap();
    assert_eq!(
        rules.decide(&bad, false),
        Verdict::Excluded("its name is not UTF-8; rename it".to_owned())
    );
    assert!(excluded(&rules, "a\nb").is_some());
}

#[test]
fn a_pattern_that_cannot_be_understood_is_told_with_its_place() {
    let error = Rules::new(&folder(&["ok", "a[z-a]"]), None).unwrap_err();
    assert_eq!(error.origin, "config.toml:2");
    assert!(error.to_string().contains("a[z-a]"), "{error}");
}
