//! Where the configuration and the state are found, and what must be kept apart on the disk.

use std::os::unix::fs::symlink;

use super::{GOOD, House};
use crate::config::{Config, Environment};

#[test]
fn the_flag_wins_over_the_variable_and_the_variable_over_the_home() {
    let house = House::new();
    let flag = house.write("flag.toml", "", 0o644);
    let variable = house.write("variable.toml", "", 0o644);
    let home = house.write("home/syncd/config.toml", "", 0o644);
    let fallback = house.write("user/.config/syncd/config.toml", "", 0o644);
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let all = [
        ("SYNCD_STATE_DIR", "/nowhere".to_owned()),
        ("SYNCD_CONFIG", text(&variable)),
        ("XDG_CONFIG_HOME", text(&house.path("home"))),
        ("HOME", text(&house.path("user"))),
    ];
    let load = |variables: &[(&str, String)], flag| {
        let environment = Environment::new(variables.iter().cloned());
        Config::load(&environment, flag).unwrap().source
    };
    assert_eq!(load(&all, Some(flag.as_path())), flag);
    assert_eq!(load(&all, None), variable);
    let [state, _, xdg, user] = all.clone();
    assert_eq!(load(&[state.clone(), xdg, user.clone()], None), home);
    assert_eq!(load(&[state, user], None), fallback);
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let house = House::new();
    let missing = house.path("none.toml");
    let error = Config::load(&house.environment(), Some(&missing)).unwrap_err();
    assert_eq!(
        house.plain(&error),
        "none.toml: the configuration file does not exist; mend that, or name another"
    );
    let home = house.directory.path().to_str().unwrap();
    let error = Config::load(&Environment::new([("HOME", home)]), None).unwrap_err();
    assert_eq!(
        house.plain(&error),
        "no configuration file: there is no .config/syncd/config.toml and no /etc/syncd/config.toml; \
         write one with `syncd config init`, or name it with --config"
    );
}

#[test]
fn a_configuration_that_others_can_write_is_refused() {
    let house = House::new();
    for mode in [0o620, 0o602, 0o666] {
        let _ = std::fs::remove_dir_all(house.path("etc"));
        let path = house.write("etc/syncd.toml", GOOD, mode);
        let error = Config::load(&house.environment(), Some(&path)).unwrap_err();
        let expected = format!(
            "etc/syncd.toml: group or others can write to it (mode {mode:04o}); run `chmod go-w` \
             on it"
        );
        assert_eq!(house.plain(&error), expected);
    }
}

#[test]
fn a_directory_a_huge_file_and_other_bytes_are_refused() {
    let house = House::new();
    let error = Config::load(&house.environment(), Some(house.directory.path())).unwrap_err();
    assert!(
        error.to_string().contains("is not a regular file"),
        "{error}"
    );
    assert!(
        house
            .messages(&"#".repeat(2_000_000))
            .contains("is larger than 1 MiB")
    );
    let path = house.path("latin.toml");
    super::write_file(&path, b"# ok\n# \xe9\n");
    let error = Config::load(&house.environment(), Some(&path)).unwrap_err();
    assert_eq!(
        house.plain(&error),
        "latin.toml:2:3: not UTF-8 from here on; save the file as UTF-8"
    );
}

#[test]
fn the_state_is_where_the_first_of_the_rules_says() {
    let house = House::new();
    let path = house.write("written.toml", "state_dir = \"/written\"\n", 0o644);
    let plain = house.write("plain.toml", "", 0o644);
    let table = [
        (vec![("SYNCD_STATE_DIR", "/variable")], &path, "/variable"),
        (vec![("STATE_DIRECTORY", "/service")], &path, "/written"),
        (
            vec![("STATE_DIRECTORY", "/service:/b"), ("HOME", "/h")],
            &plain,
            "/service",
        ),
        (
            vec![("XDG_STATE_HOME", "/x"), ("HOME", "/h")],
            &plain,
            "/x/syncd",
        ),
        (
            vec![("XDG_STATE_HOME", "x"), ("HOME", "/h")],
            &plain,
            "/h/.local/state/syncd",
        ),
        (
            vec![("XDG_STATE_HOME", ""), ("HOME", "/h")],
            &plain,
            "/h/.local/state/syncd",
        ),
    ];
    for (variables, path, expected) in table {
        let environment = Environment::new(variables);
        let config = Config::load(&environment, Some(path)).unwrap();
        assert_eq!(config.state_dir.to_str(), Some(expected));
    }
    let error = Config::load(&Environment::default(), Some(&plain)).unwrap_err();
    assert!(
        error.to_string().contains("no place for the state"),
        "{error}"
    );
}

