//! Both tokens: their ends, and the one that comes with an answer.

use std::time::Duration;

use serde_json::json;
use syncd::emulator::{DeskDialect, DeskOptions, DeskTokenOptions, ExpiredClient};

use crate::desk_client::{Customer, Reply, application, queue, words};

fn with_tokens(tokens: DeskTokenOptions) -> DeskOptions {
    DeskOptions {
        tokens,
        ..DeskOptions::default()
    }
}

#[tokio::test]
async fn each_token_is_checked_by_itself() {
    let customer = Customer::connected(DeskOptions::default()).await;
    let url = "/apiaccess/ccmessaging/send";
    let bearer = format!("Bearer {}", customer.access);
    let blanks = format!("Bearer  {}", customer.access);
    let client = customer.client.as_str();
    let decoded = client.replace("%3D", "=");
    let key = "ak-emulated-0001";
    for (authorization, key, client, code, is_violation) in [
        (bearer.as_str(), key, client, "0", false),
        ("", key, client, "http 401", true),
        (&customer.access, key, client, "http 401", true),
        (&blanks, key, client, "http 401", true),
        ("Bearer made-up", key, client, "http 403", false),
        (&bearer, "", client, "http 401", true),
        (&bearer, "ak", client, "http 401", true),
        (&bearer, key, "", "http 401", true),
        (&bearer, key, &decoded, "http 401", false),
    ] {
        let before = customer.violations().len();
        let mut request = customer.talk.post(url, &words("hello"));
        for (name, value) in [
            ("authorization", authorization),
            ("x-app-key", key),
            ("ccmessaging-token", client),
        ] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let reply = Reply::read(request.send().await.unwrap()).await;
        assert_eq!(reply.code(), code, "{authorization} {key} {client}");
        let violations = customer.violations().len() - before;
        assert_eq!(
            violations,
            usize::from(is_violation),
            "{authorization} {key}"
        );
    }
}

#[tokio::test]
async fn an_access_token_ends_with_its_time_on_the_clouds_clock() {
    let mut customer = Customer::connected(DeskOptions::default()).await;
    customer.talk.cloud.advance_clock(Duration::from_secs(3599));
    customer.apply().await;
    customer.talk.cloud.advance_clock(Duration::from_secs(1));
    let refused = customer.call("send", &words("x")).await;
    assert_eq!(refused.code(), "http 403");
    let text = refused.body["exceptionInfo"].as_str().unwrap();
    assert!(text.starts_with("auth fail! illegal or expired token info"));
    customer.log_in().await;
    // The session has gone in the meantime, but the doors are open again.
    assert_eq!(customer.call("send", &words("x")).await.code(), "160004");

    let customer = Customer::with(with_tokens(DeskTokenOptions {
        expired_access_status: 401,
        ..DeskTokenOptions::default()
    }))
    .await;
    customer.desk().expire_access_tokens();
    assert_eq!(customer.poll().await.code(), "http 401");
}

#[tokio::test]
async fn a_client_token_that_runs_out_in_a_session_is_replaced_by_the_answer() {
    let mut customer = Customer::connected(DeskOptions::default()).await;
    customer.desk().expire_client_tokens();
    let reply = customer.poll().await;
    assert_eq!(reply.code(), "0");
    let fresh = reply.token.unwrap();
    assert_ne!(fresh, customer.client);
    assert_eq!(customer.poll().await.code(), "http 401");
    customer.client = fresh;
    let reply = customer.poll().await;
    assert_eq!((reply.code().as_str(), reply.token), ("0", None));

    customer.control("DISCONNECT").await;
    customer.desk().expire_client_tokens();
    assert_eq!(customer.poll().await.code(), "http 401");
    customer.apply().await;
    assert_eq!(customer.poll().await.code(), "160004");
    assert_eq!(customer.control("CONNECT").await, "0");
    customer.desk().revoke_client_tokens();
    assert_eq!(customer.poll().await.code(), "http 401");
    assert_eq!(customer.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_client_token_can_be_a_code_in_the_body() {
    let customer = Customer::with(with_tokens(DeskTokenOptions {
        expired_client: ExpiredClient::Code,
        ..DeskTokenOptions::default()
    }))
    .await;
    customer.desk().expire_client_tokens();
    assert_eq!(customer.poll().await.code(), "160028");
    assert_eq!(customer.call("queryQueueInfo", &queue()).await.code(), "3");
}

#[tokio::test]
async fn tokens_rotate_every_so_many_calls_and_the_old_one_may_have_a_grace() {
    for (grace, old_code) in [(Duration::ZERO, "http 401"), (Duration::from_secs(30), "0")] {
        let mut customer = Customer::connected(with_tokens(DeskTokenOptions {
            rotate_every: Some(3),
            rotation_grace: grace,
            ..DeskTokenOptions::default()
        }))
        .await;
        assert_eq!(customer.poll().await.token, None);
        let fresh = customer.poll().await.token.unwrap();
        let old = customer.poll().await;
        assert_eq!(old.code(), old_code);
        // Whoever still comes with the old one is told the same new one.
        let told = (!grace.is_zero()).then(|| fresh.clone());
        assert_eq!(old.token, told);
        customer.talk.cloud.advance_clock(grace);
        assert_eq!(customer.poll().await.code(), "http 401");
        customer.client = fresh;
        let seen = [
            customer.poll().await.token.is_some(),
            customer.poll().await.token.is_some(),
            customer.poll().await.token.is_some(),
        ];
        assert_eq!(seen, [false, false, true]);
    }
    // Outside of a session nothing is replaced.
    let customer = Customer::with(with_tokens(DeskTokenOptions {
        rotate_every: Some(1),
        ..DeskTokenOptions::default()
    }))
    .await;
    let reply = customer.poll().await;
    assert_eq!((reply.code().as_str(), reply.token), ("160004", None));
}

#[tokio::test]
async fn applying_again_keeps_the_session_or_not() {
    for (apply_keeps_session, code) in [(true, "0"), (false, "160004")] {
        let mut customer = Customer::connected(with_tokens(DeskTokenOptions {
            apply_keeps_session,
            ..DeskTokenOptions::default()
        }))
        .await;
        customer.apply().await;
        assert_eq!(customer.poll().await.code(), code);
    }
}

#[tokio::test]
async fn the_client_token_comes_in_the_forms_of_the_samples() {
    let plain = Customer::new().await;
    let reply = plain.call("applyToken", &application()).await;
    assert_eq!(reply.body["resultCode"], "0");
    assert!(reply.body["token"].as_str().unwrap().ends_with("%3D"));
    let odd = Customer::with(DeskOptions {
        dialect: DeskDialect {
            quoted_token: true,
            omit_apply_code: true,
            ..DeskDialect::default()
        },
        ..DeskOptions::default()
    })
    .await;
    let reply = odd.call("applyToken", &application()).await;
    assert_eq!(reply.body.get("resultCode"), None);
    let token = reply.body["token"].as_str().unwrap();
    assert!(token.starts_with("\"eyJ") && token.ends_with("%3D\""));
    // A client that takes the quotes along is not let in.
    assert_eq!(odd.poll().await.code(), "http 401");
    let refused = odd.call("applyToken", &json!({})).await;
    assert_eq!(refused.body["resultCode"], "1");
}
