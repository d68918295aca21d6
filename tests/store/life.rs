//! The life of a file's record: seen, planned, claimed, settled.

use syncd::model::job::{JobState, Outcome, Reason, Stage};
use syncd::model::time::Timestamp;
use syncd::store::{FileCounts, LATE_MAX};

use super::world::*;

on_both! {
    async fn a_new_file_is_planned_claimed_and_acknowledged(mut world: World) {
        let recorded = world.record(vec![file("a.png", "one"), file("b.html", "two")]).await;
        assert_eq!((recorded.planned, recorded.planned_bytes), (2, 6));
        let release = recorded.release.unwrap();
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["a.png"]);
        assert_eq!((claims[0].stage, claims[0].tries), (Stage::Asset, 1));
        assert_eq!(claims[0].version.stat, stat(3, 1));
        assert!(world.stored("a.png").known.in_doubt);
        let sealed = world.seal(release).await.unwrap();
        assert_eq!((sealed.files, sealed.bytes), (2, 6));
        world.acknowledge(&claims[0]).await;
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["b.html"]);
        world.now = Timestamp(2_000_000);
        let settled = world.acknowledge(&claims[0]).await;
        assert_eq!(settled.finished.len(), 1);
        assert_eq!((settled.finished[0].release, settled.finished[0].uploaded), (release, 2));
        assert_eq!(settled.finished[0].started_at, Timestamp(1_000_000));
        let counts = world.reader.counts(world.folder).unwrap();
        assert_eq!(counts, FileCounts { total: 2, synced: 2, ..FileCounts::default() });
        assert_eq!(world.reader.last_success(world.folder).unwrap(), Some(world.now));
        world.release = None;
        let again = world.record(vec![file("a.png", "one")]).await;
        assert_eq!((again.planned, again.release), (0, None));
    }

    async fn a_failed_attempt_waits_and_says_why(mut world: World) {
        world.publish(vec![file("a.png", "one")]).await;
        let claim = world.claim().await.remove(0);
        let due = Timestamp(world.now.0 + 500);
        world.settle(&claim, Outcome::Retry { fault: fault("SlowDown"), due, counts: false }).await;
        assert_eq!(world.claim().await, []);
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), Some(due));
        assert_eq!(world.reader.counts(world.folder).unwrap().failed, 1);
        world.now = due;
        let claim = world.claim().await.remove(0);
        assert_eq!((claim.tries, claim.attempts, claim.repeats), (2, 0, 1));
        assert_eq!(claim.last_code.as_deref(), Some("cos:SlowDown"));
        world.settle(&claim, Outcome::Retry { fault: fault("SlowDown"), due, counts: true }).await;
        let claim = world.claim().await.remove(0);
        assert_eq!((claim.tries, claim.attempts, claim.repeats), (3, 1, 2));
        let settled = world.settle(&claim, Outcome::Dead(fault("AccessDenied"))).await;
        assert_eq!(settled.finished[0].failed, 1);
        let problems = world.reader.problems(world.folder, 10).unwrap();
        assert_eq!((problems[0].state, problems[0].reason), (JobState::Dead, Reason::New));
        assert_eq!(problems[0].fault.as_ref().unwrap().code, "AccessDenied");
        assert_eq!(problems[0].fault.as_ref().unwrap().status, Some(503));
        let attempts = world.reader.dossier(world.folder, &path("a.png")).unwrap().attempts;
        let codes: Vec<_> = attempts.iter().map(|attempt| attempt.fault.code.as_str()).collect();
        assert_eq!(codes, ["AccessDenied", "SlowDown", "SlowDown"]);
    }
}

