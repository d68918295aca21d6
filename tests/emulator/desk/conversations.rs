//! Sessions, the long poll, what waits, and what was said.

use std::time::Duration;

use serde_json::{Value, json};
use syncd::emulator::{
    Call, Delivery, DeskHistoryOptions, DeskOptions, DeskPollOptions, DeskSessionOptions, HangUp,
    KeepAlive, Phase, Queueing, Reception,
};

use crate::desk_client::{Customer, USER, history, queue, words};

fn with_session(session: DeskSessionOptions) -> DeskOptions {
    DeskOptions {
        session,
        ..DeskOptions::default()
    }
}

fn contents(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["content"].as_str().unwrap_or("-"))
        .collect()
}

#[tokio::test]
async fn a_held_poll_is_answered_by_what_comes() {
    let customer = Customer::holding(Duration::from_mins(10), DeskOptions::default()).await;
    customer.control("CONNECT").await;
    let say = async {
        while customer.talk.cloud.in_flight_max(Call::DeskPoll) == 0 {
            tokio::task::yield_now().await;
        }
        customer.desk().put_text(USER, "hello");
    };
    let (messages, ()) = futures_util::join!(customer.messages(), say);
    assert_eq!(contents(&messages), ["hello"]);
    let message = &messages[0];
    assert_eq!(message["to"], USER);
    assert!(message["timestamp"].is_u64());
    assert!(message["contentType"].is_null());
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_held_poll_learns_that_the_session_is_over() {
    let customer = Customer::holding(Duration::from_mins(10), DeskOptions::default()).await;
    for (leave, code) in [(true, "160004"), (false, "0")] {
        customer.control("CONNECT").await;
        let polls = customer.talk.cloud.count(Call::DeskPoll);
        let end = async {
            while customer.talk.cloud.count(Call::DeskPoll) == polls {
                tokio::task::yield_now().await;
            }
            if leave {
                customer.control("DISCONNECT").await;
            } else {
                customer.desk().hang_up(USER, HangUp::Agent);
            }
        };
        let (reply, ()) = futures_util::join!(customer.poll(), end);
        assert_eq!(reply.code(), code);
    }
}

#[tokio::test]
async fn a_poll_with_nothing_to_give_is_held_and_then_empty() {
    let hold = Duration::from_millis(150);
    let customer = Customer::holding(hold, DeskOptions::default()).await;
    customer.control("CONNECT").await;
    let start = std::time::Instant::now();
    let reply = customer.poll().await;
    assert!(start.elapsed() >= hold);
    assert_eq!(reply.body["resultDesc"], "query user messages success.");
    assert_eq!(reply.body["downlinkMessages"], json!([]));
}

#[tokio::test]
async fn two_polls_at_a_time_are_a_violation_but_not_one_that_was_given_up() {
    let customer = Customer::holding(Duration::from_secs(2), DeskOptions::default()).await;
    customer.control("CONNECT").await;
    let given_up = customer.polling("receiverId=node-1&channel=WEB");
    let given_up = given_up.timeout(Duration::from_millis(50)).send().await;
    assert!(given_up.unwrap_err().is_timeout());
    // Until the connection is closed and that is noticed, the old poll takes what comes.
    while customer.talk.cloud.requests().len() < 4 {
        tokio::task::yield_now().await;
    }
    customer.desk().put_text(USER, "a");
    assert_eq!(contents(&customer.messages().await), ["a"]);
    assert_eq!(customer.violations(), Vec::<String>::new());
    futures_util::join!(customer.poll(), customer.poll());
    let violations = customer.violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].contains("second poll"));
}

