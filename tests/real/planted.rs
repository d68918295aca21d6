//! Planted faults: each one alone, on the real program, and `doctor` names it, says how to mend it, and ends
//! with the code that belongs to it.

mod plants;

use crate::program::Answer;

/// One thing that is wrong, and what is to be said about it.
struct Planted {
    what: &'static str,
    /// Makes it so and asks; `None` where this machine does not let it be made.
    plant: fn() -> Option<Answer>,
    /// The finding, its verdict, and words of what was seen and of what is to be done.
    finding: (&'static str, &'static str),
    words: &'static [&'static str],
    /// What else is wrong because of it.
    besides: &'static [&'static str],
}

const fn planted(
    what: &'static str,
    plant: fn() -> Option<Answer>,
    finding: (&'static str, &'static str),
    words: &'static [&'static str],
) -> Planted {
    Planted {
        what,
        plant,
        finding,
        words,
        besides: &[],
    }
}

impl Planted {
    const fn and(self, besides: &'static [&'static str]) -> Self {
        Self { besides, ..self }
    }

    fn code(&self) -> i32 {
        match self.finding.1 {
            "note" => 0,
            "failing" => 5,
            "wrong" => 3,
            "refused" => 6,
            _ => 78,
        }
    }

    fn judge(&self, answer: &Answer) -> Result<(), String> {
        let (name, verdict) = self.finding;
        let said = format!("{}{}", answer.stdout, answer.stderr);
        let all = answer.json()["findings"].as_array().unwrap().clone();
        let Some(found) = all.iter().find(|finding| finding["name"] == name) else {
            return Err(format!("there is no finding \"{name}\": {said}"));
        };
        if found["verdict"] != verdict {
            return Err(format!("it is not {verdict}: {found}"));
        }
        let text = |part: &str| found[part].as_str().unwrap_or_default().to_owned();
        if text("saw").is_empty() || text("advice").is_empty() {
            return Err(format!("it does not say what to do: {found}"));
        }
        let whole = format!("{} {} {}", text("subject"), text("saw"), text("advice"));
        if let Some(missing) = self.words.iter().find(|word| !whole.contains(**word)) {
            return Err(format!("\"{missing}\" is not in: {whole}"));
        }
        let blamed = all.iter().find(|other| {
            let is_well = matches!(other["verdict"].as_str(), Some("ok" | "note"));
            let name = other["name"].as_str().unwrap_or_default();
            !is_well && name != self.finding.0 && !self.besides.contains(&name)
        });
        match blamed {
            Some(other) => Err(format!("something else is blamed: {other}")),
            None if answer.code() != self.code() => {
                Err(format!("it ended with {}: {said}", answer.code()))
            }
            None => Ok(()),
        }
    }
}

