use super::*;
use proptest::prelude::*;

const SIGNED: &str = "https://b-1.cos.ap-shanghai.myqcloud.com/img/logo.png?sign=q-sign-algorithm%3Dsha1\
    %26q-ak%3DAKIDFAKE%26q-sign-time%3D1700000000%3B1700000060%26q-signature%3D00ff";

fn seconds(link: &str) -> Option<u64> {
    let (_, query) = link.split_once('?')?;
    signed_window(query).map(|window| window.as_secs())
}

/// What a website's link is checked for, and what is said about it.
fn check_link(link: &str, key: &Key) -> Result<Option<String>, Fault> {
    let url = parse(link)?;
    check_leads_to(&url, key)?;
    Ok(difference(link, &url))
}

#[test]
fn the_window_is_read_from_every_form_of_link() {
    let plain =
        "https://h/k?q-ak=x&q-sign-time=1700000000;1700000900&q-key-time=1700000000;1700009999";
    assert_eq!(seconds(SIGNED), Some(60));
    assert_eq!(seconds(plain), Some(900));
    assert_eq!(
        seconds("https://h/k?q-sign-time=1700000000%3B1700000030"),
        Some(30)
    );
    assert_eq!(seconds("https://h/k?sign=q-sign-time%3D17%253B19"), Some(2));
    assert_eq!(
        seconds("https://h/k?q-sign-time=0;99999999999"),
        Some(WINDOW_SECONDS_MAX)
    );
}

#[test]
fn the_window_is_read_from_an_authorization_or_assumed_to_be_a_minute() {
    let authorization = "q-sign-algorithm=sha1&q-ak=x&q-sign-time=1700000000;1700000900&\
                         q-key-time=1700000000;1700000900&q-signature=00ff";
    assert_eq!(usable_window_of(authorization), Duration::from_secs(890));
    assert_eq!(usable_window_of("Bearer x"), Duration::from_secs(54));
}

#[test]
fn a_window_that_cannot_be_read_is_none() {
    for query in [
        "",
        "?sign=x",
        "?q-sign-time=1700000000%201700000060",
        "?q-sign-time=17000000001700000060",
        "?q-sign-time=1700000060;1700000000",
        "?q-sign-time=1700000060;1700000060",
        "?q-sign-time=a;b",
        "?q-sign-time=;",
        "?q-sign-time=-5;5",
        "?q-sign-time=1;99999999999999999999999",
        "?q-sign-time=%ff;5",
    ] {
        assert_eq!(seconds(&format!("https://h/k{query}")), None, "{query}");
    }
}

#[test]
fn the_margin_is_a_tenth_between_five_and_ten_seconds_and_at_most_a_quarter() {
    let usable = |window| usable_window(Duration::from_secs(window)).as_secs_f64();
    assert!((usable(60) - 54.0).abs() < 1e-9);
    assert!((usable(40) - 35.0).abs() < 1e-9);
    assert!((usable(900) - 890.0).abs() < 1e-9);
    assert!((usable(4) - 3.0).abs() < 1e-9);
    assert!((usable(1) - 0.75).abs() < 1e-9);
}

fn key(text: &str) -> Key {
    Key::from_stored(text.to_owned())
}

#[test]
fn a_link_must_lead_to_the_key() {
    for (link, name) in [
        (SIGNED, "img/logo.png"),
        ("https://h/a%20b%2Bc.txt?s", "a b+c.txt"),
        ("https://h/a+b.txt?s", "a+b.txt"),
        ("https://h/%E4%B8%AD%E6%96%87/%25.png?s", "中文/%.png"),
        ("https://h/中文/%25.png?s", "中文/%.png"),
        ("https://cos.region.myqcloud.com/bucket/a/b?s", "a/b"),
    ] {
        assert!(check_link(link, &key(name)).is_ok(), "{link}");
    }
    for (link, name) in [
        (SIGNED, "logo2.png"),
        (SIGNED, "mg/logo.png"),
        ("https://h/xa.txt?s", "a.txt"),
        ("https://h/a.txt/?s", "a.txt"),
        ("https://h/a?b.txt?s", "a?b.txt"),
        ("https://h/a#b.txt?s", "a#b.txt"),
        ("https://h/x?y=/a.txt", "a.txt"),
        ("/a.txt", "a.txt"),
        ("https:// h/a.txt", "a.txt"),
        ("not an address", "a.txt"),
        ("", "a.txt"),
    ] {
        let fault = check_link(link, &key(name)).unwrap_err();
        assert_eq!(
            (fault.layer, fault.code.as_str()),
            (Layer::Local, "bad-link"),
            "{link}"
        );
        assert!(!fault.message.contains("//"), "{}", fault.message);
    }
}

#[test]
fn what_the_url_type_changes_is_told_without_the_query() {
    assert_eq!(check_link(SIGNED, &key("img/logo.png")), Ok(None));
    let raw = check_link("https://h/中?q-signature=00ff", &key("中"))
        .unwrap()
        .unwrap();
    assert!(
        raw.contains("\"/中\"") && raw.contains("\"/%E4%B8%AD\""),
        "{raw}"
    );
    assert!(!raw.contains("00ff"), "{raw}");
    let query = check_link("https://h/a?q-signature=0 ff", &key("a"))
        .unwrap()
        .unwrap();
    assert!(
        query.contains("its host or its signature") && !query.contains("ff"),
        "{query}"
    );
    assert!(check_link("https://H/a?s", &key("a")).unwrap().is_some());
}

proptest! {
    #[test]
    fn no_link_makes_its_readers_panic(link in ".{0,80}", name in ".{1,20}") {
        let _ = signed_window(&link);
        let _ = check_link(&link, &key(&name));
    }

    #[test]
    fn every_window_is_found_again(start in 0_u64..2_000_000_000, span in 1_u64..86_400) {
        let link = format!("https://h/k?sign=a%26q-sign-time%3D{start}%3B{}%26b", start + span);
        prop_assert_eq!(seconds(&link), Some(span));
    }
}
