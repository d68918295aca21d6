//! Listing, large objects, the deployed site, and the command.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::json;
use syncd::emulator::serve::{self, EmulateError, EmulateOptions};
use syncd::emulator::{
    Emulator, EmulatorOptions, HostKind, ListOptions, ListedDigest, Marker, Observer, StartError,
};

use crate::client::{ENV, Talk};

fn listing(page_size: usize, marker: Marker, digest: ListedDigest) -> Talk {
    let talk = Talk::with(EmulatorOptions {
        list: ListOptions {
            page_size,
            marker,
            digest,
        },
        ..EmulatorOptions::default()
    });
    for key in ["a.txt", "b/1.txt", "b/2.txt", "b/3.txt", "中.txt"] {
        talk.cloud
            .put_object(ENV, key, &Bytes::from_static(b"123"))
            .unwrap();
    }
    talk
}

#[tokio::test]
async fn a_list_comes_in_pages_after_or_from_its_marker() {
    for (marker, pages) in [(Marker::Exclusive, 3), (Marker::Inclusive, 4)] {
        let talk = listing(2, marker, ListedDigest::OnePart);
        let token = talk.token().await;
        let (mut keys, mut asked, mut last) = (BTreeSet::new(), 0, String::new());
        loop {
            let body = json!({ "env": ENV, "marker": last });
            let page = talk
                .call("/componenttcb/staticfilelist", &token, &body)
                .await;
            asked += 1;
            for entry in page["contents"].as_array().unwrap() {
                entry["key"].as_str().unwrap().clone_into(&mut last);
                keys.insert(last.clone());
            }
            if page["is_truncated"] == json!(false) {
                break;
            }
        }
        assert_eq!((keys.len(), asked), (5, pages));
        assert_eq!(last, "中.txt");
    }
}

