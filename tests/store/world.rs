//! What the tests of the store share: a store in a file or in memory, and files as they are seen.

use std::sync::Arc;
use std::time::Duration;

use syncd::model::digest::Sha256;
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::folder::{FlowKind, FolderSpec, WatchMode};
use syncd::model::headers::Fingerprint;
use syncd::model::job::{
    Claim, FolderId, Intent, JobState, Outcome, Reason, Receipt, ReleaseNumber, Settlement, Stage,
};
use syncd::model::key::Key;
use syncd::model::observation::{Sight, Stat};
use syncd::model::path::RelPath;
use syncd::model::record::{Candidate, Known, Plan, Published};
use syncd::model::time::Timestamp;
use syncd::store::{
    Hesitate, InlineDatabase, Looks, Reader, Recorded, Sealed, Settled, Sighting, Store, StoredFile,
};

/// Where a store keeps its rows.
pub(crate) enum Place {
    File(tempfile::TempDir),
    Memory(InlineDatabase),
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) fn memory() -> Self {
        Self::Memory(InlineDatabase::new().unwrap())
    }

    /// Starts a process on it.
    pub(crate) fn open(&self) -> Store {
        match self {
            Self::File(directory) => Store::open(&directory.path().join("syncd.db")).unwrap(),
            Self::Memory(db) => Store::inline(db, nothing()),
        }
    }
}

/// No hesitation.
pub(crate) fn nothing() -> Hesitate {
    Arc::new(|| Box::pin(std::future::ready(())))
}

/// One folder on a store, at a moment.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    pub(crate) folder: FolderId,
    pub(crate) now: Timestamp,
    /// The release that the next look goes on with.
    pub(crate) release: Option<ReleaseNumber>,
}

impl World {
    pub(crate) async fn new(place: Place) -> Self {
        let store = place.open();
        let now = Timestamp(1_000_000);
        let rows = store.adopt_folders(&[spec("www", "")], now).await.unwrap();
        Self {
            reader: store.reader().unwrap(),
            store,
            place,
            folder: rows[0].id,
            now,
            release: None,
        }
    }

    /// Bytes of all files, and of those still to be sent.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let tally = self.reader.tally(self.folder).unwrap();
        (tally.bytes, tally.bytes_open)
    }

    /// Ends the process without a goodbye and starts the next.
    pub(crate) fn restart(&mut self) {
        let store = self.place.open();
        self.reader = store.reader().unwrap();
        self.store = store;
    }

    /// Records looks in the open release.
    pub(crate) async fn record(&mut self, sightings: Vec<Sighting>) -> Recorded {
        let recorded = self.record_looks(sightings, false).await;
        self.release = recorded.release;
        recorded
    }

    /// Records looks as one release, which is sealed.
    pub(crate) async fn publish(&mut self, sightings: Vec<Sighting>) -> ReleaseNumber {
        self.release = None;
        self.record_looks(sightings, true).await.release.unwrap()
    }

    /// Seals a release; there is none to go on with then.
    pub(crate) async fn seal(&mut self, release: ReleaseNumber) -> Option<Sealed> {
        self.release = Some(release);
        let recorded = self.record_looks(Vec::new(), true).await;
        self.release = None;
        recorded.sealed
    }

    async fn record_looks(&self, sightings: Vec<Sighting>, is_last: bool) -> Recorded {
        let looks = Looks {
            sightings,
            release: self.release,
            is_last,
        };
        let recorded = self
            .store
            .record(self.folder, looks, planner, self.now)
            .await;
        recorded.unwrap()
    }

    pub(crate) async fn claim(&self) -> Vec<Claim> {
        self.claim_up_to(1000).await
    }

    pub(crate) async fn claim_up_to(&self, limit: usize) -> Vec<Claim> {
        self.store
            .claim(self.folder, limit, self.now)
            .await
            .unwrap()
    }

    pub(crate) async fn settle(&self, claim: &Claim, outcome: Outcome) -> Settled {
        let maybe_sent = !matches!(outcome, Outcome::Released);
        self.end(claim, outcome, maybe_sent).await
    }

    pub(crate) async fn end(&self, claim: &Claim, outcome: Outcome, maybe_sent: bool) -> Settled {
        let settlement = Settlement {
            claim: claim.clone(),
            outcome,
            maybe_sent,
            lost: None,
            started_at: self.now,
            took_ms: 7,
        };
        self.store.settle(vec![settlement], self.now).await.unwrap()
    }

    /// Acknowledged at the second upload of an attempt; nobody knows what became of the first.
    pub(crate) async fn end_after_losing(&self, claim: &Claim, lost: Fault) -> Settled {
        let settlement = Settlement {
            claim: claim.clone(),
            outcome: acknowledged(claim),
            maybe_sent: false,
            lost: Some(lost),
            started_at: self.now,
            took_ms: 7,
        };
        self.store.settle(vec![settlement], self.now).await.unwrap()
    }

    pub(crate) async fn acknowledge(&self, claim: &Claim) -> Settled {
        self.settle(claim, acknowledged(claim)).await
    }

    /// Claims and acknowledges until nothing is left that may run.
    pub(crate) async fn upload_all(&self) {
        loop {
            let claims = self.claim().await;
            if claims.is_empty() {
                return;
            }
            for claim in &claims {
                self.acknowledge(claim).await;
            }
        }
    }

    pub(crate) fn page(&self) -> Vec<StoredFile> {
        self.reader.page(self.folder, None, None, 1000).unwrap()
    }

    pub(crate) fn stored(&self, name: &str) -> StoredFile {
        let name = path(name);
        self.page()
            .into_iter()
            .find(|file| file.path == name)
            .unwrap()
    }
}

