//! A file is decoded as it arrives: whole, bounded, and never a success by mistake.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::super::download::{Decoded, decode};
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Fault, Layer};
use crate::port::transport::{TransportFault, TransportKind};

fn run(body: &[u8], max: u64) -> (Result<Decoded, Fault>, Vec<u8>) {
    let mut out = Vec::new();
    let result = decode(
        body,
        &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        },
        max,
    );
    (result, out)
}

fn code(body: &str) -> String {
    let (result, _) = run(body.as_bytes(), 1000);
    result.unwrap_err().code
}

#[test]
fn a_file_comes_out_whatever_stands_around_it() {
    for body in [
        r#"{"resultCode":"0","fileStream":"c3luY2QgZXhhbXBsZQ==","fileUrl":"https://x/?Signature=1"}"#,
        r#"{"fileStream":"c3luY2QgZXhhbXBsZQ==","resultCode":0}"#,
        r#"{"fileStream":"c3luY2QgZXhhbXBsZQ=="}"#,
        r#"{"fileStream":"c3luY2QgZXhhbXBsZQ"}"#,
        r#" {"fileStream":"c3lu\r\nY2QgZXhhbX\nBsZQ=\n=\n","x":{"y":[1,null,{}]},"resultCode":null} "#,
        r#"{"returnCode":"0","fileStream":"\u0063\u0033luY2QgZXhhbXBsZQ=="}"#,
    ] {
        let (result, out) = run(body.as_bytes(), 13);
        assert_eq!(out, b"syncd example", "{body}");
        let sha256 = Sha256::of(b"syncd example");
        assert_eq!(result, Ok(Decoded { bytes: 13, sha256 }), "{body}");
    }
}

