//! The rules of the API: kept, it works; broken, it is refused as the real cloud refuses.

use std::time::Duration;

use serde_json::{Value, json};
use syncd::emulator::{Call, Credentials, EmulatorOptions, TokenOptions};

use crate::client::{ENV, Talk, read};

const UPLOAD: &str = "/componenttcb/staticuploadfile";

#[tokio::test]
async fn each_call_wants_the_right_token_in_its_query() {
    let talk = Talk::new();
    let body = json!({ "env": ENV, "filename": "a" });
    let app = token_call(&talk, "/cgi-bin/stable_token", &app_fields()).await;
    let app = app["access_token"].as_str().unwrap();
    for (token, errcode) in [("", 41001), ("72_made-up", 40014), (app, 61014)] {
        assert_eq!(talk.call(UPLOAD, token, &body).await["errcode"], errcode);
    }
    let missing = read(talk.post(UPLOAD, &body).send().await.unwrap()).await;
    assert_eq!(missing["errcode"], 41001);
    assert!(missing["errmsg"].as_str().unwrap().contains("rid: "));
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());

    let token = talk.token().await;
    let in_body = json!({ "env": ENV, "filename": "a", "access_token": token });
    let reply = read(talk.post(UPLOAD, &in_body).send().await.unwrap()).await;
    assert_eq!(reply["errcode"], 41001);
    let bearer = talk.post(UPLOAD, &body).bearer_auth(&token);
    assert_eq!(read(bearer.send().await.unwrap()).await["errcode"], 41001);
    assert_eq!(talk.cloud.violations().len(), 2);
}

#[tokio::test]
async fn expired_and_superseded_tokens_are_refused_until_a_new_one_is_asked_for() {
    let talk = Talk::new();
    let body = json!({ "env": ENV, "filename": "a" });
    let first = talk.token().await;
    assert_eq!(talk.token().await, first);
    talk.cloud.expire_tokens();
    assert_eq!(talk.call(UPLOAD, &first, &body).await["errcode"], 42001);
    let second = talk.token().await;
    assert_ne!(second, first);
    assert_eq!(talk.call(UPLOAD, &second, &body).await["errcode"], 0);

    token_call(
        &talk,
        "/cgi-bin/component/api_component_token",
        &component_fields(),
    )
    .await;
    assert_eq!(talk.call(UPLOAD, &second, &body).await["errcode"], 0);
    talk.cloud.advance_clock(Duration::from_secs(301));
    assert_eq!(talk.call(UPLOAD, &second, &body).await["errcode"], 40001);
    talk.cloud.advance_clock(Duration::from_hours(2));
    assert_eq!(talk.call(UPLOAD, &second, &body).await["errcode"], 42001);
}

#[tokio::test]
async fn an_app_token_passes_only_where_the_emulator_was_told_so() {
    let talk = Talk::with(EmulatorOptions {
        tokens: TokenOptions {
            accept_app_token: true,
            ..TokenOptions::default()
        },
        ..EmulatorOptions::default()
    });
    let app = token_call(&talk, "/cgi-bin/stable_token", &app_fields()).await;
    let body = json!({ "env": ENV, "filename": "a" });
    let reply = talk
        .call(UPLOAD, app["access_token"].as_str().unwrap(), &body)
        .await;
    assert_eq!(reply["errcode"], 0);
}

#[tokio::test]
async fn token_calls_answer_without_errcode_and_refuse_wrong_credentials() {
    let talk = Talk::new();
    let stable = "/cgi-bin/stable_token";
    let component = "/cgi-bin/component/api_component_token";
    let reply = token_call(&talk, stable, &app_fields()).await;
    assert_eq!(
        (&reply["expires_in"], reply.get("errcode")),
        (&json!(7200), None)
    );
    let again = token_call(&talk, stable, &app_fields()).await;
    assert_eq!(again["access_token"], reply["access_token"]);
    let known = Credentials::default();
    for (path, name, value, errcode) in [
        (stable, "grant_type", "x", 40002),
        (stable, "appid", "", 41002),
        (stable, "appid", "wx", 40013),
        (stable, "appid", known.component_appid.as_str(), 61024),
        (stable, "secret", "", 41004),
        (stable, "secret", "x", 40125),
        (component, "component_appid", "", 41018),
        (component, "component_appid", "x", 40013),
        (component, "component_appsecret", "", 41004),
        (component, "component_appsecret", "x", 40125),
        (component, "component_verify_ticket", "x", 61006),
    ] {
        let mut fields = if path == stable {
            app_fields()
        } else {
            component_fields()
        };
        fields[name] = json!(value);
        let reply = token_call(&talk, path, &fields).await;
        assert_eq!(reply["errcode"], errcode, "{path} {name} {value}");
    }
    let classic = format!(
        "{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        talk.cloud.base_url(),
        known.appid,
        known.secret
    );
    let first = read(talk.http.get(&classic).send().await.unwrap()).await;
    let second = read(talk.http.get(&classic).send().await.unwrap()).await;
    assert_ne!(first["access_token"], second["access_token"]);
    assert_eq!(talk.cloud.count(Call::Token), 15);
}

