//! What one seed's history with a desk is made of: which of the contract's doubts the centre decides how,
//! and each kind of fault and of event on or off, with a rate of its own.

use std::time::Duration;

use syncd::model::desk::{DeskSpec, InboxSpec, MediaContent};
use syncd::model::folder::{FlowKind, FolderSpec, WatchMode};
use syncd::model::secret::Secret;
use syncd::model::template::Template;

use crate::swarm::choose;

pub const USER: &str = "syncd-node-01";
pub const CHANNEL: &str = "202500000000000001";
pub const APP_KEY: &str = "ak-example";
/// Secrets begin with this word, which must not be found in what is told.
pub const CANARY: &str = "canary";
pub const OUTBOX: &str = "/srv/out";
/// The largest file that the inbox takes.
pub const MAX_FILE: u64 = 12_000;

/// Faults of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Dns,
    Connect,
    ResetBefore,
    HangBefore,
    CutBody,
    CutAnswer,
    ResetAfter,
    HangAfter,
    Late,
    NotJson,
    ServerError,
    BadGateway,
    TooMany,
    Code,
    Tired,
    EmptyPayload,
    Corrupt,
    BearerRevoked,
    SessionRevoked,
    ChatLost,
    Rotate,
    NotSubscribed,
}

/// All faults with the name under which they are counted.
pub const FAULTS: &[(Fault, &str)] = &[
    (Fault::Dns, "fault: dns"),
    (Fault::Connect, "fault: connect"),
    (Fault::ResetBefore, "fault: reset before effect"),
    (Fault::HangBefore, "fault: hang before effect"),
    (Fault::CutBody, "fault: body cut"),
    (Fault::CutAnswer, "fault: answer cut"),
    (Fault::ResetAfter, "fault: effect, then reset"),
    (Fault::HangAfter, "fault: effect, then silence"),
    (Fault::Late, "fault: reset, then a late effect"),
    (Fault::NotJson, "fault: not JSON"),
    (Fault::ServerError, "fault: 500"),
    (Fault::BadGateway, "fault: 502 or 503"),
    (Fault::TooMany, "fault: 429 with Retry-After"),
    (Fault::Code, "fault: a code of the call's own"),
    (Fault::Tired, "fault: a code of the platform"),
    (Fault::EmptyPayload, "fault: success without its payload"),
    (Fault::Corrupt, "fault: a file that does not decode"),
    (Fault::BearerRevoked, "fault: gateway token revoked"),
    (Fault::SessionRevoked, "fault: session token revoked"),
    (Fault::ChatLost, "fault: chat lost"),
    (Fault::Rotate, "fault: session token rotated"),
    (Fault::NotSubscribed, "fault: 403 not subscribed"),
];

/// Who answers first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Robot {
    Never,
    First,
}

/// What the history shows of our own messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    ById,
    ByKey,
    NotAtAll,
}

/// How the centre decides what the contract leaves open.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a doubt of the contract by itself"
)]
pub struct Manners {
    /// An answer to a poll that did not arrive is given again.
    pub redelivers: bool,
    /// Chance that a message is handed out once more.
    pub doubles: f64,
    /// The history holds what agents sent.
    pub keeps_history: bool,
    pub newest_first: bool,
    pub page_max: usize,
    /// The history shows a message only so long after it was sent, in milliseconds.
    pub lag_ms: u64,
    pub own: Own,
    pub obeys_start_time: bool,
    /// How long a poll is held, in milliseconds; 0: not at all.
    pub hold_ms: u64,
    /// The chat ends when the call that keeps it was not made for so long; 0: never.
    pub chat_life_ms: u64,
    pub kept_by_polls: bool,
    /// A poll without a chat is answered as if nothing had been said.
    pub silent: bool,
    /// What agents said without a chat is handed out in the next one.
    pub keeps_mail: bool,
    pub robot: Robot,
    /// The longest wait for an agent.
    pub queue_ms: u64,
    /// A day and its working part.
    pub hours: Option<(u64, u64)>,
    pub bearer_life_s: u64,
    pub session_life_ms: u64,
    /// An expired session token of a chat is renewed in the answer.
    pub rotates: bool,
    /// A replaced session token is good for so long.
    pub grace_ms: u64,
    pub apply_ends_chat: bool,
    /// The gateway says 403 with its text instead of 401.
    pub says_403: bool,
    /// A refused session token is a code instead of 401.
    pub session_by_code: bool,
    /// An old version: no `contentType`, no result code with a file.
    pub is_old: bool,
    pub quotes_token: bool,
    pub numbers_for_texts: bool,
    pub upload_says_result_code: bool,
    /// Knows `bmp` as `bpm` only.
    pub bpm: bool,
    /// A repeated messageId is shown once.
    pub dedups: bool,
    /// Chance that a message has no code.
    pub uncoded: f64,
    pub wraps_base64: bool,
    /// Answers tell the time.
    pub tells_time: bool,
}

