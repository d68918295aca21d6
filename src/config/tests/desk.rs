//! What good desks, outboxes and inboxes resolve to.

use super::{DESK, House};
use crate::config::{Config, show};
use crate::model::desk::{InboxSpec, MediaContent};
use crate::model::folder::FlowKind;
use crate::model::template::Template;

#[test]
fn a_desk_gets_every_default() {
    let config = House::new().load(DESK).unwrap();
    assert!(config.accounts.is_empty());
    let desk = &config.desks[0];
    assert_eq!(desk.name, "desk");
    assert_eq!(desk.base_url, "https://desk.example");
    assert_eq!(
        desk.token_url,
        "https://desk.example/apigovernance/api/oauth/tokenByAkSk"
    );
    assert_eq!(desk.app_secret.expose(), "canary-of-shop");
    assert_eq!(desk.user_name, "syncd");
    assert_eq!(desk.locale, "en");
    assert_eq!(desk.media_content, MediaContent::Plain);
    let inbox = InboxSpec {
        name: "in".to_owned(),
        path: "/nowhere/in".into(),
        account: "desk".to_owned(),
        file_name: Template::parse("{date}/{time}_{message}.{ext}").unwrap(),
        max_file: 64 * 1024 * 1024,
        sidecar: true,
        on_receive: Vec::new(),
    };
    assert_eq!(config.inboxes, [inbox]);
}

#[test]
fn an_outbox_is_a_folder_without_a_remote_tree() {
    let folder = House::new().load(DESK).unwrap().folders.remove(0);
    assert_eq!(folder.flow, FlowKind::Ccmessaging);
    assert_eq!((folder.env.as_str(), folder.prefix.as_str()), ("", ""));
    assert!(folder.last.is_empty() && folder.headers.is_empty());
}

#[test]
fn two_outboxes_may_share_a_desk() {
    let second = "[[folder]]\nname = \"more\"\npath = \"/nowhere/more\"\nflow = \"ccmessaging\"\n\
                  account = \"desk\"\n";
    let config = House::new().load(&format!("{DESK}{second}")).unwrap();
    assert_eq!(config.folders.len(), 2);
}

#[test]
fn an_inbox_keeps_what_is_written() {
    let text = format!(
        "{DESK}file_name = \"{{message}}.{{ext}}\"\nmax_file = \"2 MB\"\nsidecar = false\n\
         on_receive = [\"/usr/local/bin/scan\", \"{{path}}\"]\n"
    )
    .replace(
        "app_key",
        "token_url = \"https://t.example:28070/t?x=1\"\napp_key",
    );
    let config = House::new().load(&text).unwrap();
    assert_eq!(config.desks[0].token_url, "https://t.example:28070/t?x=1");
    let inbox = &config.inboxes[0];
    assert_eq!(inbox.file_name, Template::parse("{message}.{ext}").unwrap());
    assert_eq!(inbox.max_file, 2_000_000);
    assert!(!inbox.sidecar);
    assert_eq!(inbox.on_receive, ["/usr/local/bin/scan", "{path}"]);
}

#[test]
fn without_secrets_there_are_inboxes_but_no_desks() {
    let house = House::new();
    let path = house.write("syncd.toml", DESK, 0o644);
    let config = Config::load_without_secrets(&house.environment(), Some(&path)).unwrap();
    assert!(config.desks.is_empty());
    assert_eq!(config.inboxes.len(), 1);
}

#[test]
fn show_has_what_holds_for_a_desk_and_nothing_that_an_outbox_has_no_use_for() {
    let house = House::new();
    let config = house.load(DESK).unwrap();
    let directory = format!("{}/", house.directory.path().display());
    let shown = show::text(&config).replace(&directory, "");
    let desk = shown.split_once("[accounts.desk]").unwrap().1;
    insta::assert_snapshot!(desk, @r#"

provider = "ccmessaging"                         # syncd.toml:3
base_url = "https://desk.example"                # syncd.toml:4
token_url = "https://desk.example/apigovernance/api/oauth/tokenByAkSk" # default
app_key = "ak"                                   # syncd.toml:5
app_secret = { env = "SHOP_SECRET" }             # syncd.toml:6
channel_id = "202500000000000001"                # syncd.toml:7
user_id = "syncd-node-01"                        # syncd.toml:8
user_name = "syncd"                              # default
locale = "en"                                    # default
media_content = "plain"                          # default

[[folder]]
name = "out"                                     # syncd.toml:10
path = "/nowhere/out"                            # syncd.toml:11
flow = "ccmessaging"                             # syncd.toml:12
account = "desk"                                 # syncd.toml:13
settle = "500ms"                                 # default
settle_max = "30s"                               # default
exclude = []                                     # default
watch = "auto"                                   # default
rescan = "1h"                                    # default

[[inbox]]
name = "in"                                      # syncd.toml:15
path = "/nowhere/in"                             # syncd.toml:16
account = "desk"                                 # syncd.toml:17
file_name = "{date}/{time}_{message}.{ext}"      # default
max_file = "64 MiB"                              # default
sidecar = true                                   # default
"#);
    let again = house.load(&show::text(&config)).unwrap();
    assert_eq!((again.desks, again.inboxes), (config.desks, config.inboxes));
}
