//! The configuration: any text is read, or refused with at least one reason, none of which shows a secret.

use syncd::config::{Config, Environment};

/// What is put into a configuration.
#[allow(dead_code, reason = "libFuzzer finds its words itself")]
pub(crate) const WORDS: &[&[u8]] = &[
    b"[[folder]]\n",
    b"[[inbox]]\n",
    b"[accounts.a]\n",
    b"[http]\n",
    b"[alerts]\n",
    b"name = ",
    b"= ",
    b"\"",
    b"'",
    b"\n",
    b"[",
    b"]",
    b"{",
    b"}",
    b"true",
    b"-1",
    b"1e400",
    b"1979-05-27",
    b"99999999999999999999",
    b"\"https://[::\"",
    b"\"99999999999h\"",
    b"\"*.\"",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
];

/// The secret, which stands in no seed.
const CANARY: &str = "canary-of-the-environment";

/// Checks the property.
pub(crate) fn holds(input: &[u8]) {
    if input
        .windows(CANARY.len())
        .any(|part| part == CANARY.as_bytes())
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("syncd.toml");
    std::fs::write(&file, input).unwrap();
    let home = folder.path().to_string_lossy().into_owned();
    let environment = Environment::new([("HOME", &*home), ("SYNCD_FUZZ_SECRET", CANARY)]);
    for loaded in [
        Config::load_without_secrets(&environment, Some(&file)),
        Config::load(&environment, Some(&file)),
    ] {
        match loaded {
            Ok(config) => assert!(!format!("{config:?}").contains(CANARY)),
            Err(error) => {
                assert!(!error.problems.is_empty());
                assert!(!error.to_string().contains(CANARY), "{error}");
            }
        }
    }
}
