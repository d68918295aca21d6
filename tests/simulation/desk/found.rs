//! Histories without chance, for what seeds have found.

use super::centre::{Asked, HangUp};
use super::history::{Scene, run_script};
use super::mix::{Manners, Mix, Robot};
use super::workload::{plain_letter, say, write};
use super::world::World;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Nothing is sent.
fn receiving(manners: Manners) -> Mix {
    let mut mix = Mix::plain(manners);
    mix.has_outbox = false;
    mix
}

/// An agent sends a file.
fn file_comes(world: &World) {
    let bytes = format!("at {} ms", world.now_ms());
    let letter = plain_letter(world, bytes.as_bytes(), "pdf", false);
    say(world, letter);
}

/// As many files are in the inbox by now.
fn has(world: &World, files: usize) {
    let have = world.inbox.files().len();
    if have != files {
        world
            .story
            .wrong(&format!("{have} files instead of {files} are received"));
    }
}

fn check(mix: Mix, scenes: &[Scene]) {
    let world = World::with(mix, fastrand::Rng::with_seed(1), false);
    run_script(&world, scenes, &[]);
    let report = world.story.report(0);
    assert_eq!(report.violation, None, "{}", report.trace.join("\n"));
}

/// The chat ends after the last file, and the one that is opened for the next begins with a robot, who
/// takes a file with success.
#[test]
fn a_file_goes_to_an_agent_though_a_new_chat_begins_with_a_robot() {
    let manners = Manners {
        robot: Robot::First,
        chat_life_ms: 30_000,
        kept_by_polls: false,
        silent: true,
        ..Manners::plain()
    };
    let scenes: &[Scene] = &[
        (0, |world| write(world, "one.txt", b"one")),
        (60_000, |world| write(world, "two.txt", b"two")),
    ];
    check(Mix::plain(manners), scenes);
}

/// The poller notices that the chat is gone while the message of a file is still on its way. A new chat,
/// which begins with a robot, must not be there when it arrives.
#[test]
fn no_chat_is_opened_under_a_file_that_is_on_its_way() {
    let mut mix = Mix::plain(Manners {
        robot: Robot::First,
        hold_ms: 0,
        ..Manners::plain()
    });
    mix.latency_ms = 2_000;
    let drop_one: fn(&World) = |world| {
        let now = world.now_ms();
        write(world, &format!("{now}.txt"), format!("{now}").as_bytes());
    };
    let end_chat: fn(&World) = |world| {
        world.state().centre.lose_chat();
        world.mail.notify_waiters();
    };
    // The chat ends a little later after each file, so that some are just then on their way.
    let scenes: Vec<Scene> = (0..60)
        .flat_map(|n| {
            [
                (n * 20_000, drop_one),
                (n * 20_000 + 500 + n * 50, end_chat),
            ]
        })
        .collect();
    check(mix, &scenes);
}

/// A clock that is far behind must not make the daemon forget at once what it just wrote down.
#[test]
fn messages_without_a_file_are_remembered_by_the_clock_that_they_were_stamped_with() {
    let scenes: &[Scene] = &[
        (0, |world| world.story.jump(-10 * 365 * 24 * 3_600_000)),
        (20_000, |world| {
            let mut text = plain_letter(world, b"", "txt", false);
            (text.media, text.file_type, text.file) = ("TEXT", None, None);
            say(world, text);
        }),
        // Until the history was read once more.
        (2 * 3_600_000, |world| {
            if world.rows().is_empty() {
                world.story.wrong("a message is forgotten");
            }
        }),
    ];
    check(Mix::plain(Manners::plain()), scenes);
}

/// Whatever its token, the session is refused for hours, until even the token itself counts as refused.
#[test]
fn an_inbox_that_was_paused_for_its_session_hears_again_unasked() {
    let scenes: &[Scene] = &[
        (20_000, |world| {
            world.play(|centre, now, asked| match asked {
                Asked::Bearer { .. } | Asked::Apply => None,
                _ => Some(centre.result(now, "160030", "authentication failed")),
            });
        }),
        (3 * HOUR, |world| {
            world.end_play();
            file_comes(world);
        }),
        // At the latest half an hour later it is probed.
        (4 * HOUR, |world| has(world, 1)),
    ];
    check(receiving(Manners::plain()), scenes);
}

