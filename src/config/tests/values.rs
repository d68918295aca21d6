//! What good configurations resolve to.

use std::time::Duration;

use super::{GOOD, House};
use crate::config::{Config, LogLevel, check, show};
use crate::model::folder::{Concurrency, FlowKind, TokenSource, WatchMode};
use crate::model::secret::{Rotating, Secret};

#[test]
fn a_small_configuration_gets_every_default() {
    let house = House::new();
    let config = house.load(GOOD).unwrap();
    assert_eq!(config.state_dir.to_str(), Some("/nowhere/state"));
    assert_eq!(config.limits.attempts, 8);
    assert_eq!(config.limits.memory_bytes, 128 * 1024 * 1024);
    let account = &config.accounts[0];
    assert_eq!(account.base_url, "https://api.weixin.qq.com");
    assert_eq!(account.upload_hosts, ["*.myqcloud.com"]);
    assert_eq!(account.concurrency, Concurrency::Auto);
    let folder = &config.folders[0];
    assert_eq!(folder.flow, FlowKind::StaticWebsite);
    assert_eq!(folder.watch, WatchMode::Auto);
    assert_eq!(folder.settle, Duration::from_millis(500));
    assert_eq!(folder.settle_max, Duration::from_secs(30));
    assert_eq!(folder.rescan, Duration::from_hours(1));
    assert_eq!(folder.last[0].text, "index.html");
    assert_eq!(folder.last[0].origin, "default");
    assert_eq!(folder.headers[0].pattern.text, "*.html");
    let no_cache = [("cache-control".to_owned(), "no-cache".to_owned())];
    assert_eq!(folder.headers[0].set, no_cache);
}

#[test]
fn own_header_rules_replace_the_default_one() {
    let house = House::new();
    let text = format!(
        "{GOOD}[[folder.header]]\nmatch = \"*.js\"\nset = {{ Cache-Control = \"max-age=60\" }}\n"
    );
    let config = house.load(&text).unwrap();
    assert_eq!(config.folders[0].headers.len(), 1);
    let rule = &config.folders[0].headers[0];
    assert_eq!(
        rule.set,
        [("cache-control".to_owned(), "max-age=60".to_owned())]
    );
    assert!(
        rule.pattern.origin.ends_with("syncd.toml:12"),
        "{}",
        rule.pattern.origin
    );
}

#[test]
fn a_folder_of_cloud_storage_has_no_rule_of_its_own_and_takes_what_its_form_can_carry() {
    let storage = GOOD.replace("static-website", "cloud-storage");
    let folder = House::new().load(&storage).unwrap().folders.remove(0);
    assert_eq!(folder.flow, FlowKind::CloudStorage);
    assert!(folder.headers.is_empty());
    let rule = "[[folder.header]]\nmatch = \"*\"\nset = { Content-Type = \"a/b\", cache-control = \"c\" }\n";
    let folder = House::new()
        .load(&format!("{storage}{rule}"))
        .unwrap()
        .folders
        .remove(0);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let set = [pair("cache-control", "c"), pair("content-type", "a/b")];
    assert_eq!(folder.headers[0].set, set);
}

#[test]
fn a_platform_and_the_accounts_it_acts_for_keep_where_what_rotates_is() {
    let house = House::new();
    let ticket = house.write("ticket", "ticket@@@one\n", 0o600);
    let app = r#"{ app = { appid = "wx0", secret = { env = "SHOP_SECRET" } } }"#;
    let component = format!(
        r#"{{ appid = "wx1", secret = {{ env = "SHOP_SECRET" }}, ticket = {{ file = "{}" }} }}"#,
        ticket.display()
    );
    let token = |text: &str| {
        let config = house.load(&GOOD.replace(app, text)).unwrap();
        config.accounts[0].token.clone()
    };
    let TokenSource::Component(platform) = token(&format!("{{ component = {component} }}")) else {
        panic!("another source");
    };
    assert_eq!(platform.appid, "wx1");
    assert_eq!(platform.secret.expose(), "canary-of-shop");
    assert_eq!(platform.ticket, Rotating::File(ticket));
    let text = format!(
        "{{ authorizer = {{ component = {component}, appid = \"wx2\", refresh_token = {{ env = \"SHOP_SECRET\" }} }} }}"
    );
    let authorizer = TokenSource::Authorizer {
        platform,
        appid: "wx2".to_owned(),
        refresh_token: Rotating::Fixed(Secret::new("canary-of-shop")),
    };
    assert_eq!(token(&text), authorizer);
}

