//! An inbox's messages: journalled once, fetched, delivered, failed, dropped, and asked about.

use syncd::model::digest::Sha256;
use syncd::model::fault::{Call, Fault, Layer};
use syncd::model::message::{HookState, MessageId, MessageState, NewMessage};
use syncd::model::time::Timestamp;
use syncd::port::disk::RootIdentity;
use syncd::port::inbox_disk::TempName;
use syncd::store::{
    CRASHES_MAX, Fetched, InboxCounts, MessageFilter, MessageRow, Messages, NextHook, NextTry,
    PendingMessage, Sidecar,
};

use super::world::*;

const DESK: &str = "desk";

fn message(identity: &str, says: &str, carries_file: bool) -> NewMessage {
    NewMessage {
        identity: identity.to_owned(),
        content: Sha256::of(says.as_bytes()),
        raw: format!("{{\"said\":\"{says}\"}}").into_bytes(),
        carries_file,
        sent_at: Some(Timestamp(77)),
    }
}

fn temp(name: &str) -> TempName {
    TempName(name.to_owned())
}

fn fetched(name: &str) -> Fetched {
    Fetched {
        temp: temp(&format!("t{name}")),
        sidecar: Some(Sidecar {
            temp: temp(&format!("s{name}")),
            text: b"{}".to_vec(),
        }),
        wanted: path(name),
        digest: Sha256::of(name.as_bytes()),
        size: name.len() as u64,
    }
}

fn refusal(code: &str) -> Fault {
    Fault::new(Call::Download, Layer::Result, code, "words")
}

impl World {
    async fn journal(&self, messages: Vec<NewMessage>) -> syncd::store::Journaled {
        self.store
            .journal(DESK.to_owned(), messages, self.now)
            .await
            .unwrap()
    }

    /// Writes down messages with a file.
    async fn receive(&self, identities: &[&str]) {
        let messages = identities
            .iter()
            .map(|one| message(one, one, true))
            .collect();
        self.journal(messages).await;
    }

    async fn next(&self) -> Vec<PendingMessage> {
        self.next_up_to(100).await
    }

    async fn next_up_to(&self, limit: usize) -> Vec<PendingMessage> {
        self.store
            .next_messages(DESK.to_owned(), limit, self.now)
            .await
            .unwrap()
    }

    async fn begin(&self, id: MessageId) -> PendingMessage {
        self.store
            .begin_message(id, self.now)
            .await
            .unwrap()
            .unwrap()
    }

    /// Begins the next message.
    async fn begin_next(&self) -> PendingMessage {
        let id = self.next().await[0].row.id;
        self.begin(id).await
    }

    async fn fetch(&self, id: MessageId, name: &str) -> bool {
        self.store
            .message_fetched(id, fetched(name), self.now)
            .await
            .unwrap()
    }

    async fn deliver_one(&self, id: MessageId, has_hook: bool) {
        self.store
            .message_delivered(id, has_hook, self.now)
            .await
            .unwrap();
    }

    async fn fail(&self, id: MessageId, code: &str, next: NextTry) {
        self.store
            .message_failed(id, refusal(code), next, self.now)
            .await
            .unwrap();
    }

    async fn hooks(&self) -> Vec<syncd::store::DueHook> {
        self.store
            .hooks_due(DESK.to_owned(), 10, self.now)
            .await
            .unwrap()
    }

    fn seen(&self, identity: &str) -> MessageRow {
        self.reader.message(DESK, identity).unwrap().unwrap()
    }
}

fn identities(messages: &[PendingMessage]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.row.identity.as_str())
        .collect()
}

