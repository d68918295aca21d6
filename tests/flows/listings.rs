//! Listings and the state of a static website.

use syncd::flow::listing::{self, Listing, ListingStep};
use syncd::port::transport::Reply;

use crate::json;

fn page(truncated: &str, keys: &[&str]) -> Reply {
    let md5 = "A".repeat(32);
    let entries: Vec<String> = keys
        .iter()
        .map(|key| format!(r#"{{"key":"{key}","md5":"\"{md5}\"","size":"5"}}"#))
        .collect();
    let entries = entries.join(",");
    json(format!(
        r#"{{"errcode":0,"is_truncated":{truncated},"contents":[{entries}]}}"#
    ))
}

#[test]
fn a_listing_goes_on_from_the_last_key_until_it_is_complete() {
    let (mut listing, call) = Listing::begin("demo-1", "site/").unwrap();
    assert_eq!(&call.body[..], br#"{"env":"demo-1","prefix":"site/"}"#);
    let ListingStep::More(objects, call) = listing.next(&page("true", &["a", "b"])) else {
        panic!("not more")
    };
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0].md5.as_deref(), Some("a".repeat(32).as_str()));
    assert_eq!(objects[0].size, Some(5));
    assert_eq!(
        &call.body[..],
        br#"{"env":"demo-1","prefix":"site/","marker":"b"}"#
    );
    let ListingStep::More(objects, _) = listing.next(&page("\"true\"", &["b", "c"])) else {
        panic!("not more")
    };
    assert_eq!(
        objects
            .iter()
            .map(|object| object.key.as_str())
            .collect::<Vec<_>>(),
        ["c"]
    );
    let ListingStep::Stop(fault) = listing.next(&page("true", &["c"])) else {
        panic!("not stopped")
    };
    assert_eq!(fault.code, "bad-listing");
}

#[test]
fn a_listing_leaves_out_placeholders_and_what_is_no_md5() {
    let (mut listing, _) = Listing::begin("demo-1", "").unwrap();
    let last = json(
        r#"{"is_truncated":false,"contents":[{"key":"dir/","size":"0"},
        {"key":" a","size":7,"md5":"0123456789abcdef0123456789abcdef-1"}]}"#,
    );
    let ListingStep::End(objects) = listing.next(&last) else {
        panic!("not the end")
    };
    assert_eq!(objects.len(), 1);
    assert_eq!(
        (objects[0].key.as_str(), objects[0].size, &objects[0].md5),
        (" a", Some(7), &None)
    );
    let nothing = json(r#"{"is_truncated":false,"contents":null}"#);
    assert_eq!(listing.next(&nothing), ListingStep::End(Vec::new()));
    for body in [
        r#"{"errcode":0}"#,
        r#"{"is_truncated":"perhaps"}"#,
        r#"{"is_truncated":true}"#,
    ] {
        assert!(
            matches!(listing.next(&json(body)), ListingStep::Stop(_)),
            "{body}"
        );
    }
}

#[test]
fn a_static_store_is_read_in_every_spelling() {
    let call = listing::describe_call("demo-1").unwrap();
    assert_eq!(call.path, "/componenttcb/describestaticstore");
    let read = |body: &str| listing::describe_answer(&json(body)).unwrap();
    for body in [
        r#"{"errcode":0,"data":[{"env":"e","bucket":"b","regoin":"r","status":"online"}]}"#,
        r#"{"Data":[{"Env":"e","Domain":"d","Bucket":"b","Region":"r","Status":"online"}]}"#,
    ] {
        let stores = read(body);
        assert_eq!(
            (stores[0].region.as_str(), stores[0].status.as_str()),
            ("r", "online")
        );
    }
    assert_eq!(read(r#"{"errcode":0,"data":null}"#), []);
    assert_eq!(read(r#"{"errcode":0}"#), []);
}
