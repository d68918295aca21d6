//! The table of remedies against a second list, typed from the protocol notes apart from it.

use syncd::decide::remedy::{
    Blame, Codes, Remedy, Rule, Tries, WaitFor, advice_for, classify, errors_page, explain, rules,
};
use syncd::model::fault::{Call, Fault, Layer};

#[path = "remedies/desk.rs"]
mod desk;

use Action::{
    Dead, Doubling, NextDay, NextMinute, OutOfHours, Pause, PauseTen, Refresh, Relink,
    RelinkThenDead, RelinkThenPause, Replan, Retry, RetryFile, RetryThenPause, Wait,
};

/// What the notes ask for, in their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// At the account's expense.
    Retry,
    /// At the file's expense, so often (0: as the configuration says).
    RetryFile(u32),
    RetryThenPause,
    Refresh,
    Relink,
    RelinkThenDead,
    RelinkThenPause,
    NextMinute,
    NextDay,
    Wait(u64),
    Doubling,
    OutOfHours,
    Pause,
    PauseTen,
    Replan,
    Dead,
}

fn action(rule: &Rule) -> Action {
    match (rule.remedy, rule.tries, rule.then, rule.blames) {
        (Remedy::Retry, Tries::AsLongAsItTakes, _, Blame::Account) => Retry,
        (Remedy::Retry, Tries::Attempts, Remedy::Dead, Blame::File) => RetryFile(0),
        (Remedy::Retry, Tries::Times(n), Remedy::Dead, Blame::File) => RetryFile(n),
        (Remedy::Retry, Tries::Times(_), Remedy::PauseAccount, Blame::Account) => RetryThenPause,
        (Remedy::RefreshToken, Tries::Times(_), Remedy::PauseAccount, Blame::Account) => Refresh,
        (Remedy::FreshLink, Tries::Times(3), Remedy::Retry, Blame::Account) => Relink,
        (Remedy::FreshLink, Tries::Times(1), Remedy::Dead, Blame::File) => RelinkThenDead,
        (Remedy::FreshLink, Tries::Times(1), Remedy::PauseAccount, Blame::Account) => {
            RelinkThenPause
        }
        (Remedy::Wait(WaitFor::NextMinute), _, _, Blame::Account) => NextMinute,
        (Remedy::Wait(WaitFor::UntilNextDay { .. }), _, _, Blame::Account) => NextDay,
        (Remedy::Wait(WaitFor::Span(span)), _, _, Blame::Account) => Wait(span.as_secs()),
        (Remedy::Wait(WaitFor::Doubling { first, max }), _, _, Blame::Account) => {
            match (first.as_secs(), max.as_secs()) {
                (300, 3600) => Doubling,
                (600, 1800) => OutOfHours,
                other => panic!("the notes know no such wait: {other:?}"),
            }
        }
        (Remedy::PauseAccount, _, _, Blame::Account) => match rule.probe_after {
            None => Pause,
            Some(span) => {
                assert_eq!(span.as_secs(), 600);
                PauseTen
            }
        },
        (Remedy::Replan, ..) => Replan,
        (Remedy::Dead, _, _, Blame::File) => Dead,
        other => panic!("the notes know no such action: {other:?}"),
    }
}

fn check(call: Call, layer: Layer, wanted: Action, codes: &str) {
    for code in codes.split_whitespace() {
        let rule = classify(&Fault::new(call, layer, code, ""));
        assert_eq!(action(rule), wanted, "{code} in {call:?}");
        assert!(rule.codes != Codes::Any, "{code} has no row");
    }
}

#[test]
fn codes_of_token_calls_have_the_action_of_the_notes() {
    let check = |action, codes| check(Call::Token, Layer::Errcode, action, codes);
    check(Retry, "-1");
    check(
        Pause,
        "40001 40002 40013 40125 40164 40243 41002 41004 41018",
    );
    check(Pause, "43002 43003 50004 61004 45035 61011 61023 61024");
    check(PauseTen, "61005 61006 89501 89502 89503 89504 89505");
    check(NextDay, "45009");
    check(Wait(60), "45011");
    check(Wait(3600), "89507");
    check(Wait(86_400), "89506");
}

#[test]
fn platform_codes_have_the_action_of_the_notes() {
    for call in [Call::Link, Call::Api] {
        let check = |action, codes| check(call, Layer::Errcode, action, codes);
        check(Retry, "-1");
        check(RetryThenPause, "-1000");
        check(Refresh, "40001 40014 42001 41001");
        check(Dead, "40033 47001 44002 40097 40101");
        check(
            Pause,
            "40066 43002 43003 40013 40125 40243 41002 41004 40164 61004 45035",
        );
        check(PauseTen, "89501 89502 89503 89504 89505 61005 61006");
        check(Wait(3600), "89507");
        check(Wait(86_400), "89506");
        check(
            Pause,
            "42007 48001 61007 61003 61014 61015 48004 50001 50002 50004",
        );
        check(Pause, "61011 61023 61024 85088");
        check(NextDay, "45009");
        check(NextMinute, "45011");
        check(RetryFile(1), "40003 49999 46001");
        check(Pause, "2 100 39999 50000 65535 9999999");
        check(Retry, "not-json no-errcode empty-link");
    }
}