on_both! {
    async fn a_message_is_written_down_once_and_the_first_contents_stay(world: World) {
        let both = vec![message("a", "1", true), message("b", "2", false), message("a", "1", true)];
        let journaled = world.journal(both).await;
        assert_eq!((journaled.new, journaled.files, journaled.differing.len()), (2, 1, 0));
        let again = world.journal(vec![
            message("a", "other", true), message("b", "2", false), message("c", "3", true),
        ]).await;
        assert_eq!((again.new, again.files), (1, 1));
        assert_eq!(again.differing, ["a"]);
        let next = world.next().await;
        assert_eq!(identities(&next), ["a", "c"], "one without a file is only noted");
        assert_eq!(next[0].raw, br#"{"said":"1"}"#);
        assert_eq!(next[0].row.sent_at, Some(Timestamp(77)));
        assert_eq!(world.seen("b").state, MessageState::Noted);
        let elsewhere = world.store.journal("other".to_owned(), vec![message("a", "x", true)], world.now);
        assert_eq!(elsewhere.await.unwrap().new, 1, "identities are an inbox's own");
    }

    async fn a_noted_message_that_turns_out_to_carry_a_file_is_taken_once(mut world: World) {
        world.journal(vec![message("a", "poor", false)]).await;
        world.now = Timestamp(2_000_000);
        let journaled = world.journal(vec![message("a", "rich", true), message("a", "rich", true)]).await;
        assert_eq!((journaled.new, journaled.files), (0, 1));
        assert_eq!(journaled.differing, ["a"]);
        let next = world.next().await;
        assert_eq!((next.len(), next[0].raw.as_slice()), (1, br#"{"said":"rich"}"#.as_slice()));
        let begun = world.begin_next().await;
        assert!(world.fetch(begun.row.id, "x").await);
        world.deliver_one(begun.row.id, false).await;
        world.journal(vec![message("a", "poor", false), message("a", "third", true)]).await;
        assert_eq!((world.next().await.len(), world.seen("a").state), (0, MessageState::Delivered));
    }

    async fn a_file_is_fetched_renamed_and_delivered(mut world: World) {
        world.receive(&["a"]).await;
        let begun = world.begin_next().await;
        let id = begun.row.id;
        assert_eq!((begun.row.tries, begun.row.started_at, begun.fetched), (1, Some(world.now), None));
        assert_eq!(world.next().await, [], "it is under way");
        assert_eq!(world.store.begin_message(id, world.now).await.unwrap(), None);
        assert!(world.fetch(id, "x.png").await);
        assert!(!world.fetch(id, "y.png").await, "one file for a message");
        let undelivered = world.store.undelivered(DESK.to_owned()).await.unwrap();
        assert_eq!(undelivered[0].fetched, Some(fetched("x.png")));
        assert_eq!(undelivered[0].renames, 0);
        let renamed = world.store.message_renamed(id, path("x-2.png"), 2, Some(temp("s2")));
        assert!(renamed.await.unwrap());
        let row = world.reader.message_at(DESK, &path("x-2.png")).unwrap().unwrap();
        assert_eq!((row.id, row.state), (id, MessageState::Fetched));
        let undelivered = world.store.undelivered(DESK.to_owned()).await.unwrap();
        let known = undelivered[0].fetched.clone().unwrap();
        assert_eq!((known.wanted, undelivered[0].renames), (path("x.png"), 2));
        assert_eq!(known.sidecar.unwrap().temp, temp("s2"));
        world.now = Timestamp(3_000_000);
        world.deliver_one(id, false).await;
        let row = world.seen("a");
        assert_eq!((row.state, row.delivered_at, row.started_at, row.hook),
            (MessageState::Delivered, Some(world.now), None, None));
        assert_eq!(row.file.unwrap().path, path("x-2.png"));
        assert_eq!(world.store.undelivered(DESK.to_owned()).await.unwrap(), []);
        let counts = world.reader.inbox_counts(DESK).unwrap();
        assert_eq!(counts, InboxCounts { received: 1, last_received_at: Some(world.now), ..InboxCounts::default() });
    }

    async fn temporary_files_are_known_by_their_owners_even_when_delivered(world: World) {
        world.receive(&["a", "b", "c"]).await;
        for (identity, name) in [("a", "1"), ("b", "2"), ("c", "3")] {
            let id = world.seen(identity).id;
            world.begin(id).await;
            world.fetch(id, name).await;
        }
        world.deliver_one(world.seen("b").id, false).await;
        world.store.drop_messages(Messages::One(world.seen("c").id)).await.unwrap();
        let asked = ["t1", "s1", "t2", "t3", "x"].map(temp).to_vec();
        let owners = world.store.owners_of(DESK.to_owned(), asked.clone()).await.unwrap();
        assert_eq!(identities(&owners), ["a", "b"]);
        assert_eq!(world.store.owners_of("other".to_owned(), asked).await.unwrap(), []);
    }

    async fn a_failed_message_waits_counts_and_dies(mut world: World) {
        world.receive(&["a", "b"]).await;
        let id = world.begin_next().await.row.id;
        let due = Timestamp(world.now.0 + 500);
        world.fail(id, "13", NextTry::Retry { due, counts: true }).await;
        assert_eq!(identities(&world.next().await), ["b"]);
        assert_eq!(world.store.next_message_due(DESK.to_owned()).await.unwrap(), Some(world.now));
        let other = world.begin_next().await.row.id;
        assert_eq!(world.store.next_message_due(DESK.to_owned()).await.unwrap(), Some(due));
        assert_eq!(world.reader.message_problems(DESK, 10).unwrap()[0].id, id);
        world.now = due;
        let again = world.begin(id).await.row;
        assert_eq!((again.tries, again.attempts, again.repeats), (2, 1, 1));
        assert_eq!(again.last_code.as_deref(), Some("result:13"));
        world.fail(id, "13", NextTry::Retry { due, counts: false }).await;
        let again = world.begin(id).await.row;
        assert_eq!((again.tries, again.attempts, again.repeats), (3, 1, 2));
        world.fail(id, "2", NextTry::Dead).await;
        let dead = world.seen("a");
        assert_eq!((dead.state, dead.repeats, dead.fault.unwrap().code), (MessageState::Dead, 1, "2".to_owned()));
        assert_eq!(world.store.next_message_due(DESK.to_owned()).await.unwrap(), None);
        let counts = world.reader.inbox_counts(DESK).unwrap();
        assert_eq!((counts.dead, counts.pending), (1, 1));
        world.store.release_message(other).await.unwrap();
        let released = world.seen("b");
        assert_eq!((released.tries, released.started_at), (0, None));
    }

    async fn a_retry_goes_on_where_the_file_got_to(world: World) {
        world.receive(&["fetched", "lost", "bare"]).await;
        for identity in ["fetched", "lost", "bare"] {
            let id = world.seen(identity).id;
            world.begin(id).await;
            if identity != "bare" {
                world.fetch(id, identity).await;
            }
            let next = if identity == "lost" { NextTry::Lost } else { NextTry::Dead };
            world.fail(id, "io", next).await;
        }
        assert_eq!(world.store.retry_messages(Messages::Inbox("other".to_owned()), world.now).await.unwrap(), 0);
        assert_eq!(world.store.retry_messages(Messages::Dead, world.now).await.unwrap(), 3);
        let states: Vec<_> = ["fetched", "lost", "bare"].iter().map(|one| world.seen(one).state).collect();
        assert_eq!(states, [MessageState::Fetched, MessageState::Received, MessageState::Received]);
        assert_eq!(world.seen("fetched").fault, None);
        assert_eq!(world.seen("lost").file, None);
    }

    async fn a_dropped_message_stays_known_and_is_retried_only_by_itself(world: World) {
        world.receive(&["a", "b", "c"]).await;
        let (a, b, c) = (world.seen("a").id, world.seen("b").id, world.seen("c").id);
        world.begin(a).await;
        world.begin(b).await;
        world.fetch(b, "b").await;
        world.deliver_one(b, false).await;
        assert_eq!(world.store.drop_messages(Messages::Inbox(DESK.to_owned())).await.unwrap(), 2);
        assert!(!world.fetch(a, "late").await, "the caller removes what it fetched");
        world.fail(a, "13", NextTry::Retry { due: world.now, counts: true }).await;
        assert_eq!((world.seen("a").state, world.seen("b").state), (MessageState::Dropped, MessageState::Delivered));
        assert_eq!(world.journal(vec![message("a", "a", true)]).await.new, 0);
        assert_eq!(world.store.retry_messages(Messages::All, world.now).await.unwrap(), 0);
        assert_eq!(world.store.retry_messages(Messages::One(c), world.now).await.unwrap(), 1);
        assert_eq!(identities(&world.next().await), ["c"]);
        assert_eq!(world.reader.inbox_counts(DESK).unwrap().dropped, 1);
    }

    async fn a_message_that_saw_too_many_crashes_comes_alone_and_last(mut world: World) {
        world.receive(&["bad", "good"]).await;
        let bad = world.seen("bad").id;
        for _ in 0..CRASHES_MAX {
            world.begin(bad).await;
            world.restart();
            world.store.recover(world.now).await.unwrap();
        }
        assert_eq!((world.seen("bad").crashes, world.seen("bad").tries), (CRASHES_MAX, CRASHES_MAX));
        assert_eq!(identities(&world.next().await), ["good"]);
        let good = world.begin_next().await.row.id;
        assert_eq!(world.next().await, [], "not beside another");
        world.receive(&["later"]).await;
        world.fetch(good, "x").await;
        world.deliver_one(good, false).await;
        assert_eq!(identities(&world.next().await), ["later"]);
        let later = world.seen("later").id;
        world.fail(later, "2", NextTry::Dead).await;
        assert_eq!(identities(&world.next().await), ["bad"]);
        world.begin(bad).await;
        world.receive(&["last"]).await;
        assert_eq!(world.next().await, [], "nothing beside it");
    }

    async fn a_program_runs_until_it_is_done_or_given_up(mut world: World) {
        world.receive(&["a", "b"]).await;
        for identity in ["a", "b"] {
            let id = world.seen(identity).id;
            world.begin(id).await;
            world.fetch(id, identity).await;
            world.deliver_one(id, true).await;
        }
        let hooks = world.hooks().await;
        let shown: Vec<_> = hooks.iter().map(|hook| (hook.path.clone(), hook.tries)).collect();
        assert_eq!(shown, [(path("a"), 0), (path("b"), 0)]);
        assert_eq!(world.store.hook_begins(hooks[0].id).await.unwrap(), 1);
        let later = Timestamp(world.now.0 + 1000);
        let end = |id, exit: &str, next| world.store.hook_ended(id, exit.to_owned(), next);
        end(hooks[0].id, "exit status 1", NextHook::Retry(later)).await.unwrap();
        end(hooks[1].id, "exit status 0", NextHook::Done).await.unwrap();
        assert_eq!(world.hooks().await, []);
        assert_eq!(world.store.next_hook_due(DESK.to_owned()).await.unwrap(), Some(later));
        world.now = later;
        assert_eq!(world.hooks().await[0].tries, 1);
        end(hooks[0].id, "ended by signal 9", NextHook::Failed).await.unwrap();
        let row = world.reader.message_problems(DESK, 10).unwrap().remove(0);
        let hook = row.hook.unwrap();
        assert_eq!((hook.state, hook.tries, hook.exit.as_deref()), (HookState::Failed, 1, Some("ended by signal 9")));
        assert_eq!(world.store.next_hook_due(DESK.to_owned()).await.unwrap(), None);
        assert_eq!(world.store.retry_messages(Messages::One(hooks[0].id), world.now).await.unwrap(), 1);
        assert_eq!(world.hooks().await.len(), 1);
        end(hooks[1].id, "late", NextHook::Failed).await.unwrap();
        assert_eq!(world.seen("b").hook.unwrap().state, HookState::Done);
    }

    async fn due_times_move_with_the_clock_and_are_never_far_ahead(world: World) {
        world.receive(&["a", "b"]).await;
        let (a, b) = (world.seen("a").id, world.seen("b").id);
        let far = Timestamp(world.now.0 + 1_000_000_000);
        world.begin(a).await;
        world.fail(a, "13", NextTry::Retry { due: far, counts: false }).await;
        world.begin(b).await;
        world.fetch(b, "b").await;
        world.deliver_one(b, true).await;
        world.store.hook_ended(b, "x".to_owned(), NextHook::Retry(far)).await.unwrap();
        world.store.shift_due(5).await.unwrap();
        let due = |world: &World| (world.seen("a").due, world.seen("b").hook.unwrap().due);
        assert_eq!(due(&world), (Timestamp(far.0 + 5), Some(Timestamp(far.0 + 5))));
        world.store.clamp_due(Timestamp(9)).await.unwrap();
        assert_eq!(due(&world), (Timestamp(9), Some(Timestamp(9))));
    }

    async fn lists_are_newest_first_filtered_and_in_pages(world: World) {
        world.receive(&["a", "b", "c", "d"]).await;
        world.journal(vec![message("n", "n", false)]).await;
        let elsewhere = world.store.journal("other".to_owned(), vec![message("o", "o", true)], world.now);
        elsewhere.await.unwrap();
        world.fail(world.seen("b").id, "2", NextTry::Dead).await;
        let list = |filter: MessageFilter, limit| -> Vec<String> {
            let rows = world.reader.messages(&filter, limit).unwrap();
            rows.into_iter().map(|row| row.identity).collect()
        };
        let of_desk = || MessageFilter { inbox: Some(DESK.to_owned()), ..MessageFilter::default() };
        assert_eq!(list(MessageFilter::default(), 10), ["o", "d", "c", "b", "a"]);
        assert_eq!(list(of_desk(), 2), ["d", "c"]);
        let before = Some(world.seen("c").id);
        assert_eq!(list(MessageFilter { before, ..of_desk() }, 10), ["b", "a"]);
        let state = Some(MessageState::Dead);
        assert_eq!(list(MessageFilter { state, ..of_desk() }, 10), ["b"]);
        let state = Some(MessageState::Noted);
        assert_eq!(list(MessageFilter { state, ..of_desk() }, 10), ["n"]);
        assert_eq!(world.reader.message_at(DESK, &path("x")).unwrap(), None);
        assert_eq!(world.reader.message(DESK, "x").unwrap(), None);
    }

    async fn old_messages_without_a_file_go_in_batches_and_others_stay(mut world: World) {
        let many = (0..5).map(|number| message(&format!("n{number}"), "n", false));
        world.journal(many.collect()).await;
        world.receive(&["file"]).await;
        world.now = Timestamp(world.now.0 + 10);
        world.journal(vec![message("young", "n", false)]).await;
        let prune = || world.store.prune_noted(world.now, 3);
        assert_eq!(prune().await.unwrap(), 3);
        assert_eq!(prune().await.unwrap(), 2);
        assert_eq!(prune().await.unwrap(), 0);
        let counts = world.reader.inbox_counts(DESK).unwrap();
        assert_eq!((counts.noted, counts.pending), (1, 1));
    }

    async fn inboxes_keep_their_pause_and_directory(world: World) {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let rows = world.store.adopt_inboxes(names(&["b", "a"])).await.unwrap();
        assert_eq!((rows[0].name.as_str(), rows[0].paused, rows[0].root), ("b", false, None));
        let root = RootIdentity { dev: u64::MAX, ino: 7 };
        world.store.set_inbox_root("a".to_owned(), root).await.unwrap();
        world.store.set_inbox_paused("a".to_owned(), true).await.unwrap();
        world.store.adopt_inboxes(names(&["b"])).await.unwrap();
        assert_eq!(world.reader.inboxes().unwrap().len(), 1);
        let rows = world.store.adopt_inboxes(names(&["a"])).await.unwrap();
        assert_eq!((rows[0].paused, rows[0].root), (true, Some(root)));
        assert_eq!(world.reader.inboxes().unwrap(), rows);
    }
}
