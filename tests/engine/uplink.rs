//! Uploads that share one uplink and the memory for their bodies.
//! Links live for a minute here, of which 54 seconds are used.

use super::*;

const KIB: u64 = 1024;

/// What the bytes of all uploads go through.
#[derive(Default)]
pub(super) struct Uplink {
    /// Bytes a second of all uploads together; none are waited for without.
    rate: Option<u64>,
    /// After so many bytes an upload stands still, and where it is shorter, no answer comes.
    still_after: Option<u64>,
    sending: usize,
    /// The most streams there were at once.
    streams_most: usize,
}

/// How far an upload got.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) moved_for: Duration,
}

/// An upload on the uplink.
struct Sending<'a> {
    cloud: &'a Cloud,
    began: Instant,
}

impl<'a> Sending<'a> {
    fn begin(cloud: &'a Cloud, is_streamed: bool) -> Self {
        let uplink = &mut cloud.0.lock().unwrap().uplink;
        uplink.sending += 1;
        if is_streamed {
            uplink.streams_most = uplink.streams_most.max(uplink.sending);
        }
        Self {
            cloud,
            began: Instant::now(),
        }
    }

    async fn pass(&self, bytes: u64, sent: &mut Sent) {
        sent.bytes += bytes;
        sent.moved_for = self.began.elapsed();
        let (span, is_still) = {
            let uplink = &self.cloud.0.lock().unwrap().uplink;
            let span = |rate| Duration::from_millis(bytes * 1_000 * uplink.sending as u64 / rate);
            let is_still = uplink.still_after.is_some_and(|most| sent.bytes >= most);
            (uplink.rate.map(span), is_still)
        };
        if is_still {
            std::future::pending::<()>().await;
        }
        if let Some(span) = span {
            tokio::time::sleep(span).await;
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.cloud.0.lock().unwrap().uplink.sending -= 1;
    }
}

/// Takes the body of an upload.
pub(super) async fn take(
    cloud: &Cloud,
    body: &mut Body,
    sent: &mut Sent,
) -> Result<(), TransportKind> {
    let sending = Sending::begin(cloud, matches!(body, Body::Streamed { .. }));
    match body {
        Body::Empty => {}
        Body::Held(bytes) => sending.pass(bytes.len() as u64, sent).await,
        Body::Streamed { len, pieces } => {
            while sent.bytes < *len {
                let piece = pieces.recv().await.and_then(Result::ok);
                let piece = piece.ok_or(TransportKind::Source)?;
                sending.pass(piece.len() as u64, sent).await;
            }
        }
    }
    if cloud.0.lock().unwrap().uplink.still_after.is_some() {
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// A folder with so many files of `len` bytes, and their keys.
fn with_files(world: &World, count: usize, len: usize) -> Vec<String> {
    let names = (0..count).map(|number| format!("{number}.bin"));
    names
        .map(|name| {
            world
                .disk
                .write(Path::new("/srv/one"), &name, &vec![7; len]);
            format!("one/{name}")
        })
        .collect()
}

fn of(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn as_many_files_are_streamed_at_once_as_the_memory_has_room_for() {
    // 16 MiB are for small files, and a stream takes 1.75 MiB.
    for (memory_mib, most) in [(32, 9), (0, 1)] {
        let mut world = World::new(&[("one", "works")]);
        world.memory_bytes = memory_mib * 1024 * 1024;
        world.accounts[0].concurrency = Concurrency::Fixed(12);
        world.cloud.0.lock().unwrap().uplink.rate = Some(4 * 1024 * 1024);
        let keys = with_files(&world, 12, 2 * 1024 * 1024);
        let engine = world.start(Mode::Run).await;
        assert!(world.has_all(&of(&keys), Duration::from_mins(2)).await);
        let seen = world.cloud.0.lock().unwrap().uplink.streams_most;
        assert_eq!(seen, most, "{memory_mib} MiB");
        engine.stop().await.unwrap();
    }
}

fn dead(world: &World) -> u64 {
    let store = Store::inline(&world.database, Arc::new(|| Box::pin(async {})));
    let reader = store.reader().unwrap();
    let rows = reader.folders().unwrap();
    reader.counts(rows[0].id).unwrap().dead
}

#[tokio::test(start_paused = true)]
async fn files_whose_links_end_because_they_share_the_uplink_are_sent_all_the_same() {
    for concurrency in [Concurrency::Auto, Concurrency::Fixed(4)] {
        let mut world = World::new(&[("one", "works")]);
        world.accounts[0].concurrency = concurrency;
        world.cloud.0.lock().unwrap().uplink.rate = Some(256 * KIB);
        // Each alone takes 16 s, all four together 64 s.
        let keys = with_files(&world, 4, 4 * 1024 * 1024);
        let engine = world.start(Mode::Run).await;
        assert!(world.has_all(&of(&keys), Duration::from_mins(10)).await);
        assert_eq!(dead(&world), 0);
        engine.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_three_links_are_too_short_for_is_given_up_although_it_was_sent_alone() {
    let world = World::new(&[("one", "works")]);
    world.cloud.0.lock().unwrap().uplink.rate = Some(256 * KIB);
    // It takes 64 s.
    with_files(&world, 1, 16 * 1024 * 1024);
    let engine = world.start(Mode::Run).await;
    let began = Instant::now();
    while dead(&world) == 0 {
        assert!(began.elapsed() < Duration::from_mins(10));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let links = world.cloud.0.lock().unwrap().requests.clone();
    assert_eq!(links.len(), 3, "{links:?}");
    engine.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_the_bytes_and_does_not_answer_costs_no_file() {
    for still_after in [1024 * KIB, u64::MAX] {
        let world = World::new(&[("one", "works")]);
        world.cloud.0.lock().unwrap().uplink.still_after = Some(still_after);
        let mut keys = with_files(&world, 3, 2 * 1024 * 1024);
        world.write("one", "small.css");
        keys.push("one/small.css".to_owned());
        let engine = world.start(Mode::Run).await;
        assert!(!world.has_all(&of(&keys), Duration::from_mins(30)).await);
        assert_eq!(dead(&world), 0);
        assert_ne!(engine.live().accounts[0].gate, GateState::Ready);
        world.cloud.0.lock().unwrap().uplink.still_after = None;
        assert!(world.has_all(&of(&keys), Duration::from_mins(10)).await);
        engine.stop().await.unwrap();
    }
}