#[test]
fn cloudbase_codes_have_the_action_of_the_notes() {
    let check = |action, codes| check(Call::Link, Layer::Errcode, action, codes);
    check(
        Retry,
        "-501001 -501002 -503001 -601001 -601003 -601008 -604102 -604103 -501004",
    );
    check(Doubling, "-501003");
    check(NextDay, "-501015 -501016");
    check(Pause, "-501017 -501005 -601012 -601013 -601027");
    check(RetryThenPause, "-501018 -604101");
    check(Pause, "-501019 -601004 -601010 -601011 -601018 -604104");
    check(RetryFile(3), "-501000 -501023 -502001 -502015 -2 -999999");
    check(Dead, "-501007 -501020 -501021 -601002 -403001 -503002");
    check(RelinkThenDead, "-501009 -503003");
    for message in ["[100003] env not exists", "Environment not found"] {
        let fault = Fault::new(Call::Link, Layer::Errcode, "-501000", message);
        assert_eq!(action(classify(&fault)), Pause);
    }
}

#[test]
fn codes_of_the_object_store_have_the_action_of_the_notes() {
    for call in [Call::Put, Call::Post] {
        object_store_codes(call);
    }
    let form = |action, codes| check(Call::Post, Layer::Cos, action, codes);
    form(Dead, "MalformedPOSTRequest RequestIsNotMultiPartContent");
    form(
        Dead,
        "IncorrectNumberOfFilesInPostRequest UserKeyMustBeSpecified",
    );
    form(
        Dead,
        "MaxPostPreDataLengthExceededError InvalidPolicyDocument",
    );
}

fn object_store_codes(call: Call) {
    let check = |action, codes| check(call, Layer::Cos, action, codes);
    check(
        RetryFile(2),
        "BadDigest InvalidDigest InvalidSHA1Digest checksum",
    );
    check(
        RetryFile(0),
        "EntitySizeNotMatch IncompleteBody ImcompleteBody",
    );
    check(RetryFile(0), "MissingRequestBodyError UploadConflict");
    check(
        Retry,
        "RequestTimeout RequestTimeOut UserNetworkTooSlow InternalError",
    );
    check(Retry, "SlowDown ServiceUnavailable");
    check(Relink, "ExpiredToken expiredtoken RequestTimeTooSkewed");
    check(
        Dead,
        "EntityTooLarge KeyTooLong InvalidURI InvalidObjectName",
    );
    check(Dead, "MetadataTooLarge MatadataTooLarge");
    check(
        RelinkThenDead,
        "InvalidArgument InvalidRequest BadRequest BadRquest",
    );
    check(RelinkThenDead, "SignatureDoesNotMatch");
    check(
        RelinkThenPause,
        "AccessDenied AccessForbidden InvalidAccessKeyId",
    );
    check(
        RelinkThenPause,
        "InvaildAccessKeyId InvalidSecurity AccountProblem",
    );
    check(
        Pause,
        "PaymentRequired NoSuchBucket MethodNotAllowed NotImplemented",
    );
    check(Pause, "BucketLocked InvalidBucketState QuotaConflict");
    check(Pause, "UnavailableForLegalReasons DomainAuditFailed");
    check(
        Dead,
        "PathConflict ObjectLocked InvalidObjectState ObjectNotAppendable",
    );
    check(Dead, "MissingContentLength PreconditionFailed InvalidRange");
    for (code, message) in [
        ("AccessDenied", "Request has expired"),
        ("accessdenied", "REQUEST HAS EXPIRED."),
        ("Request has expired", ""),
    ] {
        let fault = Fault::new(call, Layer::Cos, code, message).with_status(403);
        assert_eq!(action(classify(&fault)), Relink, "{code}");
    }
}

#[test]
fn statuses_have_the_action_of_the_notes() {
    for call in [Call::Put, Call::Post] {
        let sent = |action, codes| check(call, Layer::Http, action, codes);
        sent(Retry, "301 302 303 307 308 408 429 500 502 503 504 599");
        sent(RelinkThenDead, "400 404 418 499");
        sent(RelinkThenPause, "401 403");
        sent(Pause, "402 405 451 501");
        sent(RetryFile(0), "409");
        sent(Dead, "411 412 413 416");
    }
    for call in [Call::Token, Call::Link, Call::Api] {
        let codes = "301 400 401 403 404 429 500 502 503 504";
        check(call, Layer::Http, Retry, codes);
    }
}

