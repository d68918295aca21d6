//! Files that change while they are sent, and what people, crashes and the configuration do to the
//! queue.

use syncd::model::folder::{FlowKind, FolderSpec};
use syncd::model::job::{JobState, Outcome, Reason, Stage};
use syncd::model::time::Timestamp;
use syncd::port::disk::RootIdentity;
use syncd::store::{AccountRow, FileCounts, LATE_MAX, ScanTotals, Selection};

use super::world::*;

/// The acknowledged file is in doubt, whatever a person wants, until it is sent once more, late enough.
async fn confirmed(world: &mut World, name: &str) {
    assert!(world.stored(name).known.in_doubt);
    assert_eq!(world.reader.counts(world.folder).unwrap().queued, 1);
    world.store.retry(Selection::All, world.now).await.unwrap();
    assert_eq!(world.claim().await, []);
    world.now = world.now.plus(LATE_MAX);
    let again = world.claim().await.remove(0);
    assert_eq!(again.path, path(name));
    world.settle(&again, Outcome::Released).await;
    assert!(world.stored(name).known.in_doubt);
    let again = world.claim().await.remove(0);
    world.acknowledge(&again).await;
    assert!(!world.stored(name).known.in_doubt);
    assert_eq!(world.reader.queue(&Selection::All, 9).unwrap(), []);
}

