//! Secrets are found where they are kept, and refused where others could read them.

use super::{GOOD, House};
use crate::config::Config;
use crate::model::folder::TokenSource;

fn with_secret(form: &str) -> String {
    GOOD.replace("{ env = \"SHOP_SECRET\" }", form)
}

fn secret_of(config: &Config) -> &str {
    match &config.accounts[0].token {
        TokenSource::App { secret, .. } => secret.expose(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_closed_file_gives_a_secret_without_its_line_end() {
    let house = House::new();
    for (text, mode) in [
        ("canary\n", 0o600),
        ("canary\r\n", 0o400),
        ("canary", 0o600),
    ] {
        let _ = std::fs::remove_dir_all(house.path("keys"));
        let path = house.write("keys/secret", text, mode);
        let config = house
            .load(&with_secret(&format!("{{ file = {path:?} }}")))
            .unwrap();
        assert_eq!(secret_of(&config), "canary");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    for mode in [0o644, 0o640, 0o604, 0o660, 0o606, 0o610] {
        let house = House::new();
        let path = house.write("secret", "canary", mode);
        let messages = house.messages(&with_secret(&format!("{{ file = {path:?} }}")));
        let expected = format!(
            "syncd.toml:4:52: the secret `secret` is open to group or others (mode {mode:04o}); \
             run `chmod 600 secret`"
        );
        assert_eq!(messages, expected);
    }
}

#[test]
fn a_credential_comes_from_the_service_manager() {
    let house = House::new();
    house.write("credentials/shop", "canary\n", 0o440);
    let directory = house.path("credentials");
    let house = house.with("CREDENTIALS_DIRECTORY", directory.to_str().unwrap());
    let config = house
        .load(&with_secret("{ credential = \"shop\" }"))
        .unwrap();
    assert_eq!(secret_of(&config), "canary");
    let escape = house.messages(&with_secret("{ credential = \"../shop\" }"));
    assert!(
        escape.contains("`credential` must be 1 to 255 of"),
        "{escape}"
    );
}

#[test]
fn a_plain_secret_needs_a_closed_configuration() {
    let house = House::new();
    let text = with_secret("\"canary\"");
    for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o644, false)] {
        let _ = std::fs::remove_dir_all(house.path("etc"));
        let path = house.write("etc/syncd.toml", &text, mode);
        let result = Config::load(&house.environment(), Some(&path));
        assert_eq!(result.is_ok(), good, "{mode:o}");
        if let Err(error) = result {
            assert!(!error.to_string().contains("canary"));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }
}

#[test]
fn missing_and_damaged_secrets_are_named_with_their_place() {
    let house = House::new().with("BROKEN", "a\nb").with("BLANK", "\n");
    house.write("empty", "\n", 0o600);
    house.write("directory/file", "", 0o600);
    let directory = house.directory.path().display().to_string();
    let table = [
        (
            "{ env = \"NONE\" }",
            "the secret `secret` is not there: environment variable \"NONE\" is not set; set it",
        ),
        (
            "{ env = \"BROKEN\" }",
            "the secret `secret` has a line break or control character inside; keep one line",
        ),
        (
            "{ env = \"BLANK\" }",
            "the secret `secret` is empty; write it there",
        ),
        (
            "{ file = \"DIR/none\" }",
            "the secret `secret` cannot be read: none does not exist; make it, or mend the path",
        ),
        (
            "{ file = \"DIR/empty\" }",
            "the secret `secret` is empty; write it there",
        ),
        (
            "{ file = \"DIR/directory\" }",
            "the secret `secret` cannot be read: directory is not a regular file; make it, or \
             mend the path",
        ),
        (
            "{ file = \"none\" }",
            "`file` must be an absolute path, not \"none\"; start it with `/`",
        ),
        (
            "{ credential = \"a\" }",
            "the secret `secret` is not there: $CREDENTIALS_DIRECTORY is not set; add \
             LoadCredential= to the unit",
        ),
        (
            "{ }",
            "`secret` says not where the secret is; write credential, file or env in it",
        ),
        (
            "{ env = \"A\", file = \"/a\" }",
            "`secret` names two places of one secret; keep one",
        ),
        (
            "{ enf = \"A\" }",
            "unknown key \"enf\" in a secret; did you mean `env`?",
        ),
        (
            "7",
            "`secret` must be a secret: { credential = \"NAME\" }, { file = \"PATH\" }, { env = \
             \"NAME\" } or a string, not an integer",
        ),
    ];
    for (form, expected) in table {
        let messages = house.messages(&with_secret(&form.replace("DIR", &directory)));
        let first = messages.lines().find(|line| line.contains(expected));
        assert!(first.is_some(), "{form}: {messages}");
        assert!(messages.starts_with("syncd.toml:4:"), "{messages}");
    }
}

#[test]
fn commands_that_do_not_talk_to_the_cloud_need_no_secret() {
    let house = House::new();
    let path = house.write("syncd.toml", &with_secret("{ env = \"NONE\" }"), 0o644);
    let config = Config::load_without_secrets(&house.environment(), Some(&path)).unwrap();
    assert_eq!(config.folders[0].account, "shop");
    assert!(config.accounts.is_empty());
}

#[test]
fn header_values_that_sound_secret_are_held_to_the_same_rule() {
    let url = |header: &str| {
        GOOD.replace(
            "{ app = { appid = \"wx0\", secret = { env = \"SHOP_SECRET\" } } }",
            &format!("{{ url = \"https://a.example\", header = {{ {header} }} }}"),
        )
    };
    let house = House::new();
    assert_eq!(house.messages(&url("Accept = \"text/plain\"")), "ok");
    let refused = house.messages(&url("Authorization = \"canary\""));
    assert!(refused.contains("`Authorization` is a secret in a file that others can read"));
    assert!(!refused.contains("canary"));
}

#[test]
fn a_proxy_with_a_password_needs_a_closed_configuration() {
    let house = House::new();
    let text = format!("[network]\nproxy = \"http://me:canary@proxy:3128\"\n{GOOD}");
    let messages = house.messages(&text);
    assert!(
        messages.starts_with("syncd.toml:2:9: `proxy` has a password"),
        "{messages}"
    );
    assert!(!messages.contains("canary"));
}
