use super::*;
use proptest::prelude::*;

const AT: Timestamp = Timestamp(1_795_251_600_999);

fn fields<'a>(code: Option<&'a str>, file_type: &'a str) -> Fields<'a> {
    Fields {
        at: AT,
        code,
        digest: Sha256::of(b"a message"),
        file_type,
    }
}

fn name(template: &str, code: Option<&str>, file_type: &str) -> String {
    let template = Template::parse(template).unwrap();
    place(&template, &fields(code, file_type))
        .unwrap()
        .to_string()
}

const DEFAULT: &str = "{date}/{time}_{message}.{ext}";

#[test]
fn names_are_made_of_day_time_code_and_type() {
    assert_eq!(
        name(DEFAULT, Some("00000000-0000-4000-8000-000000000002"), "PNG"),
        "2026-11-21/090000_00000000-0000-4000-8000-000000000002.png"
    );
    let digest: String = Sha256::of(b"a message").to_string();
    let (first, _) = digest.split_at(16);
    assert_eq!(
        name(DEFAULT, None, ""),
        format!("2026-11-21/090000_{first}.bin")
    );
    assert_eq!(name("{message}", Some(""), "x"), first);
}

#[test]
fn nothing_remote_makes_a_directory_or_leaves_the_inbox() {
    assert_eq!(
        name("{message}", Some("../../etc/passwd"), ""),
        "_.._etc_passwd"
    );
    assert_eq!(
        name("{message}/{ext}", Some(".."), "../x"),
        format!("file-{}/x", short(Sha256::of(b"a message")))
    );
    assert_eq!(
        name("in/{message}.{ext}", Some("a/b\\c\0d\u{202e}e"), "p/../n g"),
        "in/a_b_c_d_e.png"
    );
    assert_eq!(
        name("{message}.{ext}", Some(".syncd-tmp"), "x"),
        "syncd-tmp.x"
    );
}

#[test]
fn a_taken_name_gets_a_number_before_its_ending() {
    let nth = |path: &str, n| {
        let path = RelPath::from_bytes(path.as_bytes()).unwrap();
        numbered(&path, n).unwrap().to_string()
    };
    assert_eq!(nth("a/b.png", 1), "a/b.png");
    assert_eq!(nth("a/b.png", 2), "a/b-2.png");
    assert_eq!(nth("b", 13), "b-13");
    assert_eq!(nth("a.tar.gz", 2), "a.tar-2.gz");
    let long = format!("{}.png", "é".repeat(98));
    assert_eq!(long.len(), 200);
    assert_eq!(nth(&long, 100).len(), 200);
    assert!(nth(&long, 100).ends_with("é-100.png"));
}

#[test]
fn a_sidecar_stands_beside_its_file() {
    let path = RelPath::from_bytes(b"a/b.png".as_slice()).unwrap();
    assert_eq!(sidecar(&path).unwrap().to_string(), "a/b.png.json");
}

const CORES: &[&str] = &[
    "",
    ".",
    "..",
    "...",
    "/",
    "\\",
    "a",
    "-rf",
    "--help",
    "~",
    "CON",
    "con.txt",
    "NUL.",
    "aux .x",
    "COM1",
    "lpt9.tar.gz",
    "COM¹",
    "com0 ",
    "CONIN$",
    ".ssh",
    ".bashrc",
    ".syncd-tmp",
    "Icon\r",
    "a\0b",
    "a\nb",
    "a\u{1b}[31mb",
    "\u{202e}gpj.exe",
    "\u{200b}",
    "\u{feff}x",
    "e\u{301}",
    "\u{1100}\u{1161}",
    "\u{301}",
    "\u{340}",
    "\u{37e}",
    "\u{2126}",
    "\u{fb01}",
    "\u{ad}",
    "desktop.ini",
    "$(reboot)",
    "`id`",
    "a;b",
    "a|b",
    "*",
    "?",
    "\"",
    "'",
    "<>",
    "%2e%2e%2f",
    "..%c0%af",
    "C:",
    "C:\\x",
    "\\\\host\\share",
    "file:stream",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
];

/// Every way a name was ever used against somebody, as far as we know.
fn hostile() -> Vec<String> {
    let long = "x".repeat(300);
    let wide = "語".repeat(120);
    let shapes: [&dyn Fn(&str) -> String; 9] = [
        &|core| core.to_owned(),
        &|core| format!("../{core}"),
        &|core| format!("{core}/.."),
        &|core| format!("{core}. . "),
        &|core| format!(" .-{core}"),
        &|core| format!("{core}{long}.{core}"),
        &|core| format!("{wide}{core}.png"),
        &|core| format!("{core}{} y", " ".repeat(250)),
        &|core| format!("{core}.{long}"),
    ];
    let all = CORES
        .iter()
        .flat_map(|core| shapes.iter().map(move |shape| shape(core)));
    all.collect()
}

fn check(text: &str) {
    let name = sanitised(text, "1234");
    let shown = format!("{text:?} -> {name:?}");
    assert!(
        !name.is_empty() && name.len() <= COMPONENT_BYTES_MAX,
        "{shown}"
    );
    assert!(!name.contains(['/', '\\', '\0']), "{shown}");
    assert!(
        !name.chars().any(|c| c.is_control() || is_hidden(c)),
        "{shown}"
    );
    assert!(
        !name.starts_with(['.', '-', ' ']) && !name.ends_with(['.', ' ']),
        "{shown}"
    );
    assert!(!is_device(&name), "{shown}");
    assert!(unicode_normalization::is_nfc(&name), "{shown}");
    assert_eq!(sanitised(&name, "1234"), name, "{shown}");
    assert!(RelPath::child(None, name.as_bytes()).is_ok(), "{shown}");
}

#[test]
fn five_hundred_hostile_names_become_harmless() {
    let names = hostile();
    assert!(names.len() >= 500, "{}", names.len());
    for name in &names {
        check(name);
    }
}

#[test]
fn a_long_name_keeps_its_ending() {
    let name = sanitised(&format!("{}.pdf", "語".repeat(100)), "1");
    assert!(name.ends_with("語.pdf") && name.len() > 190, "{name}");
    assert_eq!(
        sanitised("re\u{301}sume\u{301}.pdf", "1"),
        "r\u{e9}sum\u{e9}.pdf"
    );
    assert_eq!(sanitised("con.txt", "1"), "_on.txt");
    assert_eq!(sanitised("\u{200b}./..", "77"), "file-77");
}

proptest! {
    #[test]
    fn any_text_becomes_one_component(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_fields_give_a_path_of_the_template_and_its_numbers_differ(
        code in proptest::option::of(any::<String>()),
        file_type in any::<String>(),
        at in any::<i64>(),
        n in 2_u64..1_000_000,
    ) {
        let template = Template::parse("in/{date}-{time}/{message}.{ext}").unwrap();
        let fields = Fields { at: Timestamp(at), ..fields(code.as_deref(), &file_type) };
        let path = place(&template, &fields).unwrap();
        prop_assert_eq!(path.as_bytes().split(|byte| *byte == b'/').count(), 3);
        prop_assert!(path.file_name().len() <= COMPONENT_BYTES_MAX);
        let second = numbered(&path, n).unwrap();
        prop_assert!(second != path && second.file_name().len() <= COMPONENT_BYTES_MAX);
        prop_assert_eq!(second.parent(), path.parent());
        prop_assert!(numbered(&path, n + 1).unwrap() != second);
        prop_assert!(sidecar(&second).unwrap().file_name().len() <= 255);
    }
}
