//! Every metric that a rule, a panel or the manual names is one that the program has, and the other way round.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it reads files of this very tree"
)]

use std::collections::BTreeSet;
use std::path::Path;

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    String::from_utf8(std::fs::read(root.join(path)).unwrap()).unwrap()
}

/// Words of a text that begin like a metric, without what a histogram adds.
fn named_in(path: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let text = text(path);
    let words = text.split(|c| !is_part(c));
    let metrics = words.filter(|word| word.starts_with("syncd_"));
    metrics
        .map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

/// What the sources register: families of counters end with `_total`.
fn registered() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, word) in [
        ("src/web/counters.rs", "_total"),
        ("src/web/exposition.rs", ""),
    ] {
        let source = text(path);
        for call in ["family(", "registry.register("] {
            for (at, _) in source.match_indices(call) {
                let argument = source.get(at + call.len()..).unwrap().trim_start();
                let Some(name) = argument.strip_prefix('"') else {
                    continue;
                };
                let name = name.split('"').next().unwrap();
                let suffix = match name {
                    "upload_duration_seconds" => "",
                    "build" => "_info",
                    _ => word,
                };
                found.insert(format!("syncd_{name}{suffix}"));
            }
        }
    }
    assert!(
        found.len() > 14,
        "the registrations were not found: {found:?}"
    );
    found
}

#[test]
fn rules_panels_and_the_manual_name_what_there_is() {
    let registered = registered();
    for path in [
        "config/alerts.rules.yml",
        "config/dashboard.json",
        "docs/metrics.md",
    ] {
        let named = named_in(path);
        let unknown: Vec<_> = named.difference(&registered).collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
    let missing: Vec<_> = registered
        .difference(&named_in("docs/metrics.md"))
        .cloned()
        .collect();
    assert!(
        missing.is_empty(),
        "docs/metrics.md does not name {missing:?}"
    );
}

#[test]
fn the_dashboard_is_json_and_every_rule_says_what_to_do() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&text("config/dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 5);
    let rules = text("config/alerts.rules.yml");
    let count = |word: &str| rules.matches(word).count();
    assert!(count("- alert: ") > 5);
    assert_eq!(count("- alert: "), count("description: "));
    assert_eq!(count("- alert: "), count("expr: "));
}
