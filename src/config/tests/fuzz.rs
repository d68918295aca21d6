//! No text makes the configuration panic, and no message shows a secret.

use proptest::prelude::*;

use super::{GOOD, House};
use crate::config::sample;

/// What is put into a sample: pieces of TOML, and things that should not be there.
const PIECES: [&str; 24] = [
    "= ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\n",
    "#",
    ".",
    "[[folder]]\n",
    "[accounts]\n",
    "1979-05-27",
    "-1",
    "99999999999999999999",
    "1e400",
    "true",
    "\u{0}",
    "\u{feff}",
    "é",
    "\"\\u0000\"",
    "[1, {a = 2}]",
    "name = 1\n",
    "FILL-IN",
];

fn uncommented() -> String {
    super::manual::uncommented(sample::full())
}

/// Where, how many characters go, and which piece comes.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, usize)> {
    (any::<prop::sample::Index>(), 0..4_usize, 0..PIECES.len())
}

#[test]
fn no_slip_of_one_character_shows_a_secret() {
    let text = GOOD.replace("{ env = \"SHOP_SECRET\" }", "\"canary-in-the-file\"");
    let house = House::new();
    let path = house.write("closed.toml", &text, 0o600);
    let environment = house.environment();
    for at in 0..text.len() {
        for piece in ["", "\"", "\n", "=", "\\"] {
            let mut slip = text.clone();
            slip.replace_range(at..=at, piece);
            super::write_file(&path, slip.as_bytes());
            if let Err(error) = crate::config::Config::load(&environment, Some(&path)) {
                assert!(!error.to_string().contains("canary"), "{slip}\n{error}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_sample_never_panics(
        which in 0..3_usize,
        edits in proptest::collection::vec(edit(), 1..6),
    ) {
        let text = [GOOD.to_owned(), sample::full().to_owned(), uncommented()][which].clone();
        let mut characters: Vec<char> = text.chars().collect();
        for (at, cut, piece) in edits {
            let at = at.index(characters.len() + 1);
            let end = (at + cut).min(characters.len());
            characters.splice(at..end, PIECES[piece].chars());
        }
        let text: String = characters.into_iter().collect();
        let house = House::new();
        if let Err(error) = house.load(&text) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn any_text_never_panics(text in ".{0,200}") {
        let _ = House::new().load(&text);
    }

    #[test]
    fn any_value_at_any_key_never_panics(
        at in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![
            "1", "-9223372036854775808", "nan", "1979-05-27T07:32:00Z", "[]", "{}", "[[]]",
            "[{}]", "{ a = {} }", "''", "\"\\u0000\"", "'é'", "'/'", "'//'", "'['",
            "'99999999999h'", "'1e99 GiB'", "'http://'", "'https://[::'", "'*.'", "'unix:'",
            "['[']", "true",
        ]),
    ) {
        let keys: Vec<_> = crate::config::keys::all().collect();
        let key = at.get(&keys);
        let text = uncommented();
        // The last line that sets the key gets the other value.
        let start = format!("{} = ", key.name);
        let mutated: Vec<String> = text
            .lines()
            .map(|line| match line.strip_prefix(&start) {
                Some(_) => format!("{start}{value}"),
                None => line.to_owned(),
            })
            .collect();
        let _ = House::new().load(&mutated.join("\n"));
    }
}
