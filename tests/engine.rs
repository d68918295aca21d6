//! The engine with several folders and accounts, over a disk in memory and a cloud of three answers,
//! under paused time.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and here it is the outside world and its clock"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use syncd::engine::live::GateState;
use syncd::engine::{Command, Engine, Mode, Ports, Settings};
use syncd::model::folder::{
    AccountSpec, Concurrency, FolderSpec, Platform, TokenSource, WatchMode,
};
use syncd::model::secret::{Rotating, Secret};
use syncd::port::BoxFuture;
use syncd::port::clock::Clock;
use syncd::port::offload::Offload;
use syncd::port::transport::{
    Body, Peer, Reply, Request, Transport, TransportFault, TransportKind,
};
use syncd::port::watcher::{Hints, Watch, WatchError, Watcher};
use syncd::store::{FileCounts, InlineDatabase, Store};
use tokio::time::Instant;

#[expect(dead_code, reason = "the tests of one folder's task use the rest")]
#[path = "intake/bench.rs"]
mod bench;
#[expect(dead_code, reason = "the simulator uses the rest")]
#[path = "simulation/disk.rs"]
mod disk;
#[path = "engine/uplink.rs"]
mod uplink;

use bench::{EvenDice, Events, Nobody, RuntimeClock};
use disk::{FakeDisk, Operation};
use uplink::{Sent, Uplink};

const WALL_MS: i64 = 1_795_219_200_000;

/// Takes everything, but for accounts and keys that are to fail for a while.
#[derive(Clone, Default)]
struct Cloud(Arc<Mutex<Sky>>);

#[derive(Default)]
struct Sky {
    /// Accounts that cannot be reached.
    unreachable: Vec<&'static str>,
    /// No token of a platform is good for anything.
    refuses_platforms: bool,
    /// How many uploads of a key are still to fail.
    failing: BTreeMap<String, u32>,
    /// Keys whose uploads never end, and those of them that began.
    stalled: Vec<&'static str>,
    begun: BTreeSet<String>,
    objects: Vec<String>,
    /// Whom each request was for, and when it came.
    requests: Vec<(Peer, Instant)>,
    uplink: Uplink,
}

impl Sky {
    /// Another one each time.
    fn token_of_a_platform(&self, call: &str) -> String {
        let name = match call {
            "api_component_token" => "component_access_token",
            _ if self.refuses_platforms => {
                return r#"{"errcode":42001,"errmsg":"component_access_token expired"}"#.to_owned();
            }
            _ => "authorizer_access_token",
        };
        let number = self.requests.len();
        format!(r#"{{"{name}":"token-{number}","expires_in":7200}}"#)
    }
}

impl Cloud {
    fn has(&self, key: &str) -> bool {
        self.0
            .lock()
            .unwrap()
            .objects
            .iter()
            .any(|have| have == key)
    }

    fn stalls(&self, request: &Request) -> bool {
        let mut sky = self.0.lock().unwrap();
        let url = url::Url::parse(request.url.expose()).unwrap();
        let key = url.path().trim_start_matches('/');
        let stalls = request.peer != Peer::Api && sky.stalled.contains(&key);
        if stalls {
            sky.begun.insert(key.to_owned());
        }
        stalls
    }

    fn answer(&self, request: &Request) -> Result<Reply, TransportKind> {
        let mut sky = self.0.lock().unwrap();
        sky.requests.push((request.peer, Instant::now()));
        let url = url::Url::parse(request.url.expose()).unwrap();
        let account = url
            .host_str()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        if request.peer == Peer::Api {
            if sky.unreachable.iter().any(|name| *name == account) {
                return Err(TransportKind::Connect);
            }
            if let Some(call) = url.path().strip_prefix("/cgi-bin/component/") {
                return Ok(ok(&sky.token_of_a_platform(call)));
            }
            let Body::Held(body) = &request.body else {
                unreachable!("a link is asked for with a body");
            };
            let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
            let key = asked["filename"].as_str().unwrap();
            let link = format!("https://store.example.com/{key}?sign=1");
            let text = format!(r#"{{"errcode":0,"signed_url":"{link}","token":"t"}}"#);
            return Ok(ok(&text));
        }
        let key = url.path().trim_start_matches('/').to_owned();
        if let Some(left @ 1..) = sky.failing.get_mut(&key) {
            *left -= 1;
            return Err(TransportKind::Connect);
        }
        sky.objects.push(key);
        Ok(ok(""))
    }
}

fn ok(body: &str) -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: Bytes::from(body.to_owned()),
    }
}

