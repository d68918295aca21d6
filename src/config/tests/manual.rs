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

/// The tables of that kind in the full sample, with every setting in force.
fn tables(kind: Kind) -> Vec<toml::Table> {
    let root: toml::Table = uncommented(sample::full()).parse().unwrap();
    let accounts = |provider: &str| {
        let accounts = root["accounts"].as_table().unwrap().values();
        let accounts = accounts.filter_map(|account| account.as_table().cloned());
        let of = |account: &toml::Table| account["provider"].as_str() == Some(provider);
        accounts.filter(of).collect::<Vec<_>>()
    };
    let wechat = |names: &[&str]| names.iter().fold(accounts("wechat"), below);
    let below_root = |names: &[&str]| names.iter().fold(vec![root.clone()], below);
    match kind {
        Kind::Top => below_root(&[]),
        Kind::Log => below_root(&["log"]),
        Kind::Http => below_root(&["http"]),
        Kind::Alerts => below_root(&["alerts"]),
        Kind::Network => below_root(&["network"]),
        Kind::Limits => below_root(&["limits"]),
        Kind::Folder => below_root(&["folder"]),
        Kind::Header => below_root(&["folder", "header"]),
        Kind::Inbox => below_root(&["inbox"]),
        Kind::Wechat => accounts("wechat"),
        Kind::Ccmessaging => accounts("ccmessaging"),
        Kind::Token => wechat(&["token"]),
        Kind::App => wechat(&["token", "app"]),
        Kind::Component => wechat(&["token", "component"]),
        Kind::Authorizer => wechat(&["token", "authorizer"]),
        Kind::Cos => wechat(&["cos"]),
        Kind::TicketReceiver => wechat(&["ticket_receiver"]),
        // A secret stands in many places; its forms are in a remark.
        Kind::Secret => Vec::new(),
    }
}

/// The table or tables of that name in each of these.
fn below(tables: Vec<toml::Table>, name: &&str) -> Vec<toml::Table> {
    let values = tables
        .into_iter()
        .filter_map(|mut table| table.remove(*name));
    let each = values.flat_map(|value| match value {
        toml::Value::Array(values) => values,
        value => vec![value],
    });
    each.filter_map(|value| value.as_table().cloned()).collect()
}

#[test]
fn every_key_is_in_the_full_sample_in_its_own_table_and_with_its_own_default() {
    let mut wrong = Vec::new();
    for key in keys::all() {
        let place = format!("{} of {}", key.name, key.kind.title());
        if key.kind == Kind::Secret {
            if !sample::full().contains(&format!("{{ {} = ", key.name)) {
                wrong.push(format!("{place} is not there"));
            }
            continue;
        }
        let tables = tables(key.kind);
        let values: Vec<&toml::Value> = tables
            .iter()
            .filter_map(|table| table.get(key.name))
            .collect();
        if values.is_empty() {
            wrong.push(format!("{place} is not there"));
        }
        if let Absent::Value(default) = key.absent {
            let default = format!("value = {default}").parse::<toml::Table>().unwrap();
            let is_example = is_example(key);
            if !is_example && !values.contains(&&default["value"]) {
                wrong.push(format!("{place} is not {}", default["value"]));
            }
        }
    }
    assert!(wrong.is_empty(), "config/syncd.toml: {wrong:#?}");
}

/// Whether the sample says that its value is an example instead of the default.
fn is_example(key: &Key) -> bool {
    let begin = format!("#{} = ", key.name);
    let lines = sample::full()
        .lines()
        .filter(|line| line.starts_with(&begin));
    lines.into_iter().any(|line| line.contains("# example"))
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
