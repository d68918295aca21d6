//! Base64 of a file, piece by piece, as it stands inside of a JSON text.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;

use super::options::Base64Form;

/// So many bytes make a line of 76 letters; also a multiple of three, so that pieces of whole lines
/// need no padding.
const LINE_BYTES: usize = 57;
/// A line break as JSON writes it.
const LINE_BREAK: &str = "\\r\\n";

/// How long the padded base64 of so many bytes is.
pub(super) fn padded_length(bytes: u64) -> u64 {
    bytes.div_ceil(3).saturating_mul(4)
}

/// The letters of a file, from its pieces.
pub(super) struct Base64Pieces<I> {
    source: I,
    rest: Vec<u8>,
    form: Base64Form,
    is_over: bool,
}

impl<I: Iterator<Item = io::Result<Bytes>>> Base64Pieces<I> {
    pub(super) fn new(source: I, form: Base64Form) -> Self {
        Self {
            source,
            rest: Vec::new(),
            form,
            is_over: false,
        }
    }

    fn encode(&self, bytes: &[u8]) -> Bytes {
        let text = match self.form {
            Base64Form::Padded => STANDARD.encode(bytes),
            Base64Form::Unpadded => STANDARD_NO_PAD.encode(bytes),
            Base64Form::Lines => bytes
                .chunks(LINE_BYTES)
                .map(|line| STANDARD.encode(line) + LINE_BREAK)
                .collect(),
        };
        Bytes::from(text)
    }
}

impl<I: Iterator<Item = io::Result<Bytes>>> Iterator for Base64Pieces<I> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.source.next() {
                Some(Ok(piece)) => self.rest.extend_from_slice(&piece),
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.is_over = true;
                    return Some(Ok(self.encode(&self.rest)));
                }
            }
            let whole = self.rest.len() / LINE_BYTES * LINE_BYTES;
            if whole > 0 {
                let rest = self.rest.split_off(whole);
                let lines = std::mem::replace(&mut self.rest, rest);
                return Some(Ok(self.encode(&lines)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sizes: &[usize], form: Base64Form) -> String {
        let mut next = 0_u8;
        let pieces: Vec<io::Result<Bytes>> = sizes
            .iter()
            .map(|size| {
                let piece = (0..*size).map(|_| {
                    next = next.wrapping_add(1);
                    next
                });
                Ok(piece.collect())
            })
            .collect();
        let encoded = Base64Pieces::new(pieces.into_iter(), form);
        encoded
            .map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn pieces_of_any_size_make_the_same_text() {
        for size in [0, 1, 2, 3, 56, 57, 58, 114, 1000] {
            let whole = text(&[size], Base64Form::Padded);
            let bytes: Vec<u8> = (0..=255).cycle().skip(1).take(size).collect();
            assert_eq!(whole, STANDARD.encode(&bytes), "{size}");
            assert_eq!(whole.len() as u64, padded_length(size as u64));
            let ones = vec![1; size];
            assert_eq!(text(&ones, Base64Form::Padded), whole);
            let unpadded = text(&[size / 2, size - size / 2], Base64Form::Unpadded);
            assert_eq!(unpadded, whole.trim_end_matches('='));
        }
    }

    #[test]
    fn lines_are_76_letters_long() {
        let lines = text(&[100, 30], Base64Form::Lines);
        let lengths: Vec<usize> = lines.split(LINE_BREAK).map(str::len).collect();
        assert_eq!(lengths, [76, 76, 24, 0]);
        assert_eq!(
            lines.replace(LINE_BREAK, ""),
            text(&[130], Base64Form::Padded)
        );
    }
}