/// A planner of the plainest kind.
pub(crate) fn planner(known: &Known, candidate: &Candidate) -> Plan {
    let version = Published {
        digest: candidate.version.digest,
        headers: candidate.version.headers,
    };
    if known.published == Some(version) && !known.in_doubt {
        return Plan::InSync;
    }
    if known.dropped == Some(version) {
        return Plan::Dropped;
    }
    if known.job.is_some_and(|job| job.version == version) {
        return Plan::Covered;
    }
    let reason = match known.published {
        Some(_) if known.in_doubt => Reason::Unknown,
        Some(published) if published.digest == version.digest => Reason::Headers,
        Some(_) => Reason::Content,
        None => Reason::New,
    };
    Plan::Put(Intent {
        key: candidate.key.clone(),
        stage: candidate.stage,
        reason,
    })
}

pub(crate) fn spec(name: &str, prefix: &str) -> FolderSpec {
    FolderSpec {
        name: name.to_owned(),
        path: "/srv/www".into(),
        flow: FlowKind::StaticWebsite,
        account: "shop".to_owned(),
        env: "env-1".to_owned(),
        prefix: prefix.to_owned(),
        exclude: Vec::new(),
        last: Vec::new(),
        headers: Vec::new(),
        settle: Duration::ZERO,
        settle_max: Duration::ZERO,
        watch: WatchMode::Off,
        rescan: Duration::ZERO,
        max_file: None,
    }
}

pub(crate) fn path(name: &str) -> RelPath {
    RelPath::from_bytes(name.as_bytes()).unwrap()
}

pub(crate) fn stat(size: usize, tick: i64) -> Stat {
    Stat {
        dev: u64::MAX,
        ino: u64::MAX - 1,
        size: size as u64,
        mtime_ns: tick,
        ctime_ns: tick,
    }
}

/// A look at a file with these contents; its stage by its name.
pub(crate) fn file(name: &str, contents: &str) -> Sighting {
    let stage = match name {
        "index.html" => Stage::Last,
        page if page.split('.').next_back() == Some("html") => Stage::Page,
        _ => Stage::Asset,
    };
    file_of(name, contents, stage)
}

pub(crate) fn file_of(name: &str, contents: &str, stage: Stage) -> Sighting {
    let path = path(name);
    let key = Key::of("", &path).unwrap();
    Sighting {
        sight: Sight::File {
            stat: stat(contents.len(), 1),
            digest: Sha256::of(contents.as_bytes()),
            racy: false,
        },
        target: Some((key, stage, Fingerprint(-5))),
        path,
    }
}

pub(crate) fn gone(name: &str) -> Sighting {
    Sighting {
        path: path(name),
        sight: Sight::Gone,
        target: None,
    }
}

pub(crate) fn excluded(name: &str, reason: &str) -> Sighting {
    Sighting {
        path: path(name),
        sight: Sight::Excluded {
            stat: stat(3, 1),
            reason: reason.to_owned(),
        },
        target: None,
    }
}

pub(crate) fn acknowledged(claim: &Claim) -> Outcome {
    Outcome::Acknowledged(Receipt {
        bytes: claim.version.stat.size,
        digest: claim.version.digest,
        remote_id: Some("cloud://1".to_owned()),
        object_key: None,
        etag: Some("tag".to_owned()),
        verified: true,
    })
}

pub(crate) fn fault(code: &str) -> Fault {
    Fault::new(Call::Put, Layer::Cos, code, "words").with_status(503)
}

/// A fault of before anything of the file was sent.
pub(crate) fn unsent(code: &str) -> Fault {
    Fault::new(Call::Link, Layer::Errcode, code, "words")
}

pub(crate) fn names(claims: &[Claim]) -> Vec<String> {
    claims.iter().map(|claim| claim.path.to_string()).collect()
}

pub(crate) fn job_state(file: &StoredFile) -> Option<JobState> {
    file.known.job.map(|job| job.state)
}

/// Runs a test on both kinds of store.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($($world:tt)+) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn told($($world)+) $body

            #[tokio::test]
            async fn in_a_file() {
                told(World::new(Place::file()).await).await;
            }

            #[tokio::test]
            async fn in_memory() {
                told(World::new(Place::memory()).await).await;
            }
        }
    )+};
}
pub(crate) use on_both;