/// Messages for a folder `root/www` where the rest of the layout is given.
fn layout(house: &House, folder: &str, extra: &str) -> String {
    let path = house.path(folder).display().to_string();
    let directory = house.directory.path().display().to_string();
    let text = GOOD.replace("/nowhere/www", &path);
    house.messages(&format!("{}{text}", extra.replace("DIR", &directory)))
}

#[test]
fn own_files_inside_of_a_folder_are_refused() {
    let state = "state_dir = \"DIR/STATE\"\n";
    let mut house = House::new();
    house
        .environment
        .retain(|(name, _)| name != "SYNCD_STATE_DIR");
    let variables = house.environment.clone();
    let house = || House {
        environment: variables.clone(),
        ..House::new()
    };
    let inside = layout(&house(), "www", &state.replace("STATE", "www/.state"));
    assert_eq!(
        inside,
        "syncd.toml:1:13: the state directory www/.state is inside of the folder www; keep them \
         apart"
    );
    let same = layout(&house(), "www", &state.replace("STATE", "www"));
    assert!(same.contains("is the same as the folder"), "{same}");
    let around = layout(&house(), "a/www", &state.replace("STATE", "a"));
    assert!(
        around.contains("the state directory a contains the folder a/www"),
        "{around}"
    );
    let beside = layout(&house(), "www", &state.replace("STATE", "www-state"));
    assert_eq!(beside, "ok");
}

#[test]
fn links_are_resolved_before_places_are_compared() {
    let house = House::new();
    std::fs::create_dir(house.path("real")).unwrap();
    symlink(house.path("real"), house.path("link")).unwrap();
    let runtime = house.path("link/run").to_str().unwrap().to_owned();
    let house = house.with("RUNTIME_DIRECTORY", &runtime);
    let messages = layout(&house, "real", "");
    assert!(
        messages.contains("the runtime directory link/run is inside of the folder real"),
        "{messages}"
    );
}

#[test]
fn the_configuration_and_the_secrets_inside_of_a_folder_are_refused() {
    let house = House::new();
    let root = house.path("www").display().to_string();
    let text = GOOD.replace("/nowhere/www", &root);
    let path = house.write("www/syncd.toml", &text, 0o644);
    let error = Config::load(&house.environment(), Some(&path)).unwrap_err();
    assert!(house.plain(&error).contains(
        "the configuration file www/syncd.toml is inside of this folder and would be published"
    ));
    let secret = house.write("www/secret", "canary", 0o600);
    let secret_text = text.replace("env = \"SHOP_SECRET\"", &format!("file = {secret:?}"));
    let messages = house.messages(&secret_text);
    assert!(
        messages.contains("a secret's file www/secret is inside of this folder"),
        "{messages}"
    );
    let token = format!("token = {{ file = \"{root}/token\" }}");
    let app = "token = { app = { appid = \"wx0\", secret = { env = \"SHOP_SECRET\" } } }";
    let messages = house.messages(&text.replace(app, &token));
    assert!(
        messages.contains("a token's file www/token is inside of this folder"),
        "{messages}"
    );
}

#[test]
fn a_link_in_a_folder_to_the_configuration_is_refused() {
    let house = House::new();
    std::fs::create_dir(house.path("www")).unwrap();
    let root = house.path("www").display().to_string();
    let text = GOOD.replace("/nowhere/www", &root);
    let real = house.write("real.toml", &text, 0o644);
    let link = house.path("www/syncd.toml");
    symlink(&real, &link).unwrap();
    let error = Config::load(&house.environment(), Some(&link)).unwrap_err();
    assert!(
        error.to_string().contains("is inside of this folder"),
        "{error}"
    );
}
