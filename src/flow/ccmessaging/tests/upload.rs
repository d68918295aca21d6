//! What the desk takes, and bodies made in pieces.

use proptest::prelude::*;
use serde_json::json;

use super::super::upload::{FILE_BYTES_MAX, Kind, Parcel, VIDEO_BYTES_MAX, read_upload};
use super::*;
use crate::model::path::RelPath;

fn kind(name: &str, len: u64) -> Result<Kind, String> {
    let path = RelPath::from_bytes(name.as_bytes()).unwrap();
    Kind::of(&path, len, None).map_err(|fault| fault.code)
}

#[test]
fn a_bound_of_the_outbox_takes_the_place_of_the_desks_own() {
    for (name, bound, len, code) in [
        ("a.png", 10 * FILE_BYTES_MAX, 10 * FILE_BYTES_MAX, None),
        ("a.mp4", 1_000, 1_000, None),
        ("a.mp4", 1_000, 1_001, Some("file-too-large")),
        ("a.png", 1_000, 0, Some("file-empty")),
    ] {
        let path = RelPath::from_bytes(name.as_bytes()).unwrap();
        let found = Kind::of(&path, len, Some(bound)).map_err(|fault| fault.code);
        assert_eq!(found.err().as_deref(), code, "{name} {len}");
    }
}

#[test]
fn kinds_follow_the_extension_and_sizes_are_refused_beforehand() {
    for (name, file_type, media_type) in [
        ("a/b.JPG", "jpg", "IMAGE"),
        ("b.jpeg", "jpg", "IMAGE"),
        ("b.x.png", "png", "IMAGE"),
        ("b.bmp", "bmp", "IMAGE"),
        ("b.mp3", "mp3", "AUDIO"),
        ("b.aac", "aac", "AUDIO"),
        ("b.mp4", "mp4", "VIDEO"),
        ("b.txt", "txt", "FILE"),
        (".csv", "csv", "FILE"),
    ] {
        let expected = Kind {
            file_type,
            media_type,
        };
        assert_eq!(kind(name, 1), Ok(expected), "{name}");
    }
    for name in ["a", "a.", "a.pdf", "a.bpm", "png", "a.png/b", "a.png "] {
        assert_eq!(kind(name, 1), Err("file-type".to_owned()), "{name}");
    }
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(kind("a.png", 0), refused("file-empty"));
    assert!(kind("a.png", FILE_BYTES_MAX).is_ok());
    assert_eq!(kind("a.png", FILE_BYTES_MAX + 1), refused("file-too-large"));
    assert!(kind("a.mp4", VIDEO_BYTES_MAX).is_ok());
    assert_eq!(
        kind("a.mp4", VIDEO_BYTES_MAX + 1),
        refused("file-too-large")
    );
    assert_eq!(
        kind("a.bmp", 1).unwrap().respelt().unwrap().file_type,
        "bpm"
    );
    assert_eq!(kind("a.jpeg", 1).unwrap().respelt(), None);
}

#[test]
fn an_upload_is_a_success_only_with_a_key() {
    let read = |body: &str| read_upload(&ok(body)).map(|key| key.as_str().to_owned());
    for body in [
        r#"{"returnCode":"0","objectKey":"k-1"}"#,
        r#"{"resultCode":0,"objectKey":"k-1"}"#,
        r#"{"objectKey":"k-1"}"#,
    ] {
        assert_eq!(read(body), Ok("k-1".to_owned()), "{body}");
    }
    for (body, code) in [
        (r#"{"returnCode":"0"}"#, "no-payload"),
        (r#"{"returnCode":"0","objectKey":""}"#, "no-payload"),
        (r#"{"returnCode":"0","objectKey":"a,b"}"#, "no-payload"),
        (r#"{"returnCode":"0","objectKey":{"a":1}}"#, "no-payload"),
        (r#"{"returnCode":"3","objectKey":"k-1"}"#, "3"),
        ("{}", "no-result"),
    ] {
        assert_eq!(read(body).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn a_file_of_another_length_than_promised_ends_the_body() {
    for (promised, given) in [(3, 2), (3, 4), (1, 0)] {
        let mut parcel = Parcel::new(kind("a.png", 1).unwrap(), promised);
        parcel.piece(&vec![0; given]);
        assert_eq!(parcel.finish().unwrap_err().code, "changed");
    }
}

proptest! {
    #[test]
    fn any_pieces_of_a_file_make_the_same_body_of_the_promised_length(
        file in proptest::collection::vec(any::<u8>(), 0..5000),
        sizes in proptest::collection::vec(0_usize..70, 1..9),
    ) {
        let parcel = Parcel::new(kind("a.jpeg", 1).unwrap(), file.len() as u64);
        let mut sent = Vec::new();
        let mut pieces = parcel.clone();
        let mut rest = &file[..];
        let sizes = sizes.into_iter().chain([1]).cycle();
        for size in sizes {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(size.min(rest.len()));
            sent.extend_from_slice(&pieces.piece(piece));
            rest = after;
        }
        sent.extend_from_slice(&pieces.finish().unwrap());
        prop_assert_eq!(sent.len() as u64, parcel.content_length());
        prop_assert_eq!(&sent[..], &parcel.whole(&file).unwrap()[..]);
        let read: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &file);
        prop_assert_eq!(read, json!({"fileType": "jpg", "channel": "WEB", "fileStream": text}));
    }
}