on_both! {
    async fn pages_list_files_in_byte_order_below_a_directory_and_after_a_path(mut world: World) {
        let all = ["a", "a-b", "a/x", "a/y/z", "a0", "b", "\u{10ffff}"];
        let looks = all.iter().map(|name| file(name, name)).collect();
        world.publish(looks).await;
        let list = |below: Option<&str>, after: Option<&str>, limit| -> Vec<String> {
            let (below, after) = (below.map(path), after.map(path));
            let page = world.reader.page(world.folder, below.as_ref(), after.as_ref(), limit);
            page.unwrap().iter().map(|file| file.path.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(list(None, None, 100), all);
        assert_eq!(list(None, Some("a/x"), 2), ["a/y/z", "a0"]);
        assert_eq!(list(Some("a"), None, 100), ["a", "a/x", "a/y/z"]);
        assert_eq!(list(Some("a"), None, 1), ["a"]);
        assert_eq!(list(Some("a"), Some("a"), 100), ["a/x", "a/y/z"]);
        assert_eq!(list(Some("a"), Some("a/x"), 100), ["a/y/z"]);
        assert_eq!(list(Some("a"), Some("b"), 100), [""; 0]);
        assert_eq!(list(Some("a/y"), None, 100), ["a/y/z"]);
        let stored = world.stored("a/x");
        assert_eq!((stored.stat, stored.racy, stored.excluded), (stat(3, 1), false, None));
        assert_eq!(stored.digest, Some(syncd::model::digest::Sha256::of(b"a/x")));
        assert_eq!(job_state(&world.stored("a/x")), Some(JobState::Ready));
    }

    async fn a_file_that_is_gone_or_excluded_is_not_sent(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "2"), file("c", "3"), file("d", "4")]).await;
        world.upload_all().await;
        world.publish(vec![file("a", "x"), file("b", "y")]).await;
        let recorded = world.record(vec![
            gone("a"), excluded("b", "by a rule"), gone("c"), excluded("d", "by a rule"),
        ]).await;
        assert_eq!((recorded.planned, recorded.finished.len()), (0, 1));
        let counts = world.reader.counts(world.folder).unwrap();
        assert_eq!(counts, FileCounts { excluded: 2, remote_only: 2, ..FileCounts::default() });
        assert_eq!(world.stored("b").excluded.as_deref(), Some("by a rule"));
        assert_eq!((world.stored("b").digest, job_state(&world.stored("b"))), (None, None));
        let gone = world.reader.remote_only(world.folder, 10).unwrap();
        assert_eq!(gone.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(world.claim().await, []);
    }

    async fn a_file_that_went_back_to_what_is_published_needs_no_job(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        world.upload_all().await;
        let release = world.publish(vec![file("a", "2")]).await;
        assert_eq!(world.bytes(), (1, 1));
        let recorded = world.record(vec![file("a", "1")]).await;
        assert_eq!(recorded.finished.len(), 1);
        assert_eq!((recorded.finished[0].release, recorded.finished[0].skipped), (release, 1));
        assert_eq!(world.reader.counts(world.folder).unwrap().synced, 1);
        assert_eq!(world.bytes(), (1, 0));
    }

    async fn looking_again_at_a_planned_file_only_freshens_its_metadata(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let mut later = file("a", "1");
        if let syncd::model::observation::Sight::File { stat, .. } = &mut later.sight {
            stat.mtime_ns = 99;
        }
        let recorded = world.record(vec![later]).await;
        assert_eq!((recorded.planned, recorded.release), (0, None));
        assert_eq!(world.claim().await[0].version.stat.mtime_ns, 99);
    }

    async fn the_history_of_a_path_is_bounded(mut world: World) {
        let uploads = |world: &World| {
            world.reader.dossier(world.folder, &path("a")).unwrap().uploads.len()
        };
        world.publish(vec![file("b", "1")]).await;
        for number in 0..60 {
            world.publish(vec![file("a", &format!("{number}"))]).await;
            world.upload_all().await;
        }
        assert_eq!(uploads(&world), 60, "all of the last month");
        world.now = world.now.plus(std::time::Duration::from_hours(31 * 24));
        world.publish(vec![file("a", "a month later")]).await;
        world.upload_all().await;
        assert_eq!(uploads(&world), 50);
        let newest = &world.reader.dossier(world.folder, &path("a")).unwrap().uploads[0];
        assert_eq!(newest.at, world.now);
        assert_eq!(world.reader.dossier(world.folder, &path("b")).unwrap().uploads.len(), 1);
    }

    async fn a_released_job_is_as_if_it_had_never_been_claimed(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.settle(&claim, Outcome::Released).await;
        assert!(!world.stored("a").known.in_doubt);
        let again = world.claim().await.remove(0);
        assert_eq!(again, claim);
        let retry = Outcome::Retry { fault: fault("x"), due: world.now, counts: false };
        world.settle(&again, retry).await;
        let third = world.claim().await.remove(0);
        world.settle(&third, Outcome::Released).await;
        assert!(world.stored("a").known.in_doubt, "the second try may have sent something");
    }

    async fn a_replanned_file_is_looked_at_again(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        let settled = world.settle(&claim, Outcome::Replan(fault("changed"))).await;
        assert_eq!(settled.look_again, [(world.folder, path("a"))]);
        assert_eq!(settled.finished, []);
        assert_eq!(job_state(&world.stored("a")), None);
        assert!(world.stored("a").racy, "its metadata is not trusted");
        assert_eq!(world.reader.counts(world.folder).unwrap().queued, 1);
        assert_eq!(world.claim().await, []);
        let recorded = world.record(vec![file("a", "2")]).await;
        assert_eq!((recorded.planned, recorded.finished.len()), (1, 1));
        assert_eq!(world.claim().await.len(), 1);
    }

    async fn a_replanned_file_that_is_as_it_was_planned_is_due_at_once(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.end(&claim, Outcome::Replan(unsent("changed")), false).await;
        let release = world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        assert_eq!((claim.release, claim.tries, claim.last_code.as_deref()), (release, 1, None));
        assert_eq!(world.record(vec![file("a", "1")]).await.planned, 0, "it is on its way");
        world.acknowledge(&claim).await;
        assert_eq!(world.bytes(), (1, 0));
    }

    async fn a_settlement_of_a_job_that_is_not_running_changes_nothing(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.acknowledge(&claim).await;
        let before = world.reader.dossier(world.folder, &path("a")).unwrap();
        let settled = world.settle(&claim, Outcome::Dead(fault("late"))).await;
        assert_eq!(settled, syncd::store::Settled::default());
        assert_eq!(world.reader.dossier(world.folder, &path("a")).unwrap(), before);
    }

    async fn the_dossier_has_the_last_20_failures_and_every_upload(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        for number in 0..25 {
            let claim = world.claim().await.remove(0);
            let outcome = Outcome::Retry {
                fault: fault(&number.to_string()), due: world.now, counts: false,
            };
            world.settle(&claim, outcome).await;
        }
        world.upload_all().await;
        world.now = world.now.plus(LATE_MAX);
        world.publish(vec![file("a", "2")]).await;
        world.upload_all().await;
        let dossier = world.reader.dossier(world.folder, &path("a")).unwrap();
        assert_eq!(dossier.attempts.len(), 20);
        assert_eq!(dossier.attempts[0].fault.code, "24");
        assert_eq!((dossier.uploads.len(), dossier.uploads[0].release.0), (2, 2));
        assert_eq!((dossier.uploads[0].tries, dossier.uploads[1].tries), (1, 26));
        let synced = dossier.synced.unwrap();
        assert_eq!((synced.key.as_str(), synced.size, synced.in_doubt), ("a", 1, false));
        assert_eq!(synced.etag.as_deref(), Some("tag"));
        assert_eq!(dossier.local.unwrap().generation, 2);
        assert_eq!(dossier.job, None);
    }
}