#[tokio::test]
async fn messages_wait_for_a_session_and_are_handed_out_in_order() {
    let customer = Customer::with(DeskOptions {
        poll: DeskPollOptions {
            batch_max: 2,
            ..DeskPollOptions::default()
        },
        ..DeskOptions::default()
    })
    .await;
    for words in ["1", "2", "3"] {
        customer.desk().put_text(USER, words);
    }
    assert_eq!(customer.poll().await.code(), "160004");
    assert_eq!(customer.desk().waiting(USER), 3);
    customer.control("CONNECT").await;
    assert_eq!(contents(&customer.messages().await), ["1", "2"]);
    assert_eq!(contents(&customer.messages().await), ["3"]);
    assert!(customer.messages().await.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_lost_takes_its_messages_along_or_not() {
    for (delivery, again) in [
        (Delivery::Once, vec![]),
        (Delivery::AgainIfLost, vec!["a"]),
        (Delivery::Twice, vec!["a"]),
    ] {
        let customer = Customer::connected(DeskOptions {
            poll: DeskPollOptions {
                delivery,
                ..DeskPollOptions::default()
            },
            ..DeskOptions::default()
        })
        .await;
        customer.desk().put_text(USER, "a");
        customer.talk.fault("desk_poll", "commit_then_drop = true");
        let lost = customer.polling("receiverId=node-1&channel=WEB");
        assert!(lost.send().await.is_err());
        assert_eq!(contents(&customer.messages().await), again, "{delivery:?}");
        assert!(customer.messages().await.is_empty());
    }
}

#[tokio::test]
async fn the_three_ways_to_be_hung_up_on() {
    let customer = Customer::connected(DeskOptions::default()).await;
    for (how, source, content, is_offline, chat) in [
        (HangUp::Agent, "AGENT", Value::Null, Value::Null, "160004"),
        (
            HangUp::TimeOut,
            "SYSTEM",
            Value::Null,
            Value::Null,
            "160004",
        ),
        (
            HangUp::Offline,
            "SYSTEM",
            json!("You can leave a message."),
            json!(true),
            "0",
        ),
    ] {
        customer.control("CONNECT").await;
        customer.desk().put_text(USER, "bye");
        customer.desk().hang_up(USER, how);
        customer.desk().put_text(USER, "for the next one");
        let messages = customer.messages().await;
        let end = &messages[1];
        assert_eq!(end["controlType"], "DISCONNECT");
        assert_eq!(end["sourceType"], source);
        assert_eq!(end["content"], content);
        assert_eq!(end["isOfflineStatus"], is_offline);
        assert_eq!(customer.call("send", &words("x")).await.code(), chat);
        let connected = how == HangUp::Offline;
        assert_eq!(messages.len(), if connected { 3 } else { 2 });
        assert_eq!(
            customer.poll().await.code(),
            if connected { "0" } else { "160004" }
        );
        customer.control("CONNECT").await;
        customer.poll().await;
    }
}

#[tokio::test]
async fn a_session_times_out_unless_it_is_kept_alive_in_the_right_way() {
    for (kept_alive_by, by_poll, by_send) in [
        (KeepAlive::Poll, "0", "160004"),
        (KeepAlive::Send, "160004", "0"),
    ] {
        let options = with_session(DeskSessionOptions {
            kept_alive_by,
            timeout: Duration::from_mins(5),
            ..DeskSessionOptions::default()
        });
        for (is_poll, wanted) in [(true, by_poll), (false, by_send)] {
            let customer = Customer::connected(options.clone()).await;
            for _ in 0..2 {
                customer.talk.cloud.advance_clock(Duration::from_mins(3));
                if is_poll {
                    customer.poll().await;
                } else {
                    customer.control("INPUT").await;
                }
            }
            let code = customer.call("send", &words("x")).await.code();
            assert_eq!(code, wanted, "{kept_alive_by:?} {is_poll}");
        }
    }
    let customer = Customer::connected(with_session(DeskSessionOptions {
        asynchronous: true,
        ..DeskSessionOptions::default()
    }))
    .await;
    customer.talk.cloud.advance_clock(Duration::from_hours(2));
    assert_eq!(customer.desk().phase(USER), Some(Phase::Agent));
    assert_eq!(customer.desk().waiting(USER), 1);
}

#[tokio::test]
async fn calls_connect_queue_and_end_with_their_codes() {
    let customer = Customer::with(with_session(DeskSessionOptions {
        queue: Queueing::Polls(2),
        ..DeskSessionOptions::default()
    }))
    .await;
    assert_eq!(customer.control("DISCONNECT").await, "160005");
    assert_eq!(
        customer.call("queryQueueInfo", &queue()).await.code(),
        "160004"
    );
    customer.desk().set_open(false);
    assert_eq!(customer.control("CONNECT").await, "12");
    customer.desk().set_open(true);
    assert_eq!(customer.control("CONNECT").await, "0");
    assert_eq!(customer.control("CONNECT").await, "160013");
    assert_eq!(customer.call("send", &words("x")).await.code(), "160013");
    customer.poll().await;
    let waiting = customer.call("queryQueueInfo", &queue()).await;
    assert_eq!(waiting.code(), "0");
    assert_eq!(waiting.body["position"], 1);
    customer.poll().await;
    assert_eq!(
        customer.call("queryQueueInfo", &queue()).await.code(),
        "160021"
    );
    assert_eq!(customer.control("CONNECT").await, "160021");
    assert_eq!(customer.control("TRANS2AGENT").await, "13");
    assert_eq!(customer.call("send", &words("x")).await.code(), "0");
    customer.desk().lose_session(USER);
    assert_eq!(customer.poll().await.code(), "160004");

    let customer = Customer::connected(with_session(DeskSessionOptions {
        queue: Queueing::For(Duration::from_secs(30)),
        ..DeskSessionOptions::default()
    }))
    .await;
    assert_eq!(customer.desk().phase(USER), Some(Phase::Queueing));
    customer.talk.cloud.advance_clock(Duration::from_secs(30));
    assert_eq!(customer.desk().phase(USER), Some(Phase::Agent));
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_robot_takes_the_call_first_or_for_good() {
    for (reception, transferred, phase) in [
        (Reception::RobotFirst, "0", Phase::Agent),
        (Reception::RobotOnly, "13", Phase::Robot),
    ] {
        let customer = Customer::with(with_session(DeskSessionOptions {
            reception,
            ..DeskSessionOptions::default()
        }))
        .await;
        customer.desk().set_open(false);
        assert_eq!(customer.control("CONNECT").await, "0");
        assert_eq!(
            customer.call("queryQueueInfo", &queue()).await.code(),
            "160022"
        );
        assert_eq!(customer.call("send", &words("x")).await.code(), "0");
        customer.desk().set_open(true);
        assert_eq!(customer.control("TRANS2AGENT").await, transferred);
        assert_eq!(customer.desk().phase(USER), Some(phase));
    }
}

#[tokio::test]
async fn a_repeated_message_id_is_taken_twice_or_once() {
    for (drop_repeats, taken) in [(false, 2), (true, 1)] {
        let customer = Customer::connected(DeskOptions {
            drop_repeats,
            ..DeskOptions::default()
        })
        .await;
        let mut body = words("once?");
        body["messageId"] = json!("0123456789abcdef0123456789abcdef");
        for _ in 0..2 {
            assert_eq!(customer.call("send", &body).await.code(), "0");
        }
        let sent = customer.desk().sent();
        assert_eq!(
            sent.iter()
                .filter(|sent| sent.control_type == "CHAT")
                .count(),
            taken
        );
    }
}

#[tokio::test]
async fn the_history_has_both_sides_page_by_page() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let start_ms = customer.desk().put_text(USER, "1")["timestamp"]
        .as_u64()
        .unwrap();
    customer.poll().await;
    customer.talk.cloud.advance_clock(Duration::from_secs(10));
    let mut said = words("2");
    said["messageId"] = json!("m-2");
    customer.call("send", &said).await;
    customer.talk.cloud.advance_clock(Duration::from_secs(10));
    customer.desk().put_text(USER, "3");
    let list = async |body: Value| {
        let reply = customer.call("queryHistoryChatMessage", &body).await;
        assert_eq!(reply.code(), "0");
        reply.body["messageList"].as_array().unwrap().clone()
    };
    let all = list(history("10", "0")).await;
    assert_eq!(contents(&all), ["1", "2", "3"]);
    assert_eq!(all[1]["messageId"], "m-2");
    assert_eq!(all[1]["sourceType"], "CUSTOMER");
    assert_eq!(contents(&list(history("1", "1")).await), ["2"]);
    assert!(list(history("5", "3")).await.is_empty());
    let mut between = history("10", "0");
    between["startTime"] = json!((start_ms + 5_000).to_string());
    between["endTime"] = json!((start_ms + 15_000).to_string());
    assert_eq!(contents(&list(between).await), ["2"]);

    let customer = Customer::connected(DeskOptions {
        history: DeskHistoryOptions {
            newest_first: true,
            has_message_ids: false,
        },
        ..DeskOptions::default()
    })
    .await;
    customer.call("send", &said).await;
    customer.talk.cloud.advance_clock(Duration::from_secs(1));
    customer.desk().put_text(USER, "3");
    let reply = customer
        .call("queryHistoryChatMessage", &history("10", "0"))
        .await;
    let all = reply.body["messageList"].as_array().unwrap();
    assert_eq!(contents(all), ["3", "2"]);
    assert_eq!(all[1].get("messageId"), None);
}
