//! The answer of `downloadFileStream`: in whatever pieces it comes it is the same file or the same fault,
//! and it is a file only if all of it came.

use std::io::{self, Read};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::value::RawValue;
use syncd::flow::ccmessaging::calls::{ENVELOPE_BYTES_MAX, download_reply_bytes_max};
use syncd::flow::ccmessaging::download::{Decoded, TOO_LARGE, decode};
use syncd::model::digest::Sha256;
use syncd::model::fault::{Fault, Layer};

/// What is put into an answer.
#[allow(dead_code, reason = "libFuzzer finds its words itself")]
pub(crate) const WORDS: &[&[u8]] = &[
    b"\"fileStream\":",
    b"\"resultCode\":",
    b"\"returnCode\":",
    b"\"0\"",
    b"null",
    b"YQ==",
    b"=",
    b"\\r\\n",
    b"\\u0041",
    b"\\",
    b"\"",
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b" ",
    b"1e400",
    b"\xff",
    b"\xef\xbb\xbf",
];

/// A sink gets no more at once, in bytes.
const PIECE_MAX: usize = 8 * 1024;
/// No answer of the fuzzer is a file of so many bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Checks the property.
pub(crate) fn holds(input: &[u8]) {
    let (whole, file) = run(input, FILE_MAX);
    let beyond = input.len() as u64 > ENVELOPE_BYTES_MAX / 2;
    for sizes in [&[1][..], &[2, 3, 1], &[1000, 0, 7], &[4096, 1]] {
        let (result, out) = run(Pieces::new(input, sizes), FILE_MAX);
        // How much is read ahead depends on the pieces, and with it where a long envelope is given up.
        if !beyond {
            assert_eq!(result, whole, "in pieces of {sizes:?}");
        }
        let common = out.len().min(file.len());
        assert_eq!(out[..common], file[..common]);
    }
    assert!(run(input.chain(Broken), FILE_MAX).0.is_err());
    never_ending(input);
    match whole {
        Ok(decoded) => is_the_file(input, decoded, &file),
        Err(fault) => assert!(!fault.code.is_empty()),
    }
}

/// What holds of an answer that was taken for a file.
fn is_the_file(input: &[u8], decoded: Decoded, file: &[u8]) {
    assert_eq!(decoded.bytes, file.len() as u64);
    assert_eq!(decoded.sha256, Sha256::of(file));
    assert_eq!(judged(input), file, "another reader reads another file");

    let (fault, out) = run(input, decoded.bytes - 1);
    assert_eq!(fault.unwrap_err().code, TOO_LARGE);
    assert!((out.len() as u64) < decoded.bytes);
    assert!(run(input, decoded.bytes).0.is_ok());

    // Without its end it is none: each of the last cuts, and some of those before.
    let end = input.trim_ascii_end().len();
    let step = end / 32 + 1;
    for cut in (0..end).filter(|cut| end - cut < 40 || cut % step == 0) {
        assert!(run(&input[..cut], FILE_MAX).0.is_err(), "cut at {cut}");
    }
}

/// The last bytes come again and again, until the transport has enough.
fn never_ending(input: &[u8]) {
    const SMALL: u64 = 3000;
    let tail = &input[input.len().saturating_sub(8)..];
    let endless = Pieces::new(tail, &[8]).again();
    let allowed = download_reply_bytes_max(SMALL);
    let source = input.chain(endless).take(allowed).chain(Broken);
    let (result, out) = run(source, SMALL);
    assert!(result.is_err());
    assert!(out.len() as u64 <= SMALL);
}

/// The file, read by other means.
fn judged(input: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        file_stream: String,
        #[serde(borrow)]
        result_code: Option<&'a RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_slice(input).unwrap();
    let code = answer.result_code.map(RawValue::get);
    let code = code.unwrap_or("null").trim_matches('"').trim();
    assert!(matches!(code, "0" | "null") || code.contains('\\'));
    let lines = answer.file_stream.split(['\r', '\n']);
    let indifferent = DecodePaddingMode::Indifferent;
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(indifferent);
    let engine = GeneralPurpose::new(&STANDARD, config);
    engine.decode(lines.collect::<String>()).unwrap()
}

fn run(source: impl Read, max: u64) -> (Result<Decoded, Fault>, Vec<u8>) {
    let mut out = Vec::new();
    let mut sink = |piece: &[u8]| {
        assert!(!piece.is_empty() && piece.len() <= PIECE_MAX);
        out.extend_from_slice(piece);
        Ok(())
    };
    let result = decode(source, &mut sink, max);
    if let Err(fault) = &result {
        assert!(fault.layer != Layer::Http, "{fault:?}");
    }
    (result, out)
}

/// Gives its bytes in pieces of these sizes, over and over; 0 is an interruption.
struct Pieces<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    again: bool,
}

impl<'a> Pieces<'a> {
    fn new(all: &'a [u8], sizes: &'a [usize]) -> Self {
        Self {
            all,
            rest: all,
            sizes: sizes.iter().cycle(),
            again: false,
        }
    }

    fn again(self) -> Self {
        Self {
            again: true,
            ..self
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.again && self.rest.is_empty() {
            self.rest = self.all;
        }
        match self.sizes.next().copied().unwrap_or(1).min(buffer.len()) {
            0 if !buffer.is_empty() => Err(io::ErrorKind::Interrupted.into()),
            size => self.rest.read(&mut buffer[..size]),
        }
    }
}

/// The connection breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}
