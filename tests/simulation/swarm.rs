//! What one seed's history is made of: each kind of fault and of change is on or off, with a rate of its
//! own, so that rare mixtures are met as often as common ones.

use std::time::Duration;

use syncd::model::folder::{
    AccountSpec, Concurrency, FlowKind, FolderSpec, HeaderRule, Pattern, TokenSource, WatchMode,
};
use syncd::model::secret::Secret;

/// Faults of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Dns,
    Connect,
    ResetBefore,
    HangBefore,
    CutBody,
    Corrupt,
    ResetAfter,
    HangAfter,
    ResetThenLate,
    HangThenLate,
    WrongChecksum,
    Busy,
    DayQuota,
    MinuteQuota,
    EnvQuota,
    Revoked,
    NoPermission,
    Unknown,
    BadParameter,
    NotJson,
    EmptyLink,
    LinkExpired,
    AccessDenied,
    SlowDown,
    ServerError,
    TooMany,
    Redirect,
}

/// All faults with the name under which they are counted.
pub const FAULTS: &[(Fault, &str)] = &[
    (Fault::Dns, "fault: dns"),
    (Fault::Connect, "fault: connect"),
    (Fault::ResetBefore, "fault: reset before effect"),
    (Fault::HangBefore, "fault: hang before effect"),
    (Fault::CutBody, "fault: body cut"),
    (Fault::Corrupt, "fault: body corrupted on the way"),
    (Fault::ResetAfter, "fault: commit then reset"),
    (Fault::HangAfter, "fault: commit then silence"),
    (Fault::ResetThenLate, "fault: reset, then a late commit"),
    (Fault::HangThenLate, "fault: silence, then a late commit"),
    (Fault::WrongChecksum, "fault: wrong checksum answered"),
    (Fault::Busy, "fault: -1"),
    (Fault::DayQuota, "fault: 45009"),
    (Fault::MinuteQuota, "fault: 45011"),
    (Fault::EnvQuota, "fault: -501003"),
    (Fault::Revoked, "fault: token revoked"),
    (Fault::NoPermission, "fault: 48001"),
    (Fault::Unknown, "fault: unknown errcode"),
    (Fault::BadParameter, "fault: 40097"),
    (Fault::NotJson, "fault: not JSON"),
    (Fault::EmptyLink, "fault: empty link"),
    (Fault::LinkExpired, "fault: link expired early"),
    (Fault::AccessDenied, "fault: access denied"),
    (Fault::SlowDown, "fault: 503 SlowDown"),
    (Fault::ServerError, "fault: 500"),
    (Fault::TooMany, "fault: 429 with Retry-After"),
    (Fault::Redirect, "fault: 302"),
];

/// Changes of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Create,
    Append,
    Rewrite,
    SameSize,
    Touch,
    Mode,
    RenameFile,
    RenameDirectory,
    MakeDeep,
    Delete,
    Recreate,
    SymlinkSwap,
    SaveByRename,
    SaveInPlace,
    SaveAtomically,
    Burst,
    Ignore,
    PageWithAssets,
    Grow,
    Large,
    Twins,
    Unnamable,
    Unreadable,
    RootGone,
}

/// All changes with the name under which they are counted.
pub const CHANGES: &[(Change, &str)] = &[
    (Change::Create, "change: create"),
    (Change::Append, "change: append"),
    (Change::Rewrite, "change: rewrite"),
    (Change::SameSize, "change: same size, time put back"),
    (Change::Touch, "change: touch"),
    (Change::Mode, "change: mode"),
    (Change::RenameFile, "change: file renamed"),
    (Change::RenameDirectory, "change: directory renamed"),
    (Change::MakeDeep, "change: mkdir -p and file"),
    (Change::Delete, "change: delete"),
    (Change::Recreate, "change: deleted and made again"),
    (Change::SymlinkSwap, "change: link in place of file"),
    (Change::SaveByRename, "change: saved by vim"),
    (Change::SaveInPlace, "change: truncated and written"),
    (Change::SaveAtomically, "change: renamed over"),
    (Change::Burst, "change: burst"),
    (Change::Ignore, "change: ignore file"),
    (Change::PageWithAssets, "change: page with assets"),
    (Change::Grow, "change: growing file"),
    (Change::Large, "change: large file"),
    (Change::Twins, "change: two spellings of one key"),
    (Change::Unnamable, "change: name without a key"),
    (Change::Unreadable, "change: unreadable file"),
    (Change::RootGone, "change: root gone"),
];

