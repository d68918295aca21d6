//! Publish order: what waits for what.

use syncd::model::job::{Outcome, ReleaseNumber};
use syncd::model::time::Timestamp;
use syncd::store::ReleaseState;

use super::world::*;

on_both! {
    async fn last_pages_wait_for_pages_and_pages_for_assets(mut world: World) {
        world.publish(vec![file("index.html", "i"), file("a.html", "a"), file("z.css", "z")]).await;
        for expected in ["z.css", "a.html", "index.html"] {
            let claims = world.claim().await;
            assert_eq!(names(&claims), [expected]);
            assert_eq!(names(&world.claim().await), [""; 0]);
            world.acknowledge(&claims[0]).await;
        }
    }

    async fn a_page_waits_until_its_release_is_sealed(mut world: World) {
        let release = world.record(vec![file("a.html", "a")]).await.release.unwrap();
        assert_eq!(world.claim().await, []);
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), None);
        world.seal(release).await;
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), Some(world.now));
        assert_eq!(names(&world.claim().await), ["a.html"]);
    }

    async fn a_failing_asset_holds_pages_from_its_release_on_until_it_is_dead(mut world: World) {
        world.publish(vec![file("a.png", "a"), file("a.html", "a")]).await;
        world.publish(vec![file("b.png", "b"), file("b.html", "b")]).await;
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["a.png", "b.png"]);
        world.acknowledge(&claims[1]).await;
        let due = Timestamp(world.now.0 + 9);
        world.settle(&claims[0], Outcome::Retry { fault: fault("x"), due, counts: true }).await;
        assert_eq!(world.claim().await, []);
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), Some(due));
        let held = world.reader.held(world.folder, 10).unwrap();
        assert_eq!((held.len(), held[0].pages), (1, 2));
        assert_eq!(held[0].path, path("a.png"));
        world.now = due;
        let claim = world.claim().await.remove(0);
        world.settle(&claim, Outcome::Dead(fault("x"))).await;
        assert_eq!(names(&world.claim().await), ["a.html", "b.html"]);
    }

    async fn an_asset_of_a_later_release_does_not_hold_earlier_pages(mut world: World) {
        world.publish(vec![file("a.html", "a")]).await;
        world.publish(vec![file("b.png", "b"), file("b.html", "b")]).await;
        assert_eq!(names(&world.claim().await), ["b.png", "a.html"]);
        assert_eq!(names(&world.claim().await), [""; 0]);
    }

    async fn a_never_published_asset_holds_its_first_release_when_it_changes(mut world: World) {
        let first = world.publish(vec![file("a.png", "1"), file("a.html", "uses a.png")]).await;
        let second = world.publish(vec![file("a.png", "2")]).await;
        let claims = world.claim().await;
        assert_eq!((names(&claims), claims[0].release), (vec!["a.png".to_owned()], second));
        world.acknowledge(&claims[0]).await;
        assert_eq!(world.claim().await[0].release, first);
        world.publish(vec![file("c.html", "uses a.png")]).await;
        world.publish(vec![file("a.png", "3")]).await;
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["a.png", "c.html"], "an older a.png is there");
    }

    async fn an_asset_that_changed_while_it_was_sent_holds_its_pages_all_the_while(mut world: World) {
        let first = world.publish(vec![file("a.js", "1"), file("a.html", "uses a.js")]).await;
        let claim = world.claim().await.remove(0);
        world.settle(&claim, Outcome::Replan(fault("changed"))).await;
        assert_eq!(world.claim().await, [], "nobody has looked yet");
        let second = world.publish(vec![file("a.js", "2")]).await;
        let claims = world.claim().await;
        assert_eq!((names(&claims), claims[0].release), (vec!["a.js".to_owned()], second));
        world.acknowledge(&claims[0]).await;
        let claims = world.claim().await;
        assert_eq!((names(&claims), claims[0].release), (vec!["a.html".to_owned()], first));
        let settled = world.acknowledge(&claims[0]).await;
        assert_eq!((settled.finished.len(), settled.finished[0].uploaded), (1, 1));
    }

    async fn an_asset_that_went_while_it_was_sent_holds_nothing(mut world: World) {
        world.publish(vec![file("a.js", "1"), file("a.html", "used a.js")]).await;
        let claim = world.claim().await.remove(0);
        world.settle(&claim, Outcome::Replan(fault("gone"))).await;
        world.record(vec![gone("a.js")]).await;
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["a.html"]);
        let settled = world.acknowledge(&claims[0]).await;
        assert_eq!((settled.finished.len(), settled.finished[0].uploaded), (1, 1));
    }

    async fn claims_are_in_order_of_release_and_within_the_limit(mut world: World) {
        world.publish(vec![file("z", "1"), file("y", "1")]).await;
        world.publish(vec![file("a", "1"), file("b", "1")]).await;
        assert_eq!(names(&world.claim_up_to(3).await), ["z", "y", "a"]);
        assert_eq!(names(&world.claim_up_to(0).await), [""; 0]);
        assert_eq!(names(&world.claim_up_to(3).await), ["b"]);
    }

    async fn a_job_that_saw_three_crashes_runs_alone_and_last(mut world: World) {
        world.publish(vec![file("bad", "1")]).await;
        for crashes in 1..=3 {
            assert_eq!(world.claim().await[0].crashes, crashes - 1);
            world.restart();
            assert_eq!(world.store.recover(world.now).await.unwrap(), 1);
        }
        world.publish(vec![file("good", "1"), file("fine", "1")]).await;
        let good = world.claim_up_to(1).await;
        assert_eq!(names(&good), ["good"]);
        let fine = world.claim().await;
        assert_eq!(names(&fine), ["fine"]);
        world.acknowledge(&good[0]).await;
        assert_eq!(world.claim().await, [], "something else runs");
        world.acknowledge(&fine[0]).await;
        let bad = world.claim().await;
        assert_eq!((names(&bad), bad[0].crashes), (vec!["bad".to_owned()], 3));
        world.publish(vec![file("other", "1")]).await;
        assert_eq!(world.claim().await, [], "it runs alone");
        world.acknowledge(&bad[0]).await;
        assert_eq!(names(&world.claim().await), ["other"]);
    }

    async fn sealing_forgets_an_empty_release_and_finishes_one_that_is_done(mut world: World) {
        let empty = world.record(vec![file("a", "1")]).await.release.unwrap();
        world.record(vec![gone("a")]).await;
        assert_eq!(world.seal(empty).await, None);
        assert_eq!(world.reader.releases(world.folder, 10).unwrap(), []);
        let done = world.record(vec![file("b", "1")]).await.release.unwrap();
        world.upload_all().await;
        let current = world.reader.current_release(world.folder).unwrap().unwrap();
        assert_eq!((current.number, current.state, current.files, current.done()),
            (done, ReleaseState::Open, 1, 1));
        let sealed = world.seal(done).await.unwrap();
        assert_eq!((sealed.files, sealed.bytes, sealed.finished.len()), (1, 1, 1));
        assert_eq!(world.reader.current_release(world.folder).unwrap(), None);
        let releases = world.reader.releases(world.folder, 10).unwrap();
        assert_eq!((releases[0].number, releases[0].state), (done, ReleaseState::Finished));
    }

    async fn an_open_release_is_found_again_after_a_restart(mut world: World) {
        let release = world.record(vec![file("a", "1")]).await.release;
        world.restart();
        let rows = world.store.adopt_folders(&[spec("www", "")], world.now).await.unwrap();
        assert_eq!(rows[0].open_release, release);
        assert_eq!(release, Some(ReleaseNumber(1)));
    }
}