/// The gateway's token is dead though it is young: no new token of a session is to be had with it.
#[test]
fn a_gateway_token_that_is_refused_for_a_session_is_renewed_at_once() {
    let scenes: &[Scene] = &[
        (20_000, |world| world.state().centre.revoke_bearers()),
        (30_000, file_comes),
        (2 * MINUTE, |world| has(world, 1)),
    ];
    check(receiving(Manners::plain()), scenes);
}

/// Each session that is opened is gone before its queue is asked.
#[test]
fn sessions_that_are_gone_at_once_are_not_opened_without_end() {
    let scenes: &[Scene] = &[
        (0, |world| {
            world.play(|centre, now, asked| match asked {
                Asked::Send(said) if said.control == "CONNECT" => {
                    Some(centre.result(now, "0", "connect successfully"))
                }
                Asked::Queue => Some(centre.result(now, "160004", "session not found")),
                _ => None,
            });
            write(world, "a.txt", b"a");
        }),
        (3 * MINUTE, World::end_play),
    ];
    check(Mix::plain(Manners::plain()), scenes);
}

/// Nobody says that the session is over, but that files cannot be handed over any more.
#[test]
fn a_file_that_is_refused_because_the_session_is_over_goes_out_in_the_next() {
    let end_chat: [fn(&World); 2] = [
        |world| {
            world.play(|centre, now, asked| match asked {
                Asked::Upload { .. } if !centre.has_chat() => {
                    Some(centre.upload_result(now, "13", None))
                }
                _ => None,
            });
        },
        |world| {
            world.play(|centre, now, asked| match asked {
                Asked::Upload { .. } if !centre.has_chat() => {
                    Some(centre.upload_result(now, "160004", None))
                }
                _ => None,
            });
        },
    ];
    for refuse in end_chat {
        let scenes: &[Scene] = &[
            (0, |world| write(world, "one.txt", b"one")),
            (10_000, refuse),
            (20_000, |world| world.state().centre.lose_chat()),
            (21_000, |world| write(world, "two.txt", b"two")),
            (51_000, |world| {
                if world.state().centre.sent.len() != 2 {
                    world.story.wrong("the second file is not sent");
                }
            }),
        ];
        let manners = Manners {
            silent: true,
            ..Manners::plain()
        };
        check(Mix::plain(manners), scenes);
    }
}

/// The servers do not know what to do with the token of this session, and with no other is all well.
#[test]
fn polls_that_fail_again_and_again_are_tried_with_a_new_session() {
    let scenes: &[Scene] = &[
        (20_000, |world| {
            let mut is_new = false;
            world.play(move |centre, now, asked| {
                is_new |= *asked == Asked::Apply;
                let refused = *asked == Asked::Poll && !is_new;
                refused.then(|| centre.result(now, "160001", "in trouble"))
            });
        }),
        (30_000, file_comes),
        (15 * MINUTE, |world| has(world, 1)),
    ];
    check(receiving(Manners::plain()), scenes);
}

/// At closing time a poll brings files and the end of the chat.
#[test]
fn files_that_came_before_the_night_are_fetched_in_it() {
    let night = 60_000;
    let mut mix = receiving(Manners {
        hours: Some((24 * HOUR, night)),
        ..Manners::plain()
    });
    mix.latency_ms = 3_000;
    let scenes: &[Scene] = &[
        (night, |world| {
            for _ in 0..9 {
                file_comes(world);
            }
            let now = world.now_ms();
            world.state().centre.hang_up(now, HangUp::Agent);
            world.mail.notify_waiters();
        }),
        (night + 5 * MINUTE, |world| {
            has(world, 9);
            world.state().centre.manners.hours = None;
        }),
        // The desk is asked every half an hour.
        (night + HOUR, |_| {}),
    ];
    check(mix, scenes);
}