const PLANTED: &[Planted] = &[
    planted(
        "a configuration with a slip",
        plants::misspelt,
        ("config", "invalid"),
        &["setle", "settle"],
    ),
    planted(
        "a secret that others can read",
        plants::open_secret,
        ("config", "invalid"),
        &["0644", "chmod 600"],
    ),
    planted(
        "a state directory that cannot be written",
        plants::closed_state,
        ("state directory", "wrong"),
        &["cannot write", "make it writable"],
    ),
    planted(
        "a state directory that is open to others",
        plants::open_state,
        ("state directory", "note"),
        &["0755", "chmod 700"],
    ),
    planted(
        "a state directory without space",
        plants::full_state,
        ("state space", "wrong"),
        &["free", "make room"],
    ),
    planted(
        "a damaged database",
        plants::damaged_database,
        ("database", "invalid"),
        &["damaged", "backup"],
    ),
    planted(
        "a database of something else",
        plants::foreign_database,
        ("database", "invalid"),
        &["syncd.db"],
    ),
    planted(
        "a database of a later version",
        plants::later_database,
        ("database", "invalid"),
        &["99", "newer"],
    ),
    planted(
        "a database that another program has open",
        plants::shared_database,
        ("database users", "wrong"),
        &["sleep (pid ", "close it"],
    ),
    planted(
        "a folder that is missing",
        plants::no_folder,
        ("folder", "wrong"),
        &["is not there", "make it"],
    ),
    planted(
        "parts of a folder that cannot be read",
        plants::closed_parts,
        ("folder", "wrong"),
        &["2 cannot be read", "private/", "index.html", "setfacl"],
    ),
    planted(
        "fewer watches than directories",
        plants::few_watches,
        ("watches", "wrong"),
        &[
            "31 directories",
            "user.max_inotify_watches is 20",
            "sysctl -w",
        ],
    ),
    planted(
        "no inotify instance",
        plants::no_instance,
        ("watch instances", "wrong"),
        &["inotify", "sysctl -w"],
    ),
    planted(
        "a clock that is an hour off",
        plants::wrong_clock,
        ("clock", "wrong"),
        &["3600 s ahead of", "timedatectl"],
    ),
    planted(
        "a name without an address",
        plants::no_address,
        ("name", "failing"),
        &["no-such-host.invalid", "resolv.conf"],
    ),
    planted(
        "a server that does not listen",
        plants::nobody_listens,
        ("connection", "failing"),
        &["refused"],
    ),
    planted(
        "a server that does not speak TLS",
        plants::no_tls,
        ("connection", "wrong"),
        &["tls"],
    ),
    planted(
        "no CA certificates",
        plants::no_roots,
        ("certificates", "wrong"),
        &["ca-certificates", "ca_file"],
    )
    .and(&["connection"]),
    planted(
        "a CA file that is missing",
        plants::no_ca_file,
        ("certificates", "wrong"),
        &["own.pem", "No such file", "ca_file"],
    ),
    planted(
        "a CA file of something else",
        plants::foreign_ca_file,
        ("certificates", "wrong"),
        &["own.pem", "no certificate", "ca_file"],
    ),
    planted(
        "a wrong secret of an app",
        plants::wrong_secret,
        ("token", "refused"),
        &["40125"],
    ),
    planted(
        "a token of the wrong kind",
        plants::wrong_kind,
        ("website", "refused"),
        &["61014"],
    ),
    planted(
        "an environment that does not exist",
        plants::no_environment,
        ("website", "refused"),
        &["-501000", "other-9z8y7x", "`env`"],
    ),
    planted(
        "an app without cloud development",
        plants::no_cloud,
        ("website", "refused"),
        &["85088", "Enable cloud development"],
    ),
    planted(
        "an environment without static website hosting",
        plants::no_hosting,
        ("website", "wrong"),
        &["hosting is not enabled", "console"],
    ),
    planted(
        "a website that is offline",
        plants::offline,
        ("website", "wrong"),
        &["offline", "console"],
    ),
    planted(
        "a wrong secret of a desk",
        plants::wrong_desk_secret,
        ("gateway token", "refused"),
        &["app_secret"],
    ),
    planted(
        "a desk that gives no session",
        plants::no_session,
        ("session token", "refused"),
        &["channel_id"],
    ),
    planted(
        "an inbox that is missing",
        plants::no_inbox,
        ("inbox", "wrong"),
        &["is not there", "make it"],
    ),
    planted(
        "an inbox that cannot be written",
        plants::closed_inbox,
        ("inbox", "wrong"),
        &["cannot write", "setfacl"],
    ),
    planted(
        "a private directory of another user",
        plants::foreign_inbox,
        ("inbox", "wrong"),
        &["belongs to", ".syncd-tmp"],
    ),
    planted(
        "an inbox without space for a file",
        plants::full_inbox,
        ("inbox space", "wrong"),
        &["needed", "max_file"],
    ),
    planted(
        "a program that is missing",
        plants::no_program,
        ("on_receive", "wrong"),
        &["program", "install"],
    ),
    planted(
        "a program that cannot be executed",
        plants::closed_program,
        ("on_receive", "wrong"),
        &["chmod +x"],
    ),
];

#[test]
fn each_planted_fault_is_named_with_how_to_mend_it_and_its_code() {
    let mut wrong = Vec::new();
    let mut named = 0;
    for planted in PLANTED {
        match (planted.plant)() {
            None => eprintln!("SKIPPED: {} cannot be planted here", planted.what),
            Some(answer) => match planted.judge(&answer) {
                Ok(()) => named += 1,
                Err(why) => wrong.push(format!("{}: {why}", planted.what)),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(named >= 10, "only {named} could be planted");
}