/// How readers of the inbox behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// They leave all where it is.
    Leave,
    /// They take some things away, sometimes.
    Browse,
    /// They take everything away at once.
    Greedy,
}

/// How one history runs.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a kind of trouble that is on or off by itself"
)]
pub struct Mix {
    pub manners: Manners,
    /// Faults that happen, with their chance per exchange.
    pub faults: Vec<(Fault, f64)>,
    /// How long events and faults go on, in milliseconds.
    pub active_ms: u64,
    /// Mean time between two events, in milliseconds.
    pub gap_ms: u64,
    /// How often the process dies or is stopped.
    pub lives: u32,
    pub kill_by_calls: bool,
    pub power_cuts: bool,
    /// Chance that an effect of the inbox's disk fails.
    pub disk_faults: f64,
    pub readers: Readers,
    pub jumps: bool,
    pub outages: bool,
    pub latency_ms: u64,
    pub piece_ms: u64,
    pub person: bool,
    pub hint_lost: f64,
    pub has_outbox: bool,
    pub inbox: InboxSpec,
    pub outbox: FolderSpec,
}

impl Mix {
    /// The mixture of a seed.
    pub fn new(rng: &mut fastrand::Rng) -> Self {
        let calm = rng.u8(0..8) == 0;
        let mut faults = Vec::new();
        for (fault, _) in FAULTS {
            let (often, rate) = match fault {
                Fault::Late => (6, 0.08),
                Fault::ResetAfter | Fault::HangAfter | Fault::CutAnswer => (5, 0.04),
                Fault::Rotate => (5, 0.02),
                Fault::NotSubscribed => (3, 0.008),
                _ => (3, 0.01),
            };
            if !calm && rng.u8(0..10) < often {
                let more = if *fault == Fault::NotSubscribed {
                    0.01
                } else {
                    0.2
                };
                faults.push((*fault, rate + rng.f64() * rng.f64() * more));
            }
        }
        let jumps = rng.u8(0..3) == 0;
        let power_cuts = rng.bool();
        let disk_faults = if !power_cuts && rng.u8(0..4) == 0 {
            rng.f64() * 0.1
        } else {
            0.0
        };
        let mut manners = Manners::new(rng);
        // Without the server's time nobody knows which part of the history is new.
        manners.tells_time |= jumps;
        Self {
            manners,
            faults,
            active_ms: rng.u64(30_000..300_000),
            gap_ms: rng.u64(1_000..12_000),
            lives: if rng.u8(0..5) == 0 { 0 } else { rng.u32(1..7) },
            kill_by_calls: rng.u8(0..3) > 0,
            power_cuts,
            disk_faults,
            readers: *choose(
                rng,
                &[
                    Readers::Leave,
                    Readers::Browse,
                    Readers::Browse,
                    Readers::Greedy,
                ],
            ),
            jumps,
            outages: rng.bool(),
            latency_ms: *choose(rng, &[5, 50, 500, 3_000]),
            piece_ms: *choose(rng, &[1, 20, 2_000]),
            person: rng.u8(0..4) == 0,
            hint_lost: if rng.bool() { 0.0 } else { rng.f64() * 0.3 },
            has_outbox: true,
            inbox: inbox(rng),
            outbox: outbox(rng),
        }
    }
}

impl Mix {
    /// Without chance.
    pub fn plain(manners: Manners) -> Self {
        Self {
            manners,
            faults: Vec::new(),
            active_ms: 0,
            gap_ms: 1,
            lives: 0,
            kill_by_calls: false,
            power_cuts: false,
            disk_faults: 0.0,
            readers: Readers::Leave,
            jumps: false,
            outages: false,
            latency_ms: 20,
            piece_ms: 1,
            person: false,
            hint_lost: 0.0,
            has_outbox: true,
            inbox: plain_inbox("file.{ext}", false, false),
            outbox: plain_outbox(),
        }
    }
}

impl Manners {
    /// As the contract has it where it is clear, and at its plainest where it is not.
    pub fn plain() -> Self {
        Self {
            redelivers: false,
            doubles: 0.0,
            keeps_history: true,
            newest_first: false,
            page_max: 100,
            lag_ms: 0,
            own: Own::ById,
            obeys_start_time: true,
            hold_ms: 5_000,
            chat_life_ms: 0,
            kept_by_polls: true,
            silent: false,
            keeps_mail: true,
            robot: Robot::Never,
            queue_ms: 0,
            hours: None,
            bearer_life_s: 3_600,
            session_life_ms: 3_600_000,
            rotates: true,
            grace_ms: 0,
            apply_ends_chat: false,
            says_403: false,
            session_by_code: false,
            is_old: false,
            quotes_token: false,
            numbers_for_texts: false,
            upload_says_result_code: false,
            bpm: false,
            dedups: false,
            uncoded: 0.0,
            wraps_base64: false,
            tells_time: true,
        }
    }

