//! What an outbox is sending: the key of the bytes, the message that carries it, and their end.

use syncd::model::digest::Sha256;
use syncd::model::job::{Claim, Outcome, Receipt};
use syncd::model::time::Timestamp;
use syncd::store::{NewObjectKey, Selection};

use super::world::*;

fn key(claim: &Claim, number: u32) -> NewObjectKey {
    NewObjectKey {
        digest: claim.version.digest,
        object_key: format!("key {number}"),
        message_id: format!("message {number}"),
        sends: 0,
    }
}

impl World {
    async fn keep(&self, claim: &Claim, number: u32) -> bool {
        let kept = self
            .store
            .keep_object_key(claim.job, key(claim, number), self.now);
        kept.await.unwrap()
    }

    async fn send_begins(&self, claim: &Claim) -> u32 {
        self.store.send_begins(claim.job, self.now).await.unwrap()
    }
}

on_both! {
    async fn a_key_outlives_the_attempt_and_goes_with_the_acknowledgement(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "2")]).await;
        let claims = world.claim().await;
        assert_eq!(world.store.sending(claims[0].job).await.unwrap(), None);
        assert_eq!(world.send_begins(&claims[0]).await, 0, "there is nothing to send yet");
        assert!(world.keep(&claims[0], 1).await);
        assert_eq!(world.send_begins(&claims[0]).await, 1);
        assert_eq!(world.store.sending(claims[1].job).await.unwrap(), None);
        world.restart();
        world.store.recover(world.now).await.unwrap();
        assert_eq!(world.store.sending(claims[0].job).await.unwrap(), None, "it does not run");
        assert!(!world.keep(&claims[0], 2).await);
        assert_eq!(world.send_begins(&claims[0]).await, 0);
        let claim = world.claim().await.remove(0);
        let sending = world.store.sending(claim.job).await.unwrap().unwrap();
        assert_eq!((sending.object_key.as_str(), sending.message_id.as_str()), ("key 1", "message 1"));
        assert_eq!((sending.digest, sending.begun), (Sha256::of(b"1"), 1));
        assert_eq!((sending.key_at, sending.begun_at), (world.now, Some(world.now)));
        assert_eq!(world.reader.sending(world.folder, &path("a")).unwrap(), Some(sending));
        assert_eq!(world.send_begins(&claim).await, 2);
        let receipt = Receipt {
            bytes: 1,
            digest: claim.version.digest,
            remote_id: Some("message 1".to_owned()),
            object_key: Some("key 1".to_owned()),
            etag: None,
            verified: false,
        };
        world.settle(&claim, Outcome::Acknowledged(receipt)).await;
        assert_eq!(world.reader.sending(world.folder, &path("a")).unwrap(), None);
        let upload = world.reader.dossier(world.folder, &path("a")).unwrap().uploads.remove(0);
        assert_eq!(upload.remote_id.as_deref(), Some("message 1"));
        assert_eq!(upload.object_key.as_deref(), Some("key 1"));
    }

    async fn another_key_begins_another_message(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.keep(&claim, 1).await;
        world.send_begins(&claim).await;
        world.now = Timestamp(5_000_000);
        assert!(world.keep(&claim, 2).await);
        let sending = world.store.sending(claim.job).await.unwrap().unwrap();
        assert_eq!((sending.object_key.as_str(), sending.begun, sending.begun_at), ("key 2", 0, None));
        assert_eq!(sending.key_at, world.now);
    }

    async fn what_nobody_sends_any_more_is_forgotten_at_the_next_start(mut world: World) {
        world.publish(vec![file("gone", "1"), file("dropped", "2")]).await;
        for claim in world.claim().await {
            world.keep(&claim, 1).await;
            world.send_begins(&claim).await;
            world.settle(&claim, Outcome::Dead(fault("13"))).await;
        }
        world.record(vec![gone("gone")]).await;
        world.store.drop_jobs(Selection::Path(world.folder, path("dropped")), world.now).await.unwrap();
        world.store.recover(world.now).await.unwrap();
        let left = |name: &str| world.reader.sending(world.folder, &path(name)).unwrap();
        assert_eq!(left("gone"), None);
        assert_eq!(left("dropped").unwrap().begun, 1, "it may have arrived, whoever sends it again");
    }
}