#[tokio::test]
async fn bodies_and_methods_are_refused_as_the_api_refuses_them() {
    let talk = Talk::new();
    let address = format!(
        "{}{UPLOAD}?access_token={}",
        talk.cloud.base_url(),
        talk.token().await
    );
    let get = read(talk.http.get(&address).send().await.unwrap()).await;
    assert_eq!(get["errcode"], 43002);
    for (body, errcode) in [
        ("", 44002),
        ("{", 47001),
        ("[]", 47001),
        (r#"{"env":"demo-1a2b3c","filename":"\u4e2d"}"#, 40033),
        (r#"{"env":"demo-1a2b3c"}"#, 40101),
        (r#"{"env":"demo-1a2b3c","filename":7}"#, 40097),
        (r#"{"env":"demo-1a2b3c","Filename":"a"}"#, 40101),
        (r#"{"filename":"a"}"#, 40101),
        (r#"{"env":"nowhere","filename":"a"}"#, -501_000),
    ] {
        let post = talk
            .http
            .post(&address)
            .header("content-type", "application/json");
        let reply = read(post.body(body).send().await.unwrap()).await;
        assert_eq!(reply["errcode"], errcode, "{body}");
    }
    assert_eq!(talk.cloud.violations(), Vec::<String>::new());
    let plain = talk
        .http
        .post(&address)
        .body(r#"{"env":"demo-1a2b3c","filename":"a"}"#);
    assert_eq!(read(plain.send().await.unwrap()).await["errcode"], 0);
    assert_eq!(talk.cloud.violations().len(), 1);
    let nowhere = talk.call("/componenttcb/nothing", "", &json!({})).await;
    assert_eq!(nowhere["errcode"], 40066);
}

#[tokio::test]
async fn keys_that_cannot_be_are_refused_and_held_against_the_client() {
    let talk = Talk::new();
    let long = "a".repeat(851);
    let keys = ["/a", "a//b", "a/../b", "./a", "\\a", "a\u{1a}", &long];
    for key in &keys[..5] {
        assert_eq!(talk.link_reply(key).await["errcode"], -501_007, "{key}");
    }
    assert_eq!(talk.link_reply(keys[6]).await["errcode"], -501_007);
    assert_eq!(talk.cloud.violations().len(), 6);
}

#[tokio::test]
async fn only_an_online_website_gives_links() {
    let talk = Talk::new();
    talk.cloud.set_status(ENV, "process");
    assert_eq!(talk.link_reply("a").await["errcode"], -501_018);
    let token = talk.token().await;
    let body = json!({ "env": ENV });
    let reply = talk
        .call("/componenttcb/describestaticstore", &token, &body)
        .await;
    assert_eq!(reply["data"][0]["status"], "process");
    assert_eq!(reply["data"][0]["env"], ENV);
    assert!(
        reply["data"][0]["bucket"]
            .as_str()
            .unwrap()
            .contains("static")
    );
}

fn app_fields() -> Value {
    let known = Credentials::default();
    json!({
        "grant_type": "client_credential",
        "appid": known.appid,
        "secret": known.secret,
        "force_refresh": false,
    })
}

fn component_fields() -> Value {
    let known = Credentials::default();
    json!({
        "component_appid": known.component_appid,
        "component_appsecret": known.component_secret,
        "component_verify_ticket": known.ticket,
    })
}

async fn token_call(talk: &Talk, path: &str, fields: &Value) -> Value {
    read(talk.post(path, fields).send().await.unwrap()).await
}