#[test]
fn connections_and_this_machine_have_the_action_of_the_notes() {
    let kinds = "dns connect tls timeout reset cut too-large stalled redirect address-refused \
                 refused encoded";
    for call in [Call::Token, Call::Link, Call::Put, Call::Post, Call::Api] {
        check(call, Layer::Transport, Retry, kinds);
        check(call, Layer::Transport, Pause, "no-roots");
    }
    check(Call::Source, Layer::Local, Replan, "changed gone");
    check(Call::Source, Layer::Local, RetryFile(0), "unreadable io");
    for call in [Call::Put, Call::Post] {
        check(call, Layer::Local, Relink, "link-expired");
        check(call, Layer::Local, Retry, "uplink-shared");
        check(call, Layer::Local, RetryFile(2), "cannot-fit");
    }
    check(Call::Link, Layer::Local, Pause, "host-refused");
    check(Call::Link, Layer::Local, RelinkThenDead, "bad-link");
    check(Call::Token, Layer::Local, Retry, "token-command");
    check(Call::Token, Layer::Local, Pause, "token-refused token-same");
}

#[test]
fn an_unknown_code_of_the_object_store_is_judged_by_its_status() {
    for call in [Call::Put, Call::Post] {
        let unknown = |status: u16| {
            let fault = Fault::new(call, Layer::Cos, "Novel", "").with_status(status);
            action(classify(&fault))
        };
        assert_eq!(unknown(503), Retry);
        assert_eq!(unknown(400), RelinkThenDead);
        assert_eq!(unknown(401), RelinkThenPause);
        assert_eq!(unknown(451), Pause);
        let fault = Fault::new(call, Layer::Cos, "Novel", "");
        assert_eq!(action(classify(&fault)), RelinkThenDead);
    }
}

#[test]
fn throttling_and_nothing_else_lowers_the_number_of_transfers() {
    let lowering: Vec<String> = rules()
        .filter(|rule| rule.slow_down)
        .map(|rule| format!("{:?}", rule.codes))
        .collect();
    assert_eq!(
        lowering,
        [
            r#"Exact(["429"])"#,
            r#"Exact(["503"])"#,
            r#"Exact(["-501004"])"#,
            r#"Exact(["UserNetworkTooSlow"])"#,
            r#"Exact(["SlowDown", "ServiceUnavailable"])"#,
            r#"Exact(["429"])"#,
            r#"Exact(["503"])"#,
            r#"Exact(["429"])"#,
            r#"Exact(["503"])"#,
            r#"Exact(["uplink-shared"])"#,
            r#"Exact(["cannot-fit"])"#,
        ]
    );
}

/// Faults that this very rule should be chosen for.
fn faults_of(rule: &Rule) -> Vec<Fault> {
    let every = [
        Call::Token,
        Call::Link,
        Call::Put,
        Call::Post,
        Call::Api,
        Call::Source,
        Call::Poll,
        Call::Connect,
        Call::Send,
    ];
    let calls = if rule.calls.is_empty() {
        &every
    } else {
        rule.calls
    };
    let codes: Vec<String> = match rule.codes {
        Codes::Exact(codes) => codes.iter().map(|&code| code.to_owned()).collect(),
        Codes::Between(from, to) => (0..200)
            .flat_map(|n| [from.saturating_add(n), to.saturating_sub(n)])
            .map(|n| n.to_string())
            .collect(),
        Codes::Any => vec!["no such word".to_owned()],
    };
    let message = rule.message.unwrap_or_default();
    codes
        .iter()
        .flat_map(|code| {
            calls
                .iter()
                .map(move |&call| Fault::new(call, rule.layer, code.clone(), message))
        })
        .collect()
}

#[test]
fn no_rule_is_shadowed_and_no_code_of_a_rule_is_dead_weight() {
    for rule in rules() {
        let faults = faults_of(rule);
        let reached = |fault: &&Fault| std::ptr::eq(classify(fault), rule);
        assert!(faults.iter().any(|fault| reached(&fault)), "{rule:?}");
        if let Codes::Exact(codes) = rule.codes {
            for code in codes {
                let by_code = faults
                    .iter()
                    .find(|fault| fault.code == *code && reached(fault));
                assert!(by_code.is_some(), "{code} of {rule:?}");
            }
        }
    }
}

