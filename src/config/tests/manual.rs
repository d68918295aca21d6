//! The samples and the manual keep up with the parser.

use super::House;
use crate::config::keys::{self, Absent, Key, Kind};
use crate::config::{Config, sample};

/// The full sample with every setting in force. Prose stands behind `# `, settings behind `#`.
pub(super) fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_full_sample_is_good_once_its_secret_is_there() {
    let house = House::new();
    let credentials = house.path("credentials");
    house.write("credentials/shop-secret", "canary\n", 0o400);
    let house = house.with("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap());
    let config = house.load(sample::full()).unwrap();
    assert_eq!(config.folders.len(), 1);
    assert_eq!(config.accounts.len(), 1);
}

#[test]
fn the_full_sample_with_every_setting_in_force_has_only_what_comes_later() {
    let house = House::new();
    let credentials = house.path("credentials");
    for name in [
        "shop-secret",
        "desk-secret",
        "ticket",
        "customer-refresh",
        "alert-key",
    ] {
        house.write(&format!("credentials/{name}"), "canary\n", 0o400);
    }
    let house = house
        .with("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())
        .with("WX_TOKEN", "canary");
    let error = house.load(&uncommented(sample::full())).unwrap_err();
    insta::assert_snapshot!(house.plain(&error), @r#"
syncd.toml:34:13: `bandwidth = "8 MiB/s"` is not in this version of syncd yet; take it out
syncd.toml:77:1: `ticket_receiver` is not in this version of syncd yet; take it out
"#);
}

#[test]
fn every_key_is_in_the_full_sample() {
    let text = uncommented(sample::full());
    for key in keys::all() {
        let name = key.name;
        let forms = [
            format!("{name} = "),
            format!("[{name}]"),
            format!("[[{name}]]"),
            format!(".{name}]"),
            format!("[{name}."),
            format!(".{name}."),
        ];
        let is_there = forms.iter().any(|form| text.contains(form.as_str()));
        assert!(
            is_there,
            "{name} of {} is not in config/syncd.toml",
            key.kind.title()
        );
    }
}

#[test]
fn the_minimal_sample_works_once_its_blanks_are_filled_and_not_before() {
    let house = House::new();
    let messages = house.messages(sample::minimal());
    insta::assert_snapshot!(messages, @r"
syncd.toml:9:17: FILL-IN is still here; write your own value in its place
syncd.toml:13:8: FILL-IN is still here; write your own value in its place
syncd.toml:16:7: FILL-IN is still here; write your own value in its place
");
    let filled = sample::minimal()
        .replace("https://FILL-IN", "https://tokens.example.com/wechat")
        .replace("path = \"/FILL-IN\"", "path = \"/nowhere/www\"")
        .replace("\"FILL-IN\"", "\"shop-1\"");
    let path = house.write("syncd.toml", &filled, 0o644);
    let config = Config::load(&house.environment(), Some(&path)).unwrap();
    assert_eq!(config.folders[0].env, "shop-1");
}

#[test]
fn the_sample_of_the_service_is_the_minimal_one_in_its_own_place() {
    let settings = |text: &'static str| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.collect::<Vec<_>>()
    };
    let mut service = settings(sample::service());
    assert_eq!(service.remove(0), "state_dir = \"/var/lib/syncd\"");
    assert_eq!(service, settings(sample::minimal()));
}

#[test]
fn every_key_is_read_by_the_parser() {
    // A date is right for no key, so each key that is read complains.
    for key in keys::all() {
        let Some(text) = written(key, "1979-05-27") else {
            continue;
        };
        let mut house = House::new();
        house
            .environment
            .retain(|(name, _)| name != "SYNCD_STATE_DIR");
        let messages = house.messages(&text);
        let complaint = format!("`{}` ", key.name);
        let complains = messages
            .lines()
            .any(|line| line.contains(&complaint) && !line.contains("is missing"));
        assert!(complains, "{} {}: {messages}", key.kind.title(), key.name);
    }
}

/// A file in which a key has this value; `None` for a desk's provider, which makes it a desk's.
pub(super) fn written(key: &Key, value: &str) -> Option<String> {
    let line = format!("{} = {value}", key.name);
    Some(match key.kind {
        Kind::Top => line,
        Kind::Log | Kind::Http | Kind::Alerts | Kind::Network | Kind::Limits => {
            format!("{}\n{line}", key.kind.title())
        }
        Kind::Wechat => wechat(&line),
        Kind::Token if key.name == "header" => wechat(&format!(
            "token = {{ url = \"https://a.example\", header = {value} }}"
        )),
        Kind::Token => wechat(&format!("token.{line}")),
        Kind::App => wechat(&format!("token.app.{line}")),
        Kind::Component => wechat(&format!("token.component.{line}")),
        Kind::Authorizer => wechat(&format!("token.authorizer.{line}")),
        Kind::Cos => wechat(&format!("cos.{line}")),
        Kind::TicketReceiver => wechat(&format!("ticket_receiver.{line}")),
        Kind::Ccmessaging if key.name == "provider" => return None,
        Kind::Ccmessaging => format!("[accounts.a]\nprovider = \"ccmessaging\"\n{line}"),
        Kind::Folder if key.name == "max_file" => {
            format!("[[folder]]\nflow = \"ccmessaging\"\n{line}")
        }
        Kind::Folder => format!("[[folder]]\n{line}"),
        Kind::Header => format!("[[folder]]\n[[folder.header]]\n{line}"),
        Kind::Inbox => format!("[[inbox]]\n{line}"),
        Kind::Secret => wechat(&format!("token.value.{line}")),
    })
}

fn wechat(line: &str) -> String {
    format!("[accounts.a]\n{line}")
}

#[test]
fn every_default_is_understood() {
    let with_default = keys::all().filter(|key| matches!(key.absent, Absent::Value(_)));
    for key in with_default {
        let Absent::Value(text) = key.absent else {
            continue;
        };
        assert!(toml::de::DeValue::parse(text).is_ok(), "{}", key.name);
    }
    let house = House::new();
    assert!(house.load(super::GOOD).is_ok());
}

#[test]
fn the_manual_has_the_table_of_every_section() {
    let manual = include_str!("../../../docs/configuration.md");
    for kind in Kind::ALL {
        let table = table(kind);
        assert!(
            manual.contains(&table),
            "docs/configuration.md lacks this table; put it there:\n\n{}\n{table}",
            kind.title()
        );
    }
}

fn table(kind: Kind) -> String {
    let mut lines = vec![
        "| key | default | meaning |".to_owned(),
        "| --- | --- | --- |".to_owned(),
    ];
    for key in keys::all().filter(|key| key.kind == kind) {
        let absent = match key.absent {
            Absent::Required => "required".to_owned(),
            Absent::Value(text) => format!("`{text}`"),
            Absent::Unset(words) => words.to_owned(),
        };
        lines.push(format!("| `{}` | {absent} | {} |", key.name, key.meaning));
    }
    lines.join("\n")
}