#[test]
fn a_folder_keeps_what_is_written() {
    let text = format!(
        "{GOOD}prefix = \"site/\"\nexclude = [\"*.map\", \"!keep.map\"]\nsettle = \"0s\"\nsettle_max = \"1m\"\n\
         watch = \"off\"\nrescan = \"1d\"\nlast = []\n"
    );
    let folder = House::new().load(&text).unwrap().folders.remove(0);
    assert_eq!(folder.prefix, "site/");
    assert_eq!(folder.exclude[1].text, "!keep.map");
    assert!(folder.exclude[0].origin.ends_with("syncd.toml:12"));
    assert_eq!(folder.settle, Duration::ZERO);
    assert_eq!(folder.settle_max, Duration::from_mins(1));
    assert_eq!(folder.watch, WatchMode::Off);
    assert_eq!(folder.rescan, Duration::from_hours(24));
    assert!(folder.last.is_empty());
}

fn token(line: &str) -> TokenSource {
    let text = format!("[accounts.a]\nprovider = \"wechat\"\ntoken = {line}\n");
    House::new().load(&text).unwrap().accounts.remove(0).token
}

#[test]
fn every_token_source_of_this_version_is_understood() {
    let app = r#"{ app = { appid = "wx0", secret = { env = "SHOP_SECRET" }, mode = "classic" } }"#;
    assert_eq!(
        token(app),
        TokenSource::App {
            appid: "wx0".to_owned(),
            secret: Secret::new("canary-of-shop"),
            classic: true
        }
    );
    assert_eq!(
        token("{ command = [\"/bin/echo\", \"x y\"] }"),
        TokenSource::Command(vec!["/bin/echo".to_owned(), "x y".to_owned()])
    );
    let header = r#"{ Accept = "a/b", X-Key = { env = "SHOP_SECRET" } }"#;
    let url = format!("{{ url = \"http://127.0.0.1:8700/t\", header = {header} }}");
    assert_eq!(
        token(&url),
        TokenSource::Url {
            url: "http://127.0.0.1:8700/t".to_owned(),
            headers: vec![
                ("accept".to_owned(), Secret::new("a/b")),
                ("x-key".to_owned(), Secret::new("canary-of-shop")),
            ]
        }
    );
    assert_eq!(
        token("{ file = \"/run/t\" }"),
        TokenSource::File("/run/t".into())
    );
    assert_eq!(
        token("{ cloudbase_file = \"/run/t\" }"),
        TokenSource::CloudbaseFile("/run/t".into())
    );
    assert!(matches!(
        token("{ value = { env = \"SHOP_SECRET\" } }"),
        TokenSource::Value(secret) if secret.expose() == "canary-of-shop"
    ));
}

#[test]
fn loopback_addresses_may_be_plain_http() {
    for url in [
        "http://127.0.0.1:9",
        "http://127.8.8.8",
        "http://[::1]:80",
        "http://localhost:1/base/",
    ] {
        let text = GOOD.replace("provider", &format!("base_url = \"{url}\"\nprovider"));
        let config = House::new().load(&text).unwrap();
        assert!(!config.accounts[0].base_url.ends_with('/'), "{url}");
    }
}

#[test]
fn hosts_are_kept_in_lower_case_without_ports() {
    let hosts =
        "upload_hosts = [\"*.MyQcloud.com\", \"127.0.0.1\", \"::1\", \"localhost\"]\nprovider";
    let config = House::new().load(&GOOD.replace("provider", hosts)).unwrap();
    let hosts = &config.accounts[0].upload_hosts;
    assert_eq!(
        hosts,
        &["*.myqcloud.com", "127.0.0.1", "[::1]", "localhost"]
    );
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let text = format!("[log]\nlevel = \"warn\"\n[limits]\nconcurrency = 3\n{GOOD}");
    let config = House::new().load(&text).unwrap();
    assert_eq!(config.log.level, LogLevel::Warn);
    assert_eq!(config.accounts[0].concurrency, Concurrency::Fixed(3));
    let house = House::new()
        .with("SYNCD_LOG__LEVEL", "trace")
        .with("SYNCD_LIMITS__CONCURRENCY", "7")
        .with("SYNCD_LIMITS__MEMORY", "64 MiB")
        .with("SYNCD_NETWORK__PROXY", "http://proxy:3128");
    let config = house.load(&text).unwrap();
    assert_eq!(config.log.level, LogLevel::Trace);
    assert_eq!(config.limits.concurrency, Concurrency::Fixed(7));
    assert_eq!(config.limits.memory_bytes, 64 * 1024 * 1024);
    let proxy = config.network.proxy.unwrap();
    assert_eq!(proxy.expose(), "http://proxy:3128/");
}