/// How one history runs.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a kind of trouble that is on or off by itself"
)]
pub struct Swarm {
    /// Faults that happen, with their chance per exchange.
    pub faults: Vec<(Fault, f64)>,
    /// Changes that happen.
    pub changes: Vec<Change>,
    /// How long changes and faults go on, in milliseconds.
    pub active_ms: u64,
    /// Mean time between two changes, in milliseconds.
    pub gap_ms: u64,
    /// How often the process dies or is stopped.
    pub lives: u32,
    /// Deaths are counted in calls of the ports instead of in time.
    pub kill_by_calls: bool,
    /// Chance that a hint is lost, doubled, late.
    pub hint_lost: f64,
    pub hint_doubled: f64,
    pub hint_late: f64,
    /// Chance that a hint becomes "everything".
    pub hint_overflow: f64,
    /// The watch cannot be started.
    pub watch_refused: bool,
    /// Chance that a writer races a read of the disk.
    pub race: f64,
    /// How often a writer comes between two pieces of a file that is being sent.
    pub stream_races: u32,
    /// The wall clock jumps.
    pub jumps: bool,
    /// Nobody can be reached for a while.
    pub outages: bool,
    /// The slowest answer, in milliseconds.
    pub latency_ms: u64,
    /// Milliseconds for one piece of a streamed body.
    pub piece_ms: u64,
    /// Life of a token and of a link, in seconds.
    pub token_life_s: u64,
    pub link_life_s: u64,
    /// A person pauses, resumes, retries and drops.
    pub person: bool,
    /// The token is a platform's. Only cloud storage tells the kinds apart.
    pub platform_token: bool,
    /// Folder and account.
    pub folder: FolderSpec,
    pub account: AccountSpec,
}

/// The folder's root.
pub const ROOT: &str = "/srv/www";
/// The API token and secret begin with these words, which must not be found anywhere.
pub const TOKEN_WORD: &str = "canary-token";
pub const SECRET_WORD: &str = "canary-secret";

