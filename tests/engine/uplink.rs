//! Uploads that share one uplink and the memory for their bodies.

use super::*;

/// What the bytes of all uploads go through.
#[derive(Default)]
pub(super) struct Uplink {
    /// Bytes a second of all uploads together; none are waited for without.
    rate: Option<u64>,
    sending: usize,
    /// The most streams there were at once.
    streams_most: usize,
}

/// How far an upload got.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) bytes: u64,
}

/// An upload on the uplink.
struct Sending<'a>(&'a Cloud);

impl<'a> Sending<'a> {
    fn begin(cloud: &'a Cloud, is_streamed: bool) -> Self {
        let uplink = &mut cloud.0.lock().unwrap().uplink;
        uplink.sending += 1;
        if is_streamed {
            uplink.streams_most = uplink.streams_most.max(uplink.sending);
        }
        Self(cloud)
    }

    async fn pass(&self, bytes: u64, sent: &mut Sent) {
        sent.bytes += bytes;
        let span = {
            let uplink = &self.0.0.lock().unwrap().uplink;
            uplink
                .rate
                .map(|rate| Duration::from_millis(bytes * 1_000 * uplink.sending as u64 / rate))
        };
        if let Some(span) = span {
            tokio::time::sleep(span).await;
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().uplink.sending -= 1;
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