impl Transport for Cloud {
    fn exchange(&self, mut request: Request) -> BoxFuture<'_, Result<Reply, TransportFault>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.stalls(&request) {
                std::future::pending::<()>().await;
            }
            let mut sent = Sent::default();
            let mut taken = Ok(());
            if request.peer == Peer::UploadHost {
                let taking = uplink::take(self, &mut request.body, &mut sent);
                taken = tokio::time::timeout(request.deadline, taking)
                    .await
                    .unwrap_or(Err(TransportKind::Timeout));
            }
            taken
                .and_then(|()| self.answer(&request))
                .map_err(|kind| TransportFault {
                    kind,
                    message: String::new(),
                    bytes_sent: sent.bytes,
                    moved_for: sent.moved_for,
                })
        })
    }
}

struct NoWatcher;

impl Watcher for NoWatcher {
    fn watch(&self, _: &Path, _: Hints) -> Result<Box<dyn Watch>, WatchError> {
        unreachable!("nothing is watched")
    }
}

/// How long a store takes before and after each write.
#[derive(Clone, Copy)]
enum Slowness {
    /// By this seed.
    Diced(u64),
    Always(Duration),
}

struct World {
    clock: Arc<RuntimeClock>,
    cloud: Cloud,
    disk: FakeDisk,
    database: InlineDatabase,
    /// The store takes a while before and after each write.
    slow_store: Option<Slowness>,
    folders: Vec<FolderSpec>,
    accounts: Vec<AccountSpec>,
    memory_bytes: u64,
}

impl World {
    /// Folders, each with its account.
    fn new(folders: &[(&str, &str)]) -> Self {
        let disk = FakeDisk::new(1_000_000_000);
        let mut accounts: Vec<AccountSpec> = Vec::new();
        let mut specs = Vec::new();
        for (number, (name, account)) in folders.iter().enumerate() {
            let path = PathBuf::from(format!("/srv/{name}"));
            disk.make_root(&path, number as u64 + 1);
            let spec = FolderSpec {
                name: (*name).to_owned(),
                account: (*account).to_owned(),
                prefix: format!("{name}/"),
                rescan: Duration::from_hours(10),
                max_file: None,
                ..bench::spec(&path, WatchMode::Off)
            };
            specs.push(spec);
            if accounts.iter().all(|have| have.name != *account) {
                accounts.push(AccountSpec {
                    name: (*account).to_owned(),
                    base_url: format!("https://{account}.example.com"),
                    upload_hosts: vec!["store.example.com".to_owned()],
                    token: TokenSource::Value(Secret::new("token")),
                    requests_per_second: 0,
                    concurrency: Concurrency::Fixed(2),
                });
            }
        }
        Self {
            clock: Arc::new(RuntimeClock::new(WALL_MS)),
            cloud: Cloud::default(),
            disk,
            database: InlineDatabase::new().unwrap(),
            slow_store: None,
            folders: specs,
            accounts,
            memory_bytes: 32 * 1024 * 1024,
        }
    }

    fn write(&self, folder: &str, path: &str) {
        let root = format!("/srv/{folder}");
        self.disk.write(Path::new(&root), path, b"bytes");
    }

    fn fails(&self, key: &str, times: u32) {
        self.cloud
            .0
            .lock()
            .unwrap()
            .failing
            .insert(key.to_owned(), times);
    }