#[test]
fn show_names_the_origin_of_each_value_and_masks_secrets() {
    let house = House::new().with("SYNCD_LOG__LEVEL", "debug");
    let text = GOOD.replace("{ env = \"SHOP_SECRET\" }", "\"canary-in-the-file\"");
    let path = house.write("syncd.toml", &text, 0o600);
    let config = Config::load(&house.environment(), Some(&path)).unwrap();
    let directory = format!("{}/", house.directory.path().display());
    let shown = show::text(&config).replace(&directory, "");
    assert!(!shown.contains("canary"));
    insta::assert_snapshot!(shown, @r#"
state_dir = "/nowhere/state"                     # environment SYNCD_STATE_DIR

[log]
level = "debug"                                  # environment SYNCD_LOG__LEVEL
format = "auto"                                  # default

[limits]
concurrency = "auto"                             # default
attempts = 8                                     # default
memory = "128 MiB"                               # default

[accounts.shop]
provider = "wechat"                              # syncd.toml:3
base_url = "https://api.weixin.qq.com"           # default
upload_hosts = ["*.myqcloud.com"]                # default
requests_per_second = 0                          # default

[accounts.shop.token.app]
appid = "wx0"                                    # syncd.toml:4
secret = "***"                                   # syncd.toml:4
mode = "stable"                                  # default

[[folder]]
name = "www"                                     # syncd.toml:6
path = "/nowhere/www"                            # syncd.toml:7
flow = "static-website"                          # syncd.toml:8
account = "shop"                                 # syncd.toml:9
settle = "500ms"                                 # default
settle_max = "30s"                               # default
exclude = []                                     # default
watch = "auto"                                   # default
rescan = "1h"                                    # default
env = "shop-1"                                   # syncd.toml:10
prefix = ""                                      # default
last = ["index.html"]                            # default
delete = "keep"                                  # default
delete_limit = "10%"                             # default
delete_after = "0s"                              # default
protect = []                                     # default
verify = "off"                                   # default
keep_releases = 0                                # default

[[folder.header]]
match = "*.html"                                 # default
set = { cache-control = "no-cache" }             # default
"#);
    let json = show::json(&config);
    assert!(!json.to_string().contains("canary"));
    assert_eq!(json["schema"], 1);
    assert_eq!(
        json["settings"][1]["origin"],
        "environment SYNCD_LOG__LEVEL"
    );
    assert!(!format!("{config:?}").contains("canary"));
}

#[test]
fn what_show_prints_is_toml_of_the_same_meaning() {
    let house = House::new();
    let config = house.load(GOOD).unwrap();
    let again = house.load(&show::text(&config)).unwrap();
    assert_eq!(again.accounts, config.accounts);
    assert_eq!(again.folders[0].settle, config.folders[0].settle);
}

#[test]
fn check_says_what_the_configuration_amounts_to() {
    let house = House::new();
    let config = house.load(GOOD).unwrap();
    let source = config.source.display().to_string();
    let text = check::text(&config);
    assert_eq!(
        text,
        format!("{source}: ok, 1 folder and 1 account, state in /nowhere/state\n")
    );
    assert_eq!(check::json(&Ok(config))["ok"], true);
    let empty = house.load("").unwrap();
    assert!(check::text(&empty).contains("nothing to do"));
    let desk = house.load(super::DESK).unwrap();
    assert!(check::text(&desk).contains("1 folder, 1 inbox and 1 account"));
    let json = check::json(&house.load("[log]\nlevl = 1\n"));
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][0]["line"], 2);
    assert_eq!(json["problems"][0]["column"], 1);
}

#[test]
fn a_wrong_variable_is_named() {
    let house = House::new()
        .with("SYNCD_LOG__LEVLE", "debug")
        .with("SYNCD_LOG__FORMAT", "xml")
        .with("SYNCD_LIMITS__ATTEMPTS", "many")
        .with("SYNCD_HTTP__LISTEN", "0.0.0.0:80")
        .with("SYNCD_FOLDER__NAME", "www");
    insta::assert_snapshot!(house.messages(GOOD), @r#"
environment SYNCD_FOLDER__NAME: no such setting; variables set only state_dir and the keys of [log], [http], [network], [limits]
environment SYNCD_HTTP__LISTEN: `listen` is an address that others can reach; use 127.0.0.1, or set allow_public = true
environment SYNCD_LIMITS__ATTEMPTS: `attempts` must be a whole number from 1 to 100, not text
environment SYNCD_LOG__FORMAT: `format` cannot be "xml"; known are `auto`, `text`, `json`, `journald`
environment SYNCD_LOG__LEVLE: no such setting; did you mean SYNCD_LOG__LEVEL?
"#);
}

#[test]
fn a_byte_order_mark_does_not_shift_positions() {
    let messages = House::new().messages("\u{feff}lgo = 1\r\n[log]\r\nlevle = 1\r\n");
    let places: Vec<&str> = messages
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["syncd.toml:1:1", "syncd.toml:3:1"]);
}

#[test]
fn variables_that_hold_secrets_are_known() {
    let config = House::new().load(GOOD).unwrap();
    assert_eq!(
        config.secret_variables().collect::<Vec<_>>(),
        ["SHOP_SECRET"]
    );
}
