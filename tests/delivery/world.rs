//! A journal and an inbox, and processes on them that can be ended at any effect.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use syncd::engine::inbox::deliver::{DeliverError, Delivery, Recovered, temp_name};
use syncd::model::digest::Sha256;
use syncd::model::message::{MessageId, MessageState, NewMessage};
use syncd::model::path::RelPath;
use syncd::model::time::{Monotonic, Timestamp};
use syncd::port::BoxFuture;
use syncd::port::clock::Clock;
use syncd::port::dice::Dice;
use syncd::port::inbox_disk::Inboxes;
use syncd::port::offload::Offload;
use syncd::store::{Fetched, InlineDatabase, MessageRow, PendingMessage, Reader, Sidecar, Store};

use crate::inbox::{Effect, FakeInboxes, Verdict};

pub(crate) const DESK: &str = "desk";
/// What is received, and what goes beside it.
pub(crate) const CONTENTS: &[u8] = b"the bytes of a received file, all of them";
pub(crate) const SIDECAR: &[u8] = b"{\"message\":\"m\"}";

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::from_bytes(text.as_bytes()).unwrap()
}

/// `d/x.png` → `d/x.png-1`: plain, because how names are made is not the matter here.
fn again(wanted: &RelPath, number: u32) -> RelPath {
    path(&format!("{wanted}-{number}"))
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
    fn monotonic(&self) -> Monotonic {
        Monotonic::default()
    }
    fn sleep_until(&self, _: Monotonic) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Numbers that never come again, whatever process asks.
#[derive(Clone)]
struct Counter(Arc<AtomicU64>);

static NUMBERS: LazyLock<Arc<AtomicU64>> = LazyLock::new(Arc::default);

impl Dice for Counter {
    fn fraction(&self) -> f64 {
        0.5
    }
    fn number(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// What ends a process, or spoils an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing.
    Calm,
    /// It dies before its n-th effect.
    DieAt(u64),
    /// The disk fails at its n-th effect.
    FailAt(u64),
}

/// Counts the effects of one process.
#[derive(Clone)]
pub(crate) struct Doom {
    plan: Plan,
    effects: Arc<AtomicU64>,
}

impl Doom {
    fn new(plan: Plan) -> Self {
        Self {
            plan,
            effects: Arc::default(),
        }
    }

    /// Counts one; whether the process lives to see it.
    fn passes(&self) -> bool {
        let number = self.effects.fetch_add(1, Ordering::Relaxed);
        !matches!(self.plan, Plan::DieAt(at) if number >= at)
    }

    fn fails(&self) -> bool {
        let number = self.effects.load(Ordering::Relaxed);
        matches!(self.plan, Plan::FailAt(at) if number == at + 1)
    }

    pub(crate) fn effects(&self) -> u64 {
        self.effects.load(Ordering::Relaxed)
    }
}

/// Files as a reader came by them.
type Seen = Arc<Mutex<Vec<(Vec<u8>, Vec<u8>)>>>;

/// Everything that outlives processes.
pub(crate) struct World {
    /// Identity of the message that is looked at.
    pub(crate) message: String,
    pub(crate) disk: FakeInboxes,
    database: InlineDatabase,
    dice: Counter,
    /// A reader takes every file away the moment it is there.
    greedy: bool,
    taken: Seen,
    pub(crate) with_sidecar: bool,
}

/// One process.
pub(crate) struct Process {
    pub(crate) delivery: Delivery,
    pub(crate) doom: Doom,
}

impl World {
    pub(crate) fn new(greedy: bool) -> Self {
        Self::on(&InlineDatabase::new().unwrap(), greedy, "m")
    }

    /// On a journal that others had before.
    pub(crate) fn on(database: &InlineDatabase, greedy: bool, message: &str) -> Self {
        Self {
            message: message.to_owned(),
            disk: FakeInboxes::new(),
            database: database.clone(),
            dice: Counter(Arc::clone(&NUMBERS)),
            greedy,
            taken: Seen::default(),
            with_sidecar: true,
        }
    }

    /// Starts a process that ends as planned; whoever had the inbox open is gone.
    pub(crate) fn start(&self, plan: Plan) -> Process {
        let doom = Doom::new(plan);
        let mut hook = self.hook(doom.clone());
        self.disk
            .set_hook(Some(Box::new(move |disk, effect| hook(disk, effect))));
        let dying = doom.clone();
        let store = Store::inline(
            &self.database,
            Arc::new(move || {
                let lives = dying.passes();
                Box::pin(async move {
                    if !lives {
                        std::future::pending::<()>().await;
                    }
                })
            }),
        );
        let delivery = Delivery {
            name: DESK.to_owned(),
            disk: self.disk.open(Path::new("/srv/inbox")).unwrap(),
            store,
            offload: Offload::Inline,
            clock: Arc::new(StoppedClock),
            dice: Arc::new(self.dice.clone()),
            again,
            has_hook: false,
        };
        Process { delivery, doom }
    }

    /// Before each effect: the reader reads, then the process dies, or the disk fails.
    fn hook(&self, doom: Doom) -> impl FnMut(&FakeInboxes, &Effect) -> Verdict + Send + use<> {
        let (greedy, taken) = (self.greedy, Arc::clone(&self.taken));
        move |disk, _| {
            if greedy {
                read_all(disk, &taken);
            }
            if !doom.passes() {
                Verdict::Dead
            } else if doom.fails() {
                Verdict::Fails(io::ErrorKind::Other)
            } else {
                Verdict::Happens
            }
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        Store::inline(
            &self.database,
            Arc::new(|| Box::pin(std::future::ready(()))),
        )
        .reader()
        .unwrap()
    }

    pub(crate) fn row(&self, identity: &str) -> MessageRow {
        self.reader().message(DESK, identity).unwrap().unwrap()
    }

    /// Takes what is there if the reader does so, and tells all that it ever saw or that is there.
    pub(crate) fn seen(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        if self.greedy {
            read_all(&self.disk, &self.taken);
        }
        let mut seen = self.taken.lock().unwrap().clone();
        seen.extend(self.disk.files());
        seen
    }

    /// Whatever happened up to here: what is to be seen is whole, and no file is without its sidecar.
    pub(crate) fn check_now(&self, about: &str) {
        let seen = self.seen();
        for (name, bytes) in &seen {
            let name = String::from_utf8_lossy(name);
            let whole = if name.ends_with(".json") {
                SIDECAR
            } else {
                CONTENTS
            };
            assert_eq!(bytes, whole, "{about}: {name} is not whole");
        }
        for (name, _) in seen.iter().filter(|(name, _)| !name.ends_with(b".json")) {
            let beside = path(std::str::from_utf8(name).unwrap()).sidecar();
            let is_there = seen.iter().any(|(name, _)| name == beside.as_bytes());
            assert!(
                is_there || !self.with_sidecar,
                "{about}: a file without its sidecar"
            );
        }
    }

    /// In the end: one file, one sidecar, both where the row says, and nothing left over.
    pub(crate) fn check_end(&self, about: &str) {
        self.check_now(about);
        let row = self.row(&self.message);
        assert_eq!(row.state, MessageState::Delivered, "{about}");
        let name = row.file.unwrap().path;
        let mut expected = vec![(name.as_bytes().to_vec(), CONTENTS.to_vec())];
        if self.with_sidecar {
            expected.push((name.sidecar().as_bytes().to_vec(), SIDECAR.to_vec()));
        }
        assert_eq!(
            self.seen(),
            expected_order(&self.seen(), expected),
            "{about}"
        );
        let open = self.disk.open(Path::new("/srv/inbox")).unwrap();
        assert_eq!(open.temps().unwrap(), [], "{about}");
    }
}

/// The expected files in the order in which they were seen; as they are where they differ.
fn expected_order(
    seen: &[(Vec<u8>, Vec<u8>)],
    mut expected: Vec<(Vec<u8>, Vec<u8>)>,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    expected.sort_by_key(|file| seen.iter().position(|other| other == file));
    expected
}

fn read_all(disk: &FakeInboxes, taken: &Seen) {
    let files: BTreeMap<_, _> = disk.files();
    for name in files.keys() {
        if let Some(bytes) = disk.take(name) {
            taken.lock().unwrap().push((name.clone(), bytes));
        }
    }
}

impl Process {
    /// Runs something of the process to its end, or to the effect at which it dies (`None`).
    pub(crate) async fn run<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let ended = tokio::select! {
            biased;
            ended = what => Some(ended),
            () = std::future::ready(()) => None,
        };
        let dead = matches!(self.doom.plan, Plan::DieAt(at) if self.doom.effects() > at);
        ended.filter(|_| !dead)
    }

    /// Receives a message with a file, fetches that and begins to deliver it.
    pub(crate) async fn fetch(&self, identity: &str, wanted: &str, sidecar: bool) -> MessageId {
        let Delivery {
            store, disk, dice, ..
        } = &self.delivery;
        let message = NewMessage {
            identity: identity.to_owned(),
            content: Sha256::of(identity.as_bytes()),
            raw: Vec::new(),
            carries_file: true,
            sent_at: None,
        };
        store
            .journal(DESK.to_owned(), vec![message], Timestamp(1))
            .await
            .unwrap();
        let due = store
            .next_messages(DESK.to_owned(), 1, Timestamp(1))
            .await
            .unwrap();
        let id = due[0].row.id;
        store.begin_message(id, Timestamp(1)).await.unwrap();
        let write = |contents: &[u8]| {
            let name = temp_name(&**dice);
            let mut file = disk.create(&name).unwrap();
            file.write(contents).unwrap();
            file.finish().unwrap();
            name
        };
        let fetched = Fetched {
            temp: write(CONTENTS),
            sidecar: sidecar.then(|| Sidecar {
                temp: write(SIDECAR),
                text: SIDECAR.to_vec(),
            }),
            wanted: path(wanted),
            digest: Sha256::of(CONTENTS),
            size: CONTENTS.len() as u64,
        };
        assert!(
            store
                .message_fetched(id, fetched, Timestamp(1))
                .await
                .unwrap()
        );
        id
    }

    pub(crate) async fn pending(&self) -> PendingMessage {
        self.delivery
            .store
            .undelivered(DESK.to_owned())
            .await
            .unwrap()
            .remove(0)
    }

    pub(crate) async fn deliver(&self) -> Result<Option<RelPath>, DeliverError> {
        let message = self.pending().await;
        self.delivery.deliver(&message).await
    }

    /// What a new process does first.
    pub(crate) async fn recover(&self) -> Result<Recovered, DeliverError> {
        let Delivery { store, disk, .. } = &self.delivery;
        store.recover(Timestamp(1)).await?;
        let known = store
            .adopt_inboxes(vec![DESK.to_owned()])
            .await?
            .remove(0)
            .root;
        let recovered = self.delivery.recover(known).await?;
        assert_eq!(
            known.is_none_or(|known| known == disk.identity()),
            recovered.lost.is_empty()
        );
        Ok(recovered)
    }
}
