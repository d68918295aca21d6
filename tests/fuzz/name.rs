//! Names of received files: whatever comes from outside makes one path below the inbox, of parts that any
//! file system takes and that hide nothing.

use syncd::decide::place::{COMPONENT_BYTES_MAX, Fields, numbered, place, sanitised, sidecar};
use syncd::model::digest::Sha256;
use syncd::model::path::{RelPath, escaped};
use syncd::model::template::Template;
use syncd::model::time::Timestamp;
use unicode_normalization::is_nfc;

/// What is put into a name.
#[allow(dead_code, reason = "libFuzzer finds its words itself")]
pub(crate) const WORDS: &[&[u8]] = &[
    b"../",
    b"..",
    b".",
    b"/",
    b"\\",
    b"\0",
    b" ",
    b"-",
    b"CON",
    b"com1",
    b"LPT\xc2\xb9",
    b".tar.gz",
    b"{date}",
    b"{message}",
    b"{ext}",
    b"e\xcc\x81",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xd8\x9c",
    b"\xef\xbb\xbf",
    b"\xf3\xa0\x81\x81",
    b"\xe3\x85\xa4",
    b"\xe3\x80\x80",
    b"\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e",
    b"\x1b[31m",
    b"\xff",
];

/// Checks the property: the text is a name, a message's code, a file's type and a template.
pub(crate) fn holds(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    harmless(&sanitised(&text, "1234"));
    assert!(!escaped(input).chars().any(is_invisible), "{text:?}");
    let fallback = "{date}-{time}/{message}/{message}.{ext}";
    for template in [&text, fallback] {
        let Ok(template) = Template::parse(template) else {
            continue;
        };
        for (code, file_type) in [(Some(&*text), "png"), (None, &*text), (Some(&text), &text)] {
            placed(&template, code, file_type, input);
        }
    }
}

fn placed(template: &Template, code: Option<&str>, file_type: &str, input: &[u8]) {
    let mut at = [0; 8];
    let known = input.len().min(at.len());
    at[..known].copy_from_slice(&input[..known]);
    let fields = Fields {
        at: Timestamp(i64::from_le_bytes(at)),
        code,
        digest: Sha256::of(input),
        file_type,
    };
    let path = place(template, &fields).unwrap();
    assert_eq!(place(template, &fields).unwrap(), path);
    let components = path.as_bytes().split(|byte| *byte == b'/');
    assert_eq!(components.clone().count(), template.components().len());
    for component in components {
        harmless(str::from_utf8(component).unwrap());
    }
    let names = [2, 3, 10, u64::MAX].map(|n| numbered(&path, n).unwrap());
    for (index, name) in names.iter().enumerate() {
        assert!(*name != path && !names[..index].contains(name), "{name}");
        assert_eq!(name.parent(), path.parent());
        harmless(str::from_utf8(name.file_name()).unwrap());
        assert!(sidecar(name).unwrap().file_name().len() <= 255);
    }
}

/// What holds of each part of a name.
fn harmless(name: &str) {
    assert!(!name.is_empty() && name.len() <= COMPONENT_BYTES_MAX);
    assert!(!name.contains(['/', '\\']), "{name:?}");
    assert!(!name.chars().any(is_invisible), "{name:?}");
    assert!(!name.starts_with(['.', '-']), "{name:?}");
    assert!(!name.ends_with('.'), "{name:?}");
    assert_eq!(name.trim(), name, "{name:?}");
    assert!(!is_device(name), "{name:?}");
    assert!(is_nfc(name), "{name:?}");
    assert_eq!(sanitised(name, "1234"), name);
    assert!(RelPath::child(None, name.as_bytes()).is_ok());
}

/// Controls, and what Unicode calls directional controls, separators of lines, or of no width.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_lowercase();
    let port = |start: &str| {
        let mut number = stem.strip_prefix(start).unwrap_or_default().chars();
        let digit = number.next().filter(|_| number.next().is_none());
        digit.is_some_and(|digit| "0123456789\u{b9}\u{b2}\u{b3}".contains(digit))
    };
    let fixed = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    fixed.contains(&&*stem) || port("com") || port("lpt")
}