    fn new(rng: &mut fastrand::Rng) -> Self {
        Self {
            redelivers: rng.u8(0..3) == 0,
            doubles: if rng.bool() { 0.0 } else { 0.2 },
            keeps_history: rng.u8(0..8) > 0,
            newest_first: rng.bool(),
            page_max: *choose(rng, &[100, 20, 3]),
            lag_ms: *choose(rng, &[0, 0, 0, 0, 2_000, 90_000]),
            own: *choose(rng, &[Own::ById, Own::ById, Own::ByKey, Own::NotAtAll]),
            obeys_start_time: rng.u8(0..4) > 0,
            hold_ms: *choose(rng, &[5_000, 5_000, 5_000, 15_000, 0]),
            chat_life_ms: *choose(rng, &[0, 0, 45_000, 240_000]),
            kept_by_polls: rng.u8(0..4) > 0,
            silent: rng.u8(0..4) == 0,
            keeps_mail: rng.bool(),
            robot: *choose(rng, &[Robot::Never, Robot::First]),
            queue_ms: *choose(rng, &[0, 0, 10_000, 90_000]),
            hours: (rng.u8(0..6) == 0).then(|| {
                let day = rng.u64(400_000..1_000_000);
                (day, day * 3 / 4)
            }),
            bearer_life_s: *choose(rng, &[3_600, 3_600, 600, 120]),
            session_life_ms: *choose(rng, &[3_600_000, 200_000, 130_000]),
            rotates: rng.u8(0..4) > 0,
            grace_ms: *choose(rng, &[0, 0, 30_000]),
            apply_ends_chat: rng.u8(0..3) == 0,
            says_403: rng.bool(),
            session_by_code: rng.u8(0..3) == 0,
            is_old: rng.u8(0..4) == 0,
            quotes_token: rng.u8(0..4) == 0,
            numbers_for_texts: rng.u8(0..4) == 0,
            upload_says_result_code: rng.u8(0..4) == 0,
            bpm: rng.u8(0..4) == 0,
            dedups: rng.u8(0..3) == 0,
            uncoded: if rng.bool() { 0.0 } else { 0.3 },
            wraps_base64: rng.u8(0..4) == 0,
            tells_time: rng.u8(0..6) > 0,
        }
    }
}

/// The account.
pub fn desk() -> DeskSpec {
    DeskSpec {
        name: "desk".to_owned(),
        base_url: "https://desk.example.com".to_owned(),
        token_url: "https://desk.example.com/apigovernance/api/oauth/tokenByAkSk".to_owned(),
        app_key: APP_KEY.to_owned(),
        app_secret: Secret::new(format!("{CANARY}-secret")),
        channel_id: CHANNEL.to_owned(),
        user_id: USER.to_owned(),
        user_name: "syncd node 01".to_owned(),
        media_content: MediaContent::Plain,
        locale: "en".to_owned(),
    }
}

fn inbox(rng: &mut fastrand::Rng) -> InboxSpec {
    let name = choose(
        rng,
        &[
            "{date}/{time}-{message}.{ext}",
            "{date}/{time}.{ext}",
            "file.{ext}",
        ],
    );
    plain_inbox(name, rng.bool(), rng.u8(0..3) == 0)
}

/// An inbox.
pub fn plain_inbox(name: &str, sidecar: bool, has_hook: bool) -> InboxSpec {
    let program = ["/usr/bin/received".to_owned(), "{path}".to_owned()];
    InboxSpec {
        name: "in".to_owned(),
        path: "/srv/in".into(),
        account: "desk".to_owned(),
        file_name: Template::parse(name).unwrap(),
        max_file: MAX_FILE,
        sidecar,
        on_receive: if has_hook { program.into() } else { Vec::new() },
    }
}

fn outbox(rng: &mut fastrand::Rng) -> FolderSpec {
    FolderSpec {
        watch: if rng.u8(0..6) == 0 {
            WatchMode::Off
        } else {
            WatchMode::Auto
        },
        rescan: Duration::from_secs(rng.u64(2 * 60..20 * 60)),
        ..plain_outbox()
    }
}

/// An outbox.
pub fn plain_outbox() -> FolderSpec {
    FolderSpec {
        name: "out".to_owned(),
        path: OUTBOX.into(),
        flow: FlowKind::Ccmessaging,
        account: "desk".to_owned(),
        env: String::new(),
        prefix: String::new(),
        exclude: Vec::new(),
        last: Vec::new(),
        headers: Vec::new(),
        settle: Duration::from_millis(500),
        settle_max: Duration::from_secs(30),
        watch: WatchMode::Auto,
        rescan: Duration::from_mins(10),
        max_file: None,
    }
}