on_both! {
    async fn a_newer_version_waits_for_the_running_attempt_and_then_is_sent(mut world: World) {
        let first = world.publish(vec![file("a", "1")]).await;
        let old = world.claim().await.remove(0);
        let second = world.publish(vec![file("a", "22")]).await;
        assert_eq!(world.claim().await, [], "one upload of a path at a time");
        assert_eq!(job_state(&world.stored("a")), Some(JobState::Running));
        let settled = world.acknowledge(&old).await;
        assert_eq!(settled.look_again, [(world.folder, path("a"))]);
        assert_eq!((settled.finished.len(), settled.finished[0].release), (1, first));
        let published = world.stored("a").known.published.unwrap();
        assert_eq!(published.digest, old.version.digest, "the truth about the cloud");
        let new = world.claim().await.remove(0);
        assert_eq!((new.job, new.release, new.attempts), (old.job, second, 0));
        assert!(new.generation > old.generation);
        assert_eq!(new.version.stat.size, 2);
        world.acknowledge(&new).await;
        assert_eq!(world.reader.counts(world.folder).unwrap().synced, 1);
    }

    async fn a_superseded_attempt_that_failed_makes_the_newer_version_ready(mut world: World) {
        for (number, outcome) in [
            Outcome::Retry { fault: unsent("x"), due: Timestamp(1), counts: true },
            Outcome::Dead(unsent("x")), Outcome::Replan(unsent("x")), Outcome::Released,
        ].into_iter().enumerate() {
            world.publish(vec![file("a", &format!("old {number}"))]).await;
            let old = world.claim().await.remove(0);
            let release = world.publish(vec![file("a", &format!("new {number}"))]).await;
            let settled = world.end(&old, outcome, false).await;
            assert_eq!(settled.look_again.len(), 1);
            let new = world.claim().await.remove(0);
            assert_eq!((new.release, new.attempts, new.last_code.clone()), (release, 0, None));
            assert_eq!(world.acknowledge(&new).await.finished[0].uploaded, 1);
        }
        let releases = world.reader.releases(world.folder, 10).unwrap();
        assert!(releases.iter().all(|one| one.files == one.done() && one.failed == 0));
    }

    async fn a_file_that_goes_while_it_is_sent_is_remote_only_afterwards(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.record(vec![gone("a")]).await;
        assert_eq!(world.reader.counts(world.folder).unwrap(), FileCounts::default());
        let settled = world.acknowledge(&claim).await;
        assert_eq!((settled.finished.len(), settled.look_again.len()), (1, 1));
        assert_eq!(world.reader.counts(world.folder).unwrap().remote_only, 1);
        assert_eq!(world.reader.queue(&Selection::All, 10).unwrap(), []);
    }

    async fn an_interrupted_upload_stays_in_doubt_and_is_repeated(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        world.upload_all().await;
        world.publish(vec![file("a", "2")]).await;
        let claim = world.claim().await.remove(0);
        world.restart();
        assert_eq!(world.store.recover(world.now).await.unwrap(), 1);
        assert_eq!(world.store.recover(world.now).await.unwrap(), 0);
        let recorded = world.record(vec![file("a", "1")]).await;
        assert_eq!(recorded.planned, 1, "the cloud may hold the newer bytes by now");
        world.seal(recorded.release.unwrap()).await;
        let again = world.claim().await.remove(0);
        assert_eq!((again.job, again.crashes), (claim.job, 1));
        let job = &world.reader.queue(&Selection::All, 10).unwrap()[0];
        assert_eq!((job.reason, job.state), (Reason::Unknown, JobState::Running));
        world.acknowledge(&again).await;
        confirmed(&mut world, "a").await;
    }

    async fn only_an_upload_of_other_bytes_has_the_next_one_confirmed(mut world: World) {
        world.publish(vec![file("same", "1"), file("unsent", "1"), file("other", "1")]).await;
        for claim in world.claim().await {
            let maybe_sent = claim.path != path("unsent");
            let fault = if maybe_sent { fault("timeout") } else { unsent("timeout") };
            let retry = Outcome::Retry { fault, due: world.now, counts: false };
            world.end(&claim, retry, maybe_sent).await;
            assert_eq!(world.page().iter().filter(|row| row.path == claim.path)
                .all(|row| row.known.in_doubt), maybe_sent, "{}", claim.path);
        }
        world.publish(vec![file("unsent", "2"), file("other", "2")]).await;
        for claim in world.claim().await {
            world.acknowledge(&claim).await;
        }
        for sure in ["same", "unsent"] {
            assert!(!world.stored(sure).known.in_doubt, "{sure}");
        }
        confirmed(&mut world, "other").await;
    }

    async fn an_upload_may_come_late_although_its_bytes_were_acknowledged_since(mut world: World) {
        for (bytes, pause) in [("1", LATE_MAX / 2), ("2", LATE_MAX)] {
            world.publish(vec![file("a", bytes)]).await;
            let claim = world.claim().await.remove(0);
            let lost = Outcome::Retry { fault: fault("timeout"), due: world.now, counts: false };
            world.settle(&claim, lost).await;
            world.upload_all().await;
            assert!(!world.stored("a").known.in_doubt);
            world.now = world.now.plus(pause);
            world.publish(vec![file("a", &format!("after {bytes}"))]).await;
            world.upload_all().await;
            if bytes == "1" {
                confirmed(&mut world, "a").await;
            }
        }
        assert!(!world.stored("a").known.in_doubt, "that was long enough ago");
    }

    async fn an_upload_that_the_same_attempt_repeated_may_come_late_too(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.end_after_losing(&claim, fault("timeout")).await;
        assert!(!world.stored("a").known.in_doubt);
        world.publish(vec![file("a", "2")]).await;
        world.upload_all().await;
        confirmed(&mut world, "a").await;
    }

    async fn a_newer_version_in_place_of_a_confirmation_is_confirmed_itself(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        world.claim().await;
        world.restart();
        world.store.recover(world.now).await.unwrap();
        for bytes in ["2", "3"] {
            world.publish(vec![file("a", bytes)]).await;
            let claim = world.claim().await.remove(0);
            world.acknowledge(&claim).await;
        }
        confirmed(&mut world, "a").await;
        let uploads = world.reader.dossier(world.folder, &path("a")).unwrap().uploads;
        assert_eq!(uploads.len(), 3);
    }

    async fn no_page_waits_for_a_confirmation(mut world: World) {
        world.publish(vec![file_of("a.png", "1", Stage::Asset)]).await;
        world.claim().await;
        world.restart();
        world.store.recover(world.now).await.unwrap();
        let changed = file_of("a.png", "2", Stage::Asset);
        let pages = [file_of("p.html", "1", Stage::Page), file_of("index.html", "1", Stage::Last)];
        world.publish([vec![changed.clone()], pages.to_vec()].concat()).await;
        for name in ["a.png", "p.html"] {
            let claim = world.claim().await.remove(0);
            assert_eq!(claim.path, path(name));
            world.acknowledge(&claim).await;
            world.record(vec![changed.clone()]).await;
        }
        assert_eq!(names(&world.claim().await), ["index.html"]);
        let job = world.reader.queue(&Selection::All, 9).unwrap().remove(0);
        assert_eq!((job.path, job.reason), (path("a.png"), Reason::Unknown));
    }

    async fn another_spelling_of_a_key_in_doubt_is_confirmed(mut world: World) {
        world.publish(vec![file("caf\u{e9}", "1")]).await;
        world.claim().await;
        world.restart();
        world.store.recover(world.now).await.unwrap();
        world.publish(vec![gone("caf\u{e9}"), file("cafe\u{301}", "2")]).await;
        let claim = world.claim().await.remove(0);
        world.acknowledge(&claim).await;
        confirmed(&mut world, "cafe\u{301}").await;
    }

    async fn no_message_is_sent_again_for_another_spelling_in_doubt(mut world: World) {
        let outbox = FolderSpec { flow: FlowKind::Ccmessaging, ..spec("www", "") };
        world.store.adopt_folders(&[outbox], world.now).await.unwrap();
        world.publish(vec![file("caf\u{e9}", "1")]).await;
        world.claim().await;
        world.restart();
        world.store.recover(world.now).await.unwrap();
        world.publish(vec![gone("caf\u{e9}"), file("cafe\u{301}", "1")]).await;
        let claim = world.claim().await.remove(0);
        world.acknowledge(&claim).await;
        assert!(!world.stored("cafe\u{301}").known.in_doubt);
        assert_eq!(world.reader.queue(&Selection::All, 9).unwrap(), []);
    }

    async fn a_crash_while_a_newer_version_waits_leaves_only_that(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "1")]).await;
        world.claim().await;
        let release = world.publish(vec![file("a", "22")]).await;
        world.record(vec![gone("b")]).await;
        world.restart();
        assert_eq!(world.store.recover(world.now).await.unwrap(), 2);
        let finished = world.store.finish_releases(world.now).await.unwrap();
        assert_eq!(finished.len(), 1);
        let claims = world.claim().await;
        assert_eq!((names(&claims), claims[0].release), (vec!["a".to_owned()], release));
        let releases = world.reader.releases(world.folder, 10).unwrap();
        assert_eq!((releases[1].files, releases[1].bytes), (0, 0));
    }

    async fn an_upload_that_a_stop_cut_off_stays_in_doubt_and_is_no_crash(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "1")]).await;
        assert_eq!(names(&world.claim().await), ["a", "b"]);
        world.publish(vec![file("b", "2")]).await;
        let here = vec![world.folder];
        assert_eq!(world.store.interrupt(here.clone(), world.now).await.unwrap(), 2);
        assert_eq!(world.store.interrupt(here, world.now).await.unwrap(), 0);
        world.restart();
        assert_eq!(world.store.recover(world.now).await.unwrap(), 0);
        assert!(world.stored("a").known.in_doubt);
        let claims = world.claim().await;
        assert_eq!(names(&claims), ["a", "b"]);
        assert!(claims.iter().all(|claim| claim.crashes == 0));
        let kept = world.reader.dossier(world.folder, &path("a")).unwrap().attempts;
        assert_eq!(kept[0].fault.code, "interrupted");
    }

    async fn of_many_crashes_no_more_is_kept_than_of_other_failures(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        for _ in 0..25 {
            assert_eq!(world.claim().await.len(), 1);
            world.restart();
            world.store.recover(world.now).await.unwrap();
        }
        let kept = world.reader.dossier(world.folder, &path("a")).unwrap().attempts;
        assert_eq!(kept.len(), 20);
    }

    async fn a_dropped_version_is_left_out_until_it_changes_or_is_retried(mut world: World) {
        world.publish(vec![file("d/a", "1"), file("d/b", "1"), file("e", "1")]).await;
        let below = Selection::Path(world.folder, path("d"));
        assert_eq!(world.store.drop_jobs(below.clone(), world.now).await.unwrap().jobs, 2);
        assert_eq!(names(&world.claim().await), ["e"]);
        assert_eq!(world.record(vec![file("d/a", "1"), file("d/b", "2")]).await.planned, 1);
        assert!(world.stored("d/a").excluded.unwrap().contains("dropped by hand"));
        let counts = world.reader.counts(world.folder).unwrap();
        assert_eq!((counts.excluded, counts.queued, counts.in_flight), (1, 1, 1));
        let retried = world.store.retry(below, world.now).await.unwrap();
        assert!(retried.look_again.contains(&(world.folder, path("d/a"))));
        assert_eq!(world.stored("d/a").excluded, None);
        assert_eq!(world.record(vec![file("d/a", "1")]).await.planned, 1);
    }

    async fn a_running_job_that_is_dropped_ends_by_itself(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "1")]).await;
        let claims = world.claim().await;
        assert_eq!(world.store.drop_jobs(Selection::All, world.now).await.unwrap().jobs, 2);
        assert_eq!(world.store.drop_jobs(Selection::All, world.now).await.unwrap().jobs, 0);
        world.acknowledge(&claims[0]).await;
        let retry = Outcome::Retry { fault: fault("x"), due: world.now, counts: true };
        world.settle(&claims[1], retry).await;
        assert_eq!(world.reader.queue(&Selection::All, 10).unwrap(), []);
        assert!(world.stored("a").known.published.is_some());
        assert_eq!(world.record(vec![file("b", "1")]).await.planned, 0);
    }

    async fn retrying_makes_dead_jobs_young_and_waiting_ones_due(mut world: World) {
        let release = world.publish(vec![file("a", "1"), file("b", "1")]).await;
        let claims = world.claim().await;
        world.settle(&claims[0], Outcome::Dead(fault("x"))).await;
        let due = Timestamp(world.now.0 + 1_000_000);
        world.settle(&claims[1], Outcome::Retry { fault: fault("y"), due, counts: true }).await;
        assert_eq!(world.reader.queue(&Selection::Dead, 10).unwrap().len(), 1);
        assert_eq!(world.store.retry(Selection::Dead, world.now).await.unwrap().jobs, 1);
        assert_eq!(world.store.retry(Selection::All, world.now).await.unwrap().jobs, 1);
        let again = world.claim().await;
        assert_eq!((again[0].attempts, again[1].attempts), (0, 1));
        world.acknowledge(&again[0]).await;
        let settled = world.acknowledge(&again[1]).await;
        assert_eq!((settled.finished[0].uploaded, settled.finished[0].failed), (2, 0));
        assert_eq!(settled.finished[0].release, release);
    }

    async fn a_retried_dead_job_reopens_its_finished_release(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        assert_eq!(world.settle(&claim, Outcome::Dead(fault("x"))).await.finished[0].failed, 1);
        let jobs = Selection::Jobs(vec![claim.job]);
        assert_eq!(world.store.retry(jobs, world.now).await.unwrap().jobs, 1);
        let claim = world.claim().await.remove(0);
        let finished = world.acknowledge(&claim).await.finished;
        assert_eq!((finished[0].uploaded, finished[0].failed), (1, 0));
    }

    async fn two_names_of_one_key_are_both_left_out_until_one_goes(mut world: World) {
        let (composed, apart) = ("\u{e9}.png", "e\u{301}.png");
        world.record(vec![file(composed, "1")]).await;
        let alone = world.claim().await.remove(0);
        world.record(vec![file(apart, "2"), file("plain.png", "3")]).await;
        assert!(world.stored(composed).excluded.unwrap().contains(apart));
        assert!(world.stored(apart).excluded.unwrap().contains(composed));
        assert_eq!(names(&world.claim().await), ["plain.png"]);
        assert_eq!(world.reader.counts(world.folder).unwrap().excluded, 2);
        world.record(vec![gone(composed)]).await;
        assert_eq!(world.stored(apart).excluded, None);
        assert_eq!(world.claim().await, [], "an upload under this key is still on its way");
        world.acknowledge(&alone).await;
        let claims = world.claim().await;
        assert_eq!((names(&claims), claims[0].key.as_str()), (vec![apart.to_owned()], composed));
        world.acknowledge(&claims[0]).await;
        let counts = world.reader.counts(world.folder).unwrap();
        assert_eq!((counts.synced, counts.excluded, counts.remote_only), (1, 0, 0));
        world.record(vec![file(composed, "1")]).await;
        world.record(vec![excluded(apart, "by a rule")]).await;
        world.upload_all().await;
        assert!(world.stored(composed).known.published.is_some());
        assert_eq!(world.stored(apart).known.published, None, "its object was replaced");
    }

    async fn three_names_of_one_key_are_planned_when_one_is_left(mut world: World) {
        let all = ["\u{1e69}", "s\u{323}\u{307}", "\u{1e63}\u{307}"];
        world.record(all.iter().map(|name| file(name, name)).collect()).await;
        assert_eq!(world.reader.counts(world.folder).unwrap().excluded, 3);
        world.record(vec![gone(all[1])]).await;
        assert_eq!(world.reader.counts(world.folder).unwrap().excluded, 2);
        assert!(world.stored(all[0]).excluded.unwrap().contains(all[2]));
        world.record(vec![gone(all[0])]).await;
        assert_eq!(names(&world.claim().await), [all[2]]);
    }

    async fn another_prefix_is_another_tree_with_nothing_in_it(mut world: World) {
        world.publish(vec![file("a", "1"), file("b", "1"), file("c", "1")]).await;
        world.upload_all().await;
        world.publish(vec![file("a", "2"), file("b", "2")]).await;
        let claim = world.claim_up_to(1).await.remove(0);
        let rows = world.store.adopt_folders(&[spec("www", "new/")], world.now).await.unwrap();
        assert_eq!(rows[0].id, world.folder);
        assert_eq!(world.stored("c").known.published, None);
        let counts = world.reader.counts(world.folder).unwrap();
        assert_eq!((counts.queued, counts.in_flight, counts.synced), (2, 1, 0));
        assert_eq!(world.acknowledge(&claim).await.look_again.len(), 1);
        assert_eq!(world.stored("a").known.published, None, "that was sent to the old tree");
        assert_eq!(world.reader.queue(&Selection::All, 10).unwrap(), []);
        world.store.adopt_folders(&[spec("www", "")], world.now).await.unwrap();
        assert!(world.stored("c").known.published.is_some(), "the old tree is still as it was");
        assert_eq!(world.stored("a").known.published.unwrap().digest, claim.version.digest);
    }

    async fn folders_keep_their_identity_and_those_not_configured_rest(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let rows = world.store
            .adopt_folders(&[spec("new", ""), spec("other", "")], world.now).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["new", "other"]);
        let asked = rows.iter().map(|row| row.id).collect();
        assert_eq!(world.store.next_due(asked).await.unwrap(), None);
        let root = RootIdentity { dev: u64::MAX, ino: 7 };
        world.store.set_root(rows[0].id, root).await.unwrap();
        world.store.set_paused(rows[1].id, true).await.unwrap();
        let rows = world.reader.folders().unwrap();
        assert_eq!((rows[0].root, rows[0].paused), (Some(root), false));
        assert_eq!((rows[1].root, rows[1].paused), (None, true));
        let back = world.store.adopt_folders(&[spec("www", "")], world.now).await.unwrap();
        assert_eq!(back[0].id, world.folder);
        assert_eq!(world.reader.queue(&Selection::Folder(world.folder), 9).unwrap().len(), 1);
        let totals = ScanTotals { excluded_dirs: 1, links: 2, specials: 3, took_ms: 4 };
        world.store.finish_scan(world.folder, totals, world.now).await.unwrap();
        assert_eq!(world.reader.last_scan(world.folder).unwrap(), Some((world.now, totals)));
        assert_eq!(world.reader.excluded_dirs(world.folder).unwrap(), 1);
    }

    async fn due_times_follow_the_wall_clock(mut world: World) {
        world.publish(vec![file("a", "1")]).await;
        let claim = world.claim().await.remove(0);
        let due = Timestamp(world.now.0 + 10_000);
        world.settle(&claim, Outcome::Retry { fault: fault("x"), due, counts: true }).await;
        world.store.shift_due(-5_000).await.unwrap();
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), Some(Timestamp(due.0 - 5_000)));
        world.store.clamp_due(world.now).await.unwrap();
        assert_eq!(world.store.next_due(vec![world.folder]).await.unwrap(), Some(world.now));
    }

    async fn accounts_are_remembered(world: World) {
        let mut account = AccountRow {
            name: "shop".to_owned(),
            state: "waiting".to_owned(),
            until: Some(Timestamp(5)),
            fault: Some(fault("45009").with_status(401)),
            closures: 3,
        };
        world.store.save_account(account.clone()).await.unwrap();
        assert_eq!(world.reader.accounts().unwrap(), [account.clone()]);
        (account.until, account.fault) = (None, None);
        world.store.save_account(account.clone()).await.unwrap();
        assert_eq!(world.store.accounts().await.unwrap(), [account]);
    }
}
