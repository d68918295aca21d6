//! Wrong configurations and the message of each, position included.

mod accounts;
mod desk;
mod headers;
mod later;
mod names;
mod values;

use super::{DESK, GOOD, House};

/// One wrong configuration.
enum Wrong {
    /// The whole text.
    Whole(&'static str),
    /// Before the good part.
    Before(&'static str),
    /// In the good folder, or after it.
    After(&'static str),
    /// The good text with one thing replaced.
    Instead(&'static str, &'static str),
    /// The good text with another `token`.
    Token(&'static str),
    /// A rule for `[[folder.header]]`.
    Rule(&'static str),
    /// The same in a folder of cloud storage.
    StorageRule(&'static str),
    /// A second folder: its environment and more.
    Second(&'static str, &'static str),
    /// A good desk, outbox and inbox with one thing replaced.
    Desk(&'static str, &'static str),
    /// After the good desk, outbox and inbox.
    AfterDesk(&'static str),
}
impl Wrong {
    fn text(&self) -> String {
        let app = r#"{ app = { appid = "wx0", secret = { env = "SHOP_SECRET" } } }"#;
        match self {
            Self::Whole(text) => (*text).to_owned(),
            Self::Before(text) => format!("{text}{GOOD}"),
            Self::After(text) => format!("{GOOD}{text}"),
            Self::Instead(old, new) => {
                assert!(GOOD.contains(old), "{old}");
                GOOD.replacen(old, new, 1)
            }
            Self::Token(token) => GOOD.replace(app, token),
            Self::Rule(rule) => format!("{GOOD}[[folder.header]]\n{rule}"),
            Self::StorageRule(rule) => {
                let storage = GOOD.replace("static-website", "cloud-storage");
                format!("{storage}[[folder.header]]\n{rule}")
            }
            Self::Desk(old, new) => {
                assert!(DESK.contains(old), "{old}");
                DESK.replacen(old, new, 1)
            }
            Self::AfterDesk(text) => format!("{DESK}{text}"),
            Self::Second(env, more) => {
                let second = r#"[[folder]]
name = "two"
path = "/nowhere/two"
flow = "static-website"
account = "shop"
"#;
                format!("{GOOD}{second}env = {env}\n{more}")
            }
        }
    }
}

fn check(rows: &[(Wrong, &str)]) {
    let mut differences = Vec::new();
    for (wrong, expected) in rows {
        let text = wrong.text();
        let mut house = House::new();
        if text.contains("state_dir") {
            house
                .environment
                .retain(|(name, _)| name != "SYNCD_STATE_DIR");
        }
        let messages = house.messages(&text).replace("syncd.toml:", "");
        if messages != *expected {
            differences.push(format!("{text}\nEXPECTED\n{expected}\nFOUND\n{messages}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
