//! Names that are taken, files that are dropped, directories that are replaced, and strays.

use syncd::engine::inbox::deliver::{DeliverError, INBOX_REPLACED};
use syncd::model::message::MessageState;
use syncd::port::inbox_disk::TempName;
use syncd::store::Messages;

use crate::inbox::{Effect, Verdict};
use crate::world::*;

#[tokio::test]
async fn several_files_of_one_name_all_stay() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    let mut names = Vec::new();
    for number in 0..4 {
        process.fetch(&format!("m{number}"), "x", true).await;
        names.push(process.deliver().await.unwrap().unwrap().to_string());
    }
    assert_eq!(names, ["x", "x-1", "x-2", "x-3"]);
    assert_eq!(world.disk.files().len(), 8);
    world.check_now("all");
}

#[tokio::test]
async fn a_reader_that_takes_sidecars_only_gets_no_wrong_one() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    process.fetch("m0", "x", true).await;
    process.deliver().await.unwrap();
    world.disk.take(b"x.json").unwrap();
    process.fetch("m1", "x", true).await;
    assert_eq!(process.deliver().await.unwrap(), Some(path("x-1")));
    let names: Vec<_> = world.disk.files().into_keys().collect();
    assert_eq!(
        names,
        [b"x".to_vec(), b"x-1".to_vec(), b"x-1.json".to_vec()]
    );
}

#[tokio::test]
async fn a_name_that_is_taken_at_the_last_moment_gets_the_file_another_sidecar() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    process.fetch("m", "x", true).await;
    // Somebody puts a file there between the sidecar and the file.
    world.disk.set_hook(Some(Box::new(|disk, effect| {
        if *effect == Effect::Rename(b"x".to_vec()) {
            disk.write("x", b"theirs");
        }
        Verdict::Happens
    })));
    assert_eq!(process.deliver().await.unwrap(), Some(path("x-1")));
    let files = world.disk.files();
    assert_eq!(files[b"x".as_slice()], b"theirs");
    assert_eq!(files[b"x-1".as_slice()], CONTENTS);
    assert_eq!(files[b"x-1.json".as_slice()], SIDECAR);
    drop(process);
    let process = world.start(Plan::Calm);
    let recovered = process.recover().await.unwrap();
    assert_eq!((recovered.delivered.len(), recovered.strays), (0, 0));
}

#[tokio::test]
async fn a_file_that_a_person_dropped_is_removed_at_the_next_start() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    let id = process.fetch("m", "x", true).await;
    let pending = process.pending().await;
    process
        .delivery
        .store
        .drop_messages(Messages::One(id))
        .await
        .unwrap();
    world.disk.write("x", b"theirs");
    assert_eq!(process.delivery.deliver(&pending).await.unwrap(), None);
    drop(process);
    let process = world.start(Plan::Calm);
    assert_eq!(process.recover().await.unwrap().strays, 2);
    assert_eq!(process.delivery.disk.temps().unwrap(), []);
    assert_eq!(world.disk.files().len(), 1);
}

#[tokio::test]
async fn temporary_files_of_nobody_are_removed_and_those_of_dead_messages_kept() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    let id = process.fetch("m", "x", true).await;
    let fault = syncd::model::fault::Fault::new(
        syncd::model::fault::Call::Deliver,
        syncd::model::fault::Layer::Local,
        "io",
        "",
    );
    let next = syncd::store::NextTry::Dead;
    let now = syncd::model::time::Timestamp(1);
    process
        .delivery
        .store
        .message_failed(id, fault, next, now)
        .await
        .unwrap();
    process
        .delivery
        .disk
        .create(&TempName("stray".to_owned()))
        .unwrap();
    drop(process);
    let process = world.start(Plan::Calm);
    let recovered = process.recover().await.unwrap();
    assert_eq!((recovered.strays, recovered.delivered.len()), (1, 0));
    process
        .delivery
        .store
        .retry_messages(Messages::Dead, now)
        .await
        .unwrap();
    assert_eq!(process.deliver().await.unwrap(), Some(path("x")));
    drop(process);
    world.check_end("after the retry");
}

#[tokio::test]
async fn in_another_directory_a_missing_file_counts_as_neither_delivered_nor_lost() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    process.recover().await.unwrap();
    process.fetch("m", "x", true).await;
    drop(process);
    world.disk.replace();
    let process = world.start(Plan::Calm);
    let recovered = process.recover().await.unwrap();
    assert_eq!((recovered.lost.len(), recovered.delivered.len()), (1, 0));
    let row = world.row("m");
    assert_eq!((row.state, row.file), (MessageState::Dead, None));
    assert_eq!(row.fault.unwrap().code, INBOX_REPLACED);
    let now = syncd::model::time::Timestamp(1);
    process
        .delivery
        .store
        .retry_messages(Messages::Dead, now)
        .await
        .unwrap();
    assert_eq!(
        world.row("m").state,
        MessageState::Received,
        "it is fetched again"
    );
}

#[tokio::test]
async fn a_file_without_a_free_name_waits_and_says_so() {
    let world = World::new(false);
    let process = world.start(Plan::Calm);
    process.fetch("m", "x", false).await;
    world.disk.write("x", b"theirs");
    let delivery = syncd::engine::inbox::deliver::Delivery {
        again: |wanted, _| wanted.clone(),
        ..process.delivery.clone()
    };
    let pending = process.pending().await;
    let error = delivery.deliver(&pending).await.unwrap_err();
    assert!(matches!(error, DeliverError::NoFreeName(_)), "{error}");
    assert_eq!(world.row("m").state, MessageState::Fetched);
    world.disk.take(b"x").unwrap();
    assert_eq!(process.deliver().await.unwrap(), Some(path("x")));
}