impl Swarm {
    /// The mixture of a seed.
    #[expect(
        clippy::too_many_lines,
        reason = "one roll after the other, in the order that seeds fix"
    )]
    pub fn new(rng: &mut fastrand::Rng) -> Self {
        let calm = rng.u8(0..8) == 0;
        let jumps = rng.u8(0..3) == 0;
        let mut faults = Vec::new();
        for (fault, _) in FAULTS {
            // What would break a promise if it went unnoticed is met more often than the rest.
            let (often, rate) = match fault {
                // The wait for a late upload is a stored time: a clock set ahead cuts it short.
                Fault::ResetThenLate | Fault::HangThenLate if jumps => (0, 0.0),
                Fault::ResetThenLate | Fault::HangThenLate => (4, 0.05),
                Fault::WrongChecksum => (8, 0.05),
                _ => (3, 0.005),
            };
            if !calm && rng.u8(0..10) < often {
                faults.push((*fault, rate + rng.f64() * rng.f64() * 0.25));
            }
        }
        let changes = CHANGES
            .iter()
            .filter(|(change, _)| matches!(change, Change::Create | Change::Large) || rng.bool())
            .map(|(change, _)| *change)
            .collect();
        let watch = match rng.u8(0..8) {
            0 => WatchMode::Off,
            1 => WatchMode::Native,
            _ => WatchMode::Auto,
        };
        let lossless = rng.u8(0..3) == 0;
        let mut hint = |rate: f64| {
            if lossless || rng.bool() {
                0.0
            } else {
                rng.f64() * rate
            }
        };
        let (hint_doubled, hint_late, hint_overflow) = (hint(0.5), hint(0.5), hint(0.1));
        let hint_lost = if !lossless && rng.u8(0..4) == 0 {
            1.0
        } else if lossless {
            0.0
        } else {
            rng.f64() * 0.5
        };
        let mut swarm = Self {
            faults,
            changes,
            active_ms: rng.u64(30_000..600_000),
            gap_ms: rng.u64(1_000..20_000),
            lives: if rng.u8(0..5) == 0 { 0 } else { rng.u32(1..6) },
            kill_by_calls: rng.bool(),
            hint_lost,
            hint_doubled,
            hint_late,
            hint_overflow,
            // With a clock set back it would be polled through a quiet hour, which takes long to simulate.
            watch_refused: rng.u8(0..12) == 0 && !jumps,
            race: if rng.bool() { 0.0 } else { rng.f64() * 0.1 },
            stream_races: rng.u32(1..5),
            jumps,
            outages: rng.u8(0..5) < 3,
            latency_ms: *choose(rng, &[5, 50, 500, 3_000]),
            piece_ms: *choose(rng, &[1, 20, 2_000, 15_000]),
            token_life_s: *choose(rng, &[7_200, 7_200, 900, 240]),
            link_life_s: *choose(rng, &[60, 60, 900, 20]),
            person: rng.u8(0..4) == 0,
            folder: folder(rng, watch),
            account: account(rng),
            platform_token: false,
        };
        if rng.u8(0..3) == 0 {
            swarm.folder.flow = FlowKind::CloudStorage;
            let is_app = matches!(swarm.account.token, TokenSource::App { .. });
            swarm.platform_token = !is_app && rng.bool();
        }
        swarm
    }
}

/// One of several.
pub fn choose<'a, T>(rng: &mut fastrand::Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

fn folder(rng: &mut fastrand::Rng, watch: WatchMode) -> FolderSpec {
    let pattern = |text: &str| Pattern {
        text: text.to_owned(),
        origin: "syncd.toml:1".to_owned(),
    };
    FolderSpec {
        name: "www".to_owned(),
        path: ROOT.into(),
        flow: FlowKind::StaticWebsite,
        account: "shop".to_owned(),
        env: "shop-1a2b3c".to_owned(),
        prefix: choose(rng, &["", "", "site/"]).to_string(),
        exclude: vec![pattern("*.map")],
        last: vec![pattern("index.html")],
        headers: vec![HeaderRule {
            pattern: pattern("*.html"),
            set: vec![("cache-control".to_owned(), "no-cache".to_owned())],
        }],
        settle: Duration::from_millis(*choose(rng, &[500, 500, 100, 3_000])),
        settle_max: Duration::from_secs(*choose(rng, &[30, 5])),
        watch,
        rescan: Duration::from_secs(rng.u64(5 * 60..60 * 60)),
        max_file: None,
    }
}

fn account(rng: &mut fastrand::Rng) -> AccountSpec {
    let token = match rng.u8(0..3) {
        0 => TokenSource::App {
            appid: "wx0000".to_owned(),
            secret: Secret::new(SECRET_WORD),
            classic: rng.bool(),
        },
        _ => TokenSource::Url {
            url: "https://holder.example.com/token".to_owned(),
            headers: vec![("x-key".to_owned(), Secret::new(SECRET_WORD))],
        },
    };
    AccountSpec {
        name: "shop".to_owned(),
        base_url: "https://api.example.com".to_owned(),
        upload_hosts: vec!["*.cos.example.com".to_owned()],
        token,
        requests_per_second: *choose(rng, &[0, 0, 0, 20]),
        concurrency: match rng.u8(0..3) {
            0 => Concurrency::Fixed(rng.usize(1..6)),
            _ => Concurrency::Auto,
        },
    }
}