    async fn start(&self, mode: Mode) -> Engine {
        let slowness = self.slow_store;
        let seed = match slowness {
            Some(Slowness::Diced(seed)) => seed,
            _ => 0,
        };
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        let slow = Arc::new(move || -> BoxFuture<'static, ()> {
            let mut rng = rng.lock().unwrap();
            let takes = match slowness {
                None => Duration::ZERO,
                Some(Slowness::Diced(_)) => Duration::from_millis(rng.u64(0..4) * rng.u64(0..100)),
                Some(Slowness::Always(takes)) => takes,
            };
            Box::pin(async move {
                if !takes.is_zero() {
                    tokio::time::sleep(takes).await;
                }
            })
        });
        let ports = Ports {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            disk: Arc::new(self.disk.clone()),
            transport: Arc::new(self.cloud.clone()),
            dice: Arc::new(EvenDice),
            watcher: Arc::new(NoWatcher),
            local_tokens: Arc::new(Nobody),
            inboxes: Arc::new(Nobody),
            programs: Arc::new(Nobody),
            observer: Arc::new(Events::default()),
            offload: Offload::Inline,
        };
        let settings = Settings {
            folders: self.folders.clone(),
            accounts: self.accounts.clone(),
            desks: Vec::new(),
            inboxes: Vec::new(),
            attempts_max: 8,
            memory_bytes: self.memory_bytes,
        };
        let store = Store::inline(&self.database, slow);
        Engine::start(ports, store, settings, mode).await.unwrap()
    }

    /// Waits, at most for so long, until the cloud has all of these.
    async fn has_all(&self, keys: &[&str], most: Duration) -> bool {
        let until = Instant::now() + most;
        while !keys.iter().all(|key| self.cloud.has(key)) {
            if Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        true
    }
}