#[test]
fn whatever_is_no_file_is_a_fault_of_its_own() {
    for (body, wanted) in [
        (
            r#"{"resultCode":"401","resultDesc":"objectKey is null!"}"#,
            "401",
        ),
        (r#"{"fileStream":"YQ==","resultCode":"13"}"#, "13"),
        (r#"{"resultCode":"0"}"#, "no-payload"),
        (r#"{"resultCode":"0","fileStream":""}"#, "no-payload"),
        (r#"{"resultCode":"0","fileStream":null}"#, "no-payload"),
        (r#"{"fileStream":"=="}"#, "corrupt"),
        (r#"{"fileStream":""}"#, "no-payload"),
        ("{}", "no-result"),
        (r#"{"fileStream":null}"#, "no-result"),
        (r#"{"resultCode":[],"fileStream":"YQ=="}"#, "no-result"),
        (r#"{"resultCode":"","fileStream":"YQ=="}"#, "no-result"),
        (r#"{"fileStream":"YQ==","fileStream":"YQ=="}"#, "no-result"),
        (
            r#"{"resultCode":"0","resultCode":"0","fileStream":"YQ=="}"#,
            "no-result",
        ),
        (r#"{"fileStream":7}"#, "corrupt"),
        (r#"{"fileStream":"Y"}"#, "corrupt"),
        (r#"{"fileStream":"YWJj-_8="}"#, "corrupt"),
        (r#"{"fileStream":"YW Jj"}"#, "corrupt"),
        (r#"{"fileStream":"YQ==YQ=="}"#, "corrupt"),
        (r#"{"fileStream":"YQ="}"#, "corrupt"),
        (r#"{"fileStream":"YWJj="}"#, "corrupt"),
        (r#"{"fileStream":"YWI=="}"#, "corrupt"),
        (r#"{"fileStream":"YR=="}"#, "corrupt"),
        (r#"{"fileStream":"YQ=\u0000="}"#, "corrupt"),
        (r#"{"fileStream":"YQ=="}x"#, "not-json"),
        (r#"{"fileStream":"YQ=="},"#, "not-json"),
        (r#"{"fileStream":"YQ==",}"#, "not-json"),
        (r#"{"fileStream":"YQ=="} {}"#, "not-json"),
        ("<html>", "not-json"),
        ("", "not-json"),
        ("[]", "not-json"),
        ("null", "not-json"),
    ] {
        assert_eq!(code(body), wanted, "{body}");
    }
    let deep = format!(r#"{{"x":{}"#, "[".repeat(10_000));
    assert_eq!(code(&deep), "not-json");
}

#[test]
fn a_file_above_the_cap_is_refused_and_never_handed_on_beyond_it() {
    let body = format!(r#"{{"fileStream":"{}"}}"#, STANDARD.encode(vec![7; 50_000]));
    let (result, out) = run(body.as_bytes(), 49_999);
    let fault = result.unwrap_err();
    assert_eq!(
        (fault.layer, fault.code.as_str()),
        (Layer::Local, "too-large")
    );
    assert!(out.len() <= 49_999);
    assert!(run(body.as_bytes(), 50_000).0.is_ok());
}

/// A body without end, made of `head` and then of one byte.
struct Endless(&'static [u8], u8);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            buffer.fill(self.1);
            return Ok(buffer.len());
        }
        self.0.read(buffer)
    }
}

#[test]
fn nothing_but_the_file_may_be_long() {
    for (head, byte) in [
        (&br#"{""#[..], b'a'),
        (br#"{"resultDesc":""#, b'a'),
        (br#"{"fileUrl":""#, b'a'),
        (br#"{"resultCode":"#, b'1'),
        (br#"{"x":["#, b' '),
        (br#"{"fileStream":"YQ==","x":""#, b'a'),
    ] {
        let fault = decode(Endless(head, byte), &mut |_| Ok(()), u64::MAX).unwrap_err();
        assert_eq!(fault.code, "not-json", "{}", String::from_utf8_lossy(head));
    }
    let endless = Endless(br#"{"fileStream":""#, b'A');
    let fault = decode(endless, &mut |_| Ok(()), 1_000_000).unwrap_err();
    assert_eq!(fault.code, "too-large");
}

#[test]
fn a_failing_source_and_a_failing_sink_are_told_apart() {
    let failed = TransportFault {
        kind: TransportKind::Stalled,
        message: "too slow".to_owned(),
        bytes_sent: 0,
        moved_for: Duration::ZERO,
    };
    let source = (&br#"{"fileStream":"YWJj"#[..]).chain(Failing(Some(io::Error::other(failed))));
    let fault = decode(source, &mut |_| Ok(()), 100).unwrap_err();
    assert_eq!(
        (fault.call, fault.layer),
        (Call::Download, Layer::Transport)
    );
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("stalled", "too slow")
    );
    let source = (&br#"{"file"#[..]).chain(Failing(Some(io::ErrorKind::ConnectionReset.into())));
    let fault = decode(source, &mut |_| Ok(()), 100).unwrap_err();
    assert_eq!(
        (fault.layer, fault.code.as_str()),
        (Layer::Transport, "cut")
    );
    let full = |_: &[u8]| Err(io::ErrorKind::StorageFull.into());
    let fault = decode(&br#"{"fileStream":"YWJj"}"#[..], &mut { full }, 100).unwrap_err();
    assert_eq!((fault.call, fault.layer), (Call::Deliver, Layer::Local));
}

struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Gives its bytes in pieces of given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().unwrap_or(1).min(buffer.len());
        let (buffer, _) = buffer.split_at_mut(size);
        self.rest.read(buffer)
    }
}

proptest! {
    #[test]
    fn any_pieces_of_the_reply_make_the_same_file(
        file in proptest::collection::vec(any::<u8>(), 1..30_000),
        sizes in proptest::collection::vec(1_usize..5000, 1..10),
        lines in 0_usize..100,
        padded in any::<bool>(),
    ) {
        let mut text = STANDARD.encode(&file);
        if !padded {
            text = text.trim_end_matches('=').to_owned();
        }
        if lines > 0 {
            let broken: Vec<String> = text
                .as_bytes()
                .chunks(lines)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            text = broken.join("\\r\\n");
        }
        let body = format!(r#"{{"fileStream":"{text}","resultCode":"0"}}"#);
        let pieces = Pieces { rest: body.as_bytes(), sizes: sizes.into_iter().cycle() };
        let mut out = Vec::new();
        let mut sink = |piece: &[u8]| { out.extend_from_slice(piece); Ok(()) };
        let decoded = decode(pieces, &mut sink, file.len() as u64).unwrap();
        prop_assert_eq!(decoded, Decoded { bytes: file.len() as u64, sha256: Sha256::of(&file) });
        prop_assert_eq!(out, file);
    }
}