#[test]
fn every_rule_says_what_it_means_and_what_to_do() {
    for rule in rules() {
        for text in [rule.meaning, rule.advice] {
            assert!(text.ends_with('.') && text.len() > 10, "{rule:?}");
            assert!(
                text.starts_with(|c: char| c.is_ascii_uppercase()),
                "{rule:?}"
            );
            assert!(!text.contains("  ") && !text.contains('|'), "{rule:?}");
        }
        let sections = rule.source.strip_prefix("desk ").unwrap_or(rule.source);
        assert!(
            sections.starts_with(|c: char| c.is_ascii_digit()),
            "{rule:?}"
        );
        assert!(rule.syncd_does().ends_with('.'), "{rule:?}");
    }
}

#[test]
fn trouble_of_the_token_never_costs_a_file_anything() {
    for layer in [Layer::Errcode, Layer::Http, Layer::Transport, Layer::Local] {
        let words = ["dns", "timeout", "novel", "token-url"].map(str::to_owned);
        for code in (-2..=65_535).map(|n: i64| n.to_string()).chain(words) {
            let rule = classify(&Fault::new(Call::Token, layer, code.clone(), ""));
            assert_eq!(rule.blames, Blame::Account, "{layer:?} {code}");
        }
    }
}

#[test]
fn advice_names_the_address_that_was_refused() {
    for (message, address) in [
        (
            "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
            "203.0.113.7.",
        ),
        ("invalid ip 2001:db8::1, not in whitelist", "2001:db8::1."),
    ] {
        let fault = Fault::new(Call::Token, Layer::Errcode, "40164", message);
        let advice = advice_for(classify(&fault), &fault);
        assert!(advice.ends_with(address), "{advice}");
    }
    let fault = Fault::new(Call::Token, Layer::Errcode, "40164", "rid: 1a2b-3c4d");
    assert!(!advice_for(classify(&fault), &fault).contains("seen"));
}

#[test]
fn rights_and_kinds_of_token_are_told_in_words() {
    for code in ["48001", "61007"] {
        let advice = classify(&Fault::new(Call::Link, Layer::Errcode, code, "")).advice;
        assert!(
            advice.contains("permission set 49 (and 64)"),
            "{code}: {advice}"
        );
    }
    for code in ["40001", "40014", "42001", "48001", "61014", "61015"] {
        let advice = classify(&Fault::new(Call::Link, Layer::Errcode, code, "")).advice;
        assert!(
            advice.contains("accepts only a component_access_token"),
            "{code}: {advice}"
        );
    }
}

#[test]
fn explain_tells_every_meaning_of_a_code_whatever_its_case() {
    let codes = |code: &str| -> Vec<(String, bool)> {
        explain(code)
            .unwrap()
            .into_iter()
            .map(|one| (one.code, one.known))
            .collect()
    };
    assert_eq!(explain("40001").unwrap().len(), 2);
    assert_eq!(explain("accessdenied").unwrap().len(), 2);
    assert_eq!(codes("slowdown"), [("SlowDown".to_owned(), true)]);
    assert_eq!(explain("503").unwrap().len(), 3);
    assert_eq!(codes("DNS"), [("dns".to_owned(), true)]);
    assert_eq!(explain("no-such-word"), None);
    assert_eq!(explain(""), None);
}

#[test]
fn explain_says_that_a_catch_all_covers_an_unknown_number() {
    for code in ["47999", "-777", "123456", "418"] {
        let all = explain(code).unwrap();
        assert!(
            all.iter().all(|one| !one.known && one.code == code),
            "{code}: {all:?}"
        );
        assert!(all[0].to_string().contains("not in syncd's table"));
    }
    let meaning = |code: &str| explain(code).unwrap()[0].meaning;
    assert!(
        meaning("47999").contains("the request was at fault"),
        "{:?}",
        explain("47999")
    );
    assert!(meaning("123456").contains("the account is at fault"));
    assert!(
        meaning("-777").contains("CloudBase"),
        "{:?}",
        explain("-777")
    );
}

#[test]
fn explain_reads_as_a_card() {
    let card = explain("-501017").unwrap()[0].to_string();
    let lines: Vec<&str> = card.lines().collect();
    assert_eq!(
        lines,
        [
            "-501017 (errcode of the WeChat API)",
            "  means       The environment's storage is full.",
            "  syncd does  Pauses the account, keeps its queue, and probes it every 15 to 30 \
             minutes.",
            "  you do      Delete what is not needed or take a larger plan, then `syncd resume`.",
            "  source      protocol notes 6.2",
        ]
    );
}

#[test]
fn the_page_of_errors_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    if bless() {
        assert!(
            store(path, &errors_page()).is_ok(),
            "{path} cannot be written"
        );
    }
    let page = stored(path);
    assert!(
        page == errors_page(),
        "docs/errors.md is not that of the table; if the change is meant: \
         SYNCD_BLESS=1 cargo test --test remedies"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a golden file is written on request only"
)]
fn bless() -> bool {
    std::env::var("SYNCD_BLESS").is_ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "golden files are plain files of the repository"
)]
fn store(path: &str, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

fn stored(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