#[tokio::test(start_paused = true)]
async fn once_waits_for_an_outage_for_a_minute_and_says_what_is_left() {
    let world = World::new(&[("one", "works"), ("two", "down")]);
    for name in ["a.css", "b.css", "index.html"] {
        world.write("one", name);
        world.write("two", name);
    }
    world.cloud.0.lock().unwrap().unreachable.push("down");
    let engine = world.start(Mode::Once).await;
    let began = Instant::now();
    let summary = engine.once(&[]).await.unwrap();
    let took = began.elapsed();
    assert!(
        (Duration::from_mins(1)..Duration::from_mins(5)).contains(&took),
        "{took:?}"
    );
    let in_sync = FileCounts {
        total: 3,
        synced: 3,
        ..FileCounts::default()
    };
    assert_eq!(summary.folders[0].counts, in_sync);
    let left = summary.folders[1].counts;
    assert_eq!((left.total, left.queued + left.failed), (3, 3), "{left:?}");
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn once_does_not_wait_for_a_closed_account_with_nothing_to_send() {
    let world = World::new(&[("one", "down")]);
    world.write("one", "a.css");
    world.cloud.0.lock().unwrap().unreachable.push("down");
    for left in [1, 0] {
        let engine = world.start(Mode::Once).await;
        let once = tokio::time::timeout(Duration::from_mins(10), engine.once(&[]));
        let summary = once.await.expect("it ends").unwrap();
        assert_eq!(summary.folders[0].counts.total, left);
        assert_ne!(engine.live().accounts[0].gate, GateState::Ready);
        engine.stop().await.unwrap();
        world.disk.remove(Path::new("/srv/one"), "a.css");
    }
}

#[tokio::test(start_paused = true)]
async fn the_counts_of_a_pass_that_found_nothing_to_do_are_those_of_the_records() {
    let world = World::new(&[("one", "works"), ("two", "down")]);
    for name in ["a.css", "b.css", "left-out~", "index.html"] {
        world.write("one", name);
        world.write("two", name);
    }
    world.write("one", "goes.css");
    world.cloud.0.lock().unwrap().unreachable.push("down");
    let mut passes = Vec::new();
    for pass in 0..3 {
        if pass == 1 {
            world.disk.remove(Path::new("/srv/one"), "goes.css");
        }
        let engine = world.start(Mode::Once).await;
        let summary = engine.once(&[]).await.unwrap();
        let store = Store::inline(&world.database, Arc::new(|| Box::pin(async {})));
        let reader = store.reader().unwrap();
        for folder in summary.folders {
            let rows = reader.folders().unwrap();
            let row = rows.iter().find(|row| row.name == folder.name).unwrap();
            let recorded = FileCounts {
                remote_only: 0,
                ..reader.counts(row.id).unwrap()
            };
            assert_eq!(folder.counts, recorded, "{} in pass {pass}", folder.name);
            passes.push((folder.name, folder.counts.synced, folder.counts.excluded));
        }
        let at_rest: Vec<bool> = engine
            .live()
            .folders
            .iter()
            .map(|live| live.at_rest.is_some())
            .collect();
        assert_eq!(at_rest, [pass == 2, false], "in pass {pass}");
        engine.stop().await.unwrap();
    }
    let seen: Vec<_> = passes
        .iter()
        .map(|(name, one, two)| (name.as_str(), *one, *two))
        .collect();
    assert_eq!(
        seen,
        [
            ("one", 4, 1),
            ("two", 0, 1),
            ("one", 3, 1),
            ("two", 0, 1),
            ("one", 3, 1),
            ("two", 0, 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_down_holds_up_no_other() {
    let world = World::new(&[("one", "works"), ("two", "down")]);
    world.write("one", "a.css");
    world.write("two", "a.css");
    world.cloud.0.lock().unwrap().unreachable.push("down");
    let engine = world.start(Mode::Run).await;
    assert!(world.has_all(&["one/a.css"], Duration::from_secs(10)).await);
    world.write("one", "b.css");
    engine.command(Command::ScanNow).await.unwrap();
    assert!(world.has_all(&["one/b.css"], Duration::from_secs(10)).await);
    world.cloud.0.lock().unwrap().unreachable.clear();
    assert!(world.has_all(&["two/a.css"], Duration::from_mins(6)).await);
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_probe_tries_a_platform_whose_token_was_refused_afresh() {
    let fixed = |text: &str| Rotating::Fixed(Secret::new(text));
    let mut world = World::new(&[("one", "acted-for")]);
    world.accounts[0].token = TokenSource::Authorizer {
        platform: Platform {
            appid: "wxplatform".to_owned(),
            secret: Secret::new("secret"),
            ticket: fixed("ticket"),
        },
        appid: "wxaccount".to_owned(),
        refresh_token: fixed("refresh"),
    };
    world.cloud.0.lock().unwrap().refuses_platforms = true;
    world.write("one", "a.css");
    let engine = world.start(Mode::Run).await;
    // Several probes of the paused account.
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert!(!world.cloud.has("one/a.css"));
    world.cloud.0.lock().unwrap().refuses_platforms = false;
    assert!(world.has_all(&["one/a.css"], Duration::from_hours(1)).await);
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_due_while_the_queue_is_asked_is_not_forgotten() {
    // In some of these histories the retry comes due between the two questions of the queue.
    for seed in 0..200 {
        let mut world = World::new(&[("one", "works")]);
        world.slow_store = Some(Slowness::Diced(seed));
        world.write("one", "a.css");
        world.fails("one/a.css", 1);
        let engine = world.start(Mode::Run).await;
        let in_time = world.has_all(&["one/a.css"], Duration::from_mins(2)).await;
        assert!(in_time, "seed {seed}");
        engine.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_of_a_paused_folder_hide_no_other_folders_next_try() {
    let world = World::new(&[("one", "works"), ("two", "works")]);
    world.write("two", "a.css");
    let engine = world.start(Mode::Run).await;
    engine
        .command(Command::Pause("two".to_owned()))
        .await
        .unwrap();
    world.write("two", "b.css");
    world.write("one", "a.css");
    world.fails("one/a.css", 1);
    engine.command(Command::ScanNow).await.unwrap();
    assert!(world.has_all(&["one/a.css"], Duration::from_mins(2)).await);
    assert!(!world.cloud.has("two/b.css"));
    engine
        .command(Command::Resume("two".to_owned()))
        .await
        .unwrap();
    assert!(
        world
            .has_all(&["two/a.css", "two/b.css"], Duration::from_mins(2))
            .await
    );
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_link_is_asked_for_while_its_claim_is_committed_and_the_bytes_go_after_that() {
    let committing = Duration::from_secs(1);
    let mut world = World::new(&[("one", "works")]);
    world.slow_store = Some(Slowness::Always(committing));
    world.write("one", "a.css");
    let engine = world.start(Mode::Run).await;
    assert!(world.has_all(&["one/a.css"], Duration::from_mins(1)).await);
    let requests = world.cloud.0.lock().unwrap().requests.clone();
    let [(Peer::Api, asked), (Peer::UploadHost, sent)] = requests[..] else {
        panic!("not a link and its upload: {requests:?}");
    };
    // Both are counted from their arrival, some milliseconds after they went out.
    let apart = sent - asked;
    assert!(
        (committing..committing + Duration::from_millis(100)).contains(&apart),
        "{apart:?}"
    );
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_paused_while_its_jobs_are_claimed_asks_for_no_link() {
    // In some of these histories the pause comes while a claim waits to be written.
    for seed in 0..200 {
        let mut world = World::new(&[("one", "works")]);
        world.slow_store = Some(Slowness::Diced(seed));
        for name in ["a.css", "b.css", "c.css", "d.css", "e.css", "f.css"] {
            world.write("one", name);
        }
        let engine = world.start(Mode::Run).await;
        tokio::time::sleep(Duration::from_millis(seed * 7)).await;
        engine
            .command(Command::Pause("one".to_owned()))
            .await
            .unwrap();
        let links = || {
            let requests = &world.cloud.0.lock().unwrap().requests;
            requests
                .iter()
                .filter(|(peer, _)| *peer == Peer::Api)
                .count()
        };
        // What was asked for before arrives some milliseconds later.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let before = links();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(links(), before, "seed {seed}");
        engine.stop().await.unwrap();
    }
}

/// Nothing is watched here, so only the look after the answer can tell.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_sent_is_sent_again() {
    let world = World::new(&[("one", "works")]);
    world.write("one", "a.css");
    let engine = world.start(Mode::Once).await;
    let changing = async {
        // Its bytes are read before its link is asked for.
        while world.cloud.0.lock().unwrap().requests.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world
            .disk
            .write(Path::new("/srv/one"), "a.css", b"another version");
    };
    let (summary, ()) = tokio::join!(engine.once(&[]), changing);
    summary.unwrap();
    let objects = world.cloud.0.lock().unwrap().objects.clone();
    assert_eq!(objects, ["one/a.css", "one/a.css"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_change_under_the_same_metadata_are_read_again_and_sent() {
    let world = World::new(&[("one", "works")]);
    world.write("one", "a.css");
    let mut opened = 0;
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        opened += u32::from(matches!(operation, Operation::Open(_)));
        // The look has read it; now it is read to be sent.
        if opened == 2 {
            disk.write(Path::new("/srv/one"), "a.css", b"BYTES");
        }
    })));
    let engine = world.start(Mode::Once).await;
    let once = tokio::time::timeout(Duration::from_mins(10), engine.once(&[]));
    let summary = once.await.expect("it ends").unwrap();
    assert_eq!(summary.folders[0].counts.synced, 1);
    assert_eq!(world.cloud.0.lock().unwrap().objects, ["one/a.css"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_waits_for_its_asset_that_changes_before_it_is_sent() {
    let world = World::new(&[("one", "works")]);
    world.write("one", "a.js");
    world.write("one", "index.html");
    let mut opened = 0;
    world.disk.set_hook(Some(Box::new(move |disk, operation| {
        let is_asset = matches!(operation, Operation::Open(at) if at.as_bytes() == b"a.js");
        opened += u32::from(is_asset);
        // The look has read it; now it is read to be sent.
        if is_asset && opened == 2 {
            disk.set_now(2_000_000_000);
            disk.write(Path::new("/srv/one"), "a.js", b"another version");
        }
    })));
    let engine = world.start(Mode::Once).await;
    let began = Instant::now();
    engine.once(&[]).await.unwrap();
    let objects = world.cloud.0.lock().unwrap().objects.clone();
    assert_eq!(objects, ["one/a.js", "one/index.html"]);
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "it waited for no more than the look"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_an_upload_is_no_crash() {
    let world = World::new(&[("one", "works")]);
    world.write("one", "big.mp4");
    world.write("one", "small.css");
    world.cloud.0.lock().unwrap().stalled.push("one/big.mp4");
    for _ in 0..4 {
        let engine = world.start(Mode::Run).await;
        let began = |world: &World| world.cloud.0.lock().unwrap().begun.contains("one/big.mp4");
        while !began(&world) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        engine.stop().await.unwrap();
        world.cloud.0.lock().unwrap().begun.clear();
    }
    let store = Store::inline(&world.database, Arc::new(|| Box::pin(async {})));
    let folder = store.reader().unwrap().folders().unwrap()[0].id;
    assert_eq!(store.recover(world.clock.now()).await.unwrap(), 0);
    let claims = store.claim(folder, 10, world.clock.now()).await.unwrap();
    let crashes: Vec<_> = claims.iter().map(|claim| claim.crashes).collect();
    assert_eq!(crashes, [0], "{claims:?}");
}