#[tokio::test]
async fn a_listed_object_has_the_types_the_cloud_gives() {
    for (digest, wanted) in [
        (ListedDigest::Plain, "202cb962ac59075b964b07152d234b70"),
        (ListedDigest::Quoted, "\"202cb962ac59075b964b07152d234b70\""),
        (ListedDigest::OnePart, "202cb962ac59075b964b07152d234b70-1"),
    ] {
        let talk = listing(1000, Marker::Exclusive, digest);
        let body = json!({ "env": ENV, "prefix": "b/" });
        let token = talk.token().await;
        let page = talk
            .call("/componenttcb/staticfilelist", &token, &body)
            .await;
        assert_eq!(page["contents"].as_array().unwrap().len(), 3);
        let first = &page["contents"][0];
        assert_eq!(
            (&first["key"], &first["size"]),
            (&json!("b/1.txt"), &json!("3"))
        );
        assert_eq!(first["md5"], wanted);
        assert!(first["last_modified"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn a_large_object_is_kept_in_a_file_or_by_its_checksums() {
    let folder = tempfile::tempdir().unwrap();
    for keep_large in [true, false] {
        let talk = Talk::with(EmulatorOptions {
            keep_large,
            root: Some(folder.path().to_owned()),
            ..EmulatorOptions::default()
        });
        let bytes = Bytes::from(vec![7; 3_000_000]);
        let link = talk.link("big.bin").await;
        assert_eq!(
            talk.put(&link, bytes.clone())
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
        let object = talk.cloud.object(ENV, "big.bin").unwrap();
        assert_eq!(object.size, 3_000_000);
        assert_eq!(object.bytes().unwrap(), keep_large.then(|| bytes.clone()));
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, usize::from(keep_large));
        let public = link.url.split_once('?').unwrap().0.to_owned();
        let got = talk.http.get(public).send().await.unwrap();
        if keep_large {
            assert_eq!(got.headers()["content-length"], "3000000");
            assert_eq!(got.bytes().await.unwrap(), bytes);
        } else {
            assert_eq!(got.status(), 500);
        }
    }
}

#[tokio::test]
async fn the_deployed_site_is_served_as_a_visitor_expects() {
    let talk = Talk::new();
    let site = talk.cloud.site_url(ENV).unwrap();
    let get = async |path: &str| talk.http.get(format!("{site}{path}")).send().await.unwrap();
    assert_eq!(get("").await.status(), 404);
    for key in ["index.html", "docs/index.html", "图 片.txt"] {
        talk.upload(key, "hello").await;
    }
    for path in ["", "index.html", "docs/", "%E5%9B%BE%20%E7%89%87.txt"] {
        let response = get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(response.text().await.unwrap(), "hello");
    }
    let moved = get("docs").await;
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (301, &"/docs/".parse().unwrap())
    );
    assert_eq!(
        talk.http.head(&site).send().await.unwrap().headers()["content-length"],
        "5"
    );
    talk.upload("404.html", "lost").await;
    let lost = get("none").await;
    assert_eq!(
        (lost.status().as_u16(), lost.text().await.unwrap().as_str()),
        (404, "lost")
    );
    talk.cloud.remove_object(ENV, "index.html");
    assert_eq!(get("").await.status(), 404);
    assert_eq!(talk.http.post(&site).send().await.unwrap().status(), 405);
    assert!(talk.cloud.headers_seen(HostKind::Site).contains_key("host"));
}

#[tokio::test]
async fn an_observer_sees_each_request_but_no_token_and_no_link() {
    let (tell, told) = std::sync::mpsc::channel();
    let talk = Talk::with(EmulatorOptions {
        observer: Some(Observer::new(move |line| {
            let _ended = tell.send(line.to_owned());
        })),
        ..EmulatorOptions::default()
    });
    talk.upload("a b.txt", "x").await;
    let token = talk.token().await;
    drop(talk);
    let lines: Vec<String> = told.iter().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[2].starts_with("PUT /cos/ab12-static-demo-1a2b3c-1250000000/a%20b.txt → 200"));
    assert!(
        lines
            .iter()
            .all(|line| !line.contains(&token) && !line.contains("sign"))
    );
}

#[test]
fn the_command_says_what_it_plays_and_how_to_reach_it() {
    let mut output = Vec::new();
    let options = EmulateOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        faults: None,
        root: None,
    };
    serve::run(options, &mut output, || ()).unwrap();
    let text = String::from_utf8(output).unwrap();
    let snippet = text.split_once("[accounts").unwrap().1;
    let config: toml::Table = toml::from_str(&format!("[accounts{snippet}")).unwrap();
    let account = &config["accounts"]["emulated"];
    let base = account["base_url"].as_str().unwrap();
    assert!(text.contains(&format!("on {base}")));
    assert_eq!(
        account["token"]["url"].as_str().unwrap(),
        format!("{base}/token")
    );
    assert_eq!(config["folder"][0]["env"].as_str(), Some(ENV));
    assert!(text.contains("Deployed site of demo-1a2b3c: http://127.0.0.1:"));
}

#[test]
fn the_command_refuses_a_wrong_script_and_a_public_address() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("faults.toml");
    std::fs::write(&script, "[[fault]]\ncall = \"put\"\nstatsu = 1\n").unwrap();
    let run = |listen: [u8; 4], faults| {
        let options = EmulateOptions {
            listen: SocketAddr::from((listen, 0)),
            faults,
            root: None,
        };
        serve::run(options, &mut Vec::new(), || ()).unwrap_err()
    };
    let error = run([127, 0, 0, 1], Some(script));
    let EmulateError::ParseScript { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        source
            .to_string()
            .starts_with("line 3: unknown field `statsu`")
    );
    let missing = run([127, 0, 0, 1], Some(folder.path().join("none")));
    assert!(matches!(missing, EmulateError::ReadScript { .. }));
    let public = run([0, 0, 0, 0], None);
    assert!(matches!(
        public,
        EmulateError::Start(StartError::NotLoopback(_))
    ));
}

#[test]
fn a_taken_port_is_named_and_a_stopped_emulator_frees_its_ports() {
    let start = |listen| {
        Emulator::start(EmulatorOptions {
            listen,
            ..EmulatorOptions::default()
        })
    };
    // Another test may be given the port in the moment between, so this is tried a few times.
    let freed = (0..5).any(|_| {
        let running = Emulator::start(EmulatorOptions::default()).unwrap();
        let address = running.address();
        let refusal = start(address).unwrap_err().to_string();
        assert!(refusal.contains(&address.to_string()), "{refusal}");
        drop(running);
        start(address).is_ok()
    });
    assert!(freed);
}
