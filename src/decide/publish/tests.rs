use std::time::Duration;

use super::*;
use crate::model::folder::{FlowKind, HeaderRule, Pattern, WatchMode};

fn pattern(text: &str) -> Pattern {
    Pattern {
        text: text.to_owned(),
        origin: "config.toml:1".to_owned(),
    }
}

fn rule(text: &str, set: &[(&str, &str)]) -> HeaderRule {
    HeaderRule {
        pattern: pattern(text),
        set: set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn publisher(headers: Vec<HeaderRule>) -> Publisher {
    Publisher::new(&FolderSpec {
        name: "www".to_owned(),
        path: "/srv/www".into(),
        flow: FlowKind::StaticWebsite,
        account: "shop".to_owned(),
        env: "e".to_owned(),
        prefix: String::new(),
        exclude: Vec::new(),
        last: vec![pattern("index.html"), pattern("/feed/")],
        headers,
        settle: Duration::from_millis(500),
        settle_max: Duration::from_secs(30),
        watch: WatchMode::Auto,
        rescan: Duration::from_hours(1),
        max_file: None,
    })
    .unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

#[test]
fn pages_come_after_assets_and_the_last_list_comes_last() {
    let publisher = publisher(Vec::new());
    for (name, stage) in [
        ("a/style.css", Stage::Asset),
        ("a/page.html", Stage::Page),
        ("a/PAGE.HTM", Stage::Page),
        ("html", Stage::Asset),
        ("index.html", Stage::Last),
        ("deep/index.html", Stage::Last),
        ("feed/atom.xml", Stage::Last),
        ("a/feed/atom.xml", Stage::Asset),
    ] {
        assert_eq!(publisher.stage(&path(name)), stage, "{name}");
    }
}

#[test]
fn the_content_type_follows_the_extension_with_a_charset_for_text() {
    let publisher = publisher(Vec::new());
    for (name, expected) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.CSS", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.js.map", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.webp", "image/webp"),
        ("noextension", "application/octet-stream"),
        (".htaccess", "application/octet-stream"),
        ("a.unheardof", "application/octet-stream"),
    ] {
        let dress = publisher.dress(&path(name));
        assert_eq!(dress.headers.get("content-type"), Some(expected), "{name}");
    }
}

#[test]
fn the_first_matching_rule_sets_headers_and_may_replace_the_type() {
    let publisher = publisher(vec![
        rule("*.html", &[("cache-control", "no-cache")]),
        rule("*", &[("cache-control", "max-age=60")]),
        rule("*.css", &[("x-never", "reached")]),
    ]);
    let page = publisher.dress(&path("a/b.html"));
    assert_eq!(page.headers.get("cache-control"), Some("no-cache"));
    let style = publisher.dress(&path("b.css"));
    assert_eq!(style.headers.get("cache-control"), Some("max-age=60"));
    assert_eq!(style.headers.get("x-never"), None);
    assert_ne!(page.fingerprint, style.fingerprint);
    let typed = self::publisher(vec![rule("raw/", &[("content-type", "text/plain")])]);
    let raw = typed.dress(&path("raw/deep/x.html"));
    assert_eq!(raw.headers.get("content-type"), Some("text/plain"));
}
