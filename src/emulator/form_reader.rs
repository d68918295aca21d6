//! Reads `multipart/form-data` from a body as it comes: fields whole, a file piece by piece.

use bytes::{Bytes, BytesMut};

use super::exchange::{Exchange, Piece};

/// All fields together, in bytes (the object store's own bound).
const FIELDS_BYTES_MAX: usize = 20 * 1024;

/// Why the form ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormFault {
    /// The connection broke, or a fault breaks it.
    Broken,
    /// The body is over, the form is not.
    Short,
    /// It is no form by the letter.
    Malformed,
    /// The fields are too long.
    TooLong,
}

/// The head of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartHead {
    /// Name of the field.
    pub(super) name: String,
    /// File name, if it is a file.
    pub(super) filename: Option<String>,
}

/// A form that is being read.
pub(super) struct FormReader {
    /// A line break and `--BOUNDARY`.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    read_bytes: usize,
}

impl FormReader {
    /// A reader for a body of this `Content-Type`; `None` if that is no form.
    pub(super) fn new(content_type: &str) -> Option<Self> {
        let (kind, rest) = content_type.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = rest.trim().strip_prefix("boundary=")?.trim_matches('"');
        let fits = (1..=70).contains(&boundary.len());
        let fits = fits && boundary.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // So that the first delimiter is found like the others.
            buffer: BytesMut::from("\r\n"),
            read_bytes: 0,
        })
    }

    /// Goes to the first part; nothing may come before it.
    pub(super) async fn begin(&mut self, exchange: &mut Exchange) -> Result<(), FormFault> {
        let before = self.until_delimiter(exchange).await?;
        if before.is_empty() {
            Ok(())
        } else {
            Err(FormFault::Malformed)
        }
    }

    /// The head of the next part; `None` at the end of the form.
    pub(super) async fn part(
        &mut self,
        exchange: &mut Exchange,
    ) -> Result<Option<PartHead>, FormFault> {
        self.need(exchange, 2).await?;
        let mark = self.buffer.split_to(2);
        match &mark[..] {
            b"--" => Ok(None),
            b"\r\n" => {
                let head = self.until(exchange, b"\r\n\r\n").await?;
                read_head(&head).map(Some).ok_or(FormFault::Malformed)
            }
            _ => Err(FormFault::Malformed),
        }
    }

    /// The value of a field.
    pub(super) async fn value(&mut self, exchange: &mut Exchange) -> Result<String, FormFault> {
        let value = self.until_delimiter(exchange).await?;
        String::from_utf8(value.to_vec()).map_err(|_| FormFault::Malformed)
    }

    /// Bytes of a file that are there already; `true` if these are its last. Else [`Self::feed`] more.
    pub(super) fn file_bytes(&mut self) -> (Bytes, bool) {
        if let Some(at) = find(&self.buffer, &self.delimiter) {
            let bytes = self.buffer.split_to(at).freeze();
            let _ = self.buffer.split_to(self.delimiter.len());
            return (bytes, true);
        }
        // What could be the beginning of the delimiter stays.
        let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
        (self.buffer.split_to(sure).freeze(), false)
    }

    /// Takes a piece of the body.
    pub(super) fn feed(&mut self, piece: Piece) -> Result<(), FormFault> {
        match piece {
            Piece::More(bytes) => {
                self.buffer.extend_from_slice(&bytes);
                Ok(())
            }
            Piece::End => Err(FormFault::Short),
            Piece::Broken => Err(FormFault::Broken),
        }
    }

    /// After the end of the form nothing but a line break may come.
    pub(super) async fn end(&mut self, exchange: &mut Exchange) -> Result<(), FormFault> {
        loop {
            match exchange.piece().await {
                Piece::More(bytes) => self.buffer.extend_from_slice(&bytes),
                Piece::Broken => return Err(FormFault::Broken),
                Piece::End if self.buffer.is_empty() || self.buffer == b"\r\n"[..] => return Ok(()),
                Piece::End => return Err(FormFault::Malformed),
            }
            if self.buffer.len() > 2 {
                return Err(FormFault::Malformed);
            }
        }
    }

    async fn until_delimiter(&mut self, exchange: &mut Exchange) -> Result<Bytes, FormFault> {
        let delimiter = std::mem::take(&mut self.delimiter);
        let found = self.until(exchange, &delimiter).await;
        self.delimiter = delimiter;
        found
    }

    /// What comes before `mark`, and goes behind it.
    async fn until(&mut self, exchange: &mut Exchange, mark: &[u8]) -> Result<Bytes, FormFault> {
        loop {
            if let Some(at) = find(&self.buffer, mark) {
                let bytes = self.buffer.split_to(at).freeze();
                let _ = self.buffer.split_to(mark.len());
                self.read_bytes += at + mark.len();
                return if self.read_bytes > FIELDS_BYTES_MAX {
                    Err(FormFault::TooLong)
                } else {
                    Ok(bytes)
                };
            }
            if self.read_bytes + self.buffer.len() > FIELDS_BYTES_MAX {
                return Err(FormFault::TooLong);
            }
            let piece = exchange.piece().await;
            self.feed(piece)?;
        }
    }

    async fn need(&mut self, exchange: &mut Exchange, count: usize) -> Result<(), FormFault> {
        while self.buffer.len() < count {
            let piece = exchange.piece().await;
            self.feed(piece)?;
        }
        Ok(())
    }
}

/// Where `mark` is found first.
fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    while let Some(at) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| *byte == first))
    {
        if bytes.get(from + at..)?.starts_with(mark) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The name of a part and of its file.
fn read_head(head: &[u8]) -> Option<PartHead> {
    let text = std::str::from_utf8(head).ok()?;
    let disposition = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition")
            .then(|| value.trim())
    })?;
    let mut words = disposition.split(';').map(str::trim);
    if words.next() != Some("form-data") {
        return None;
    }
    let parameters: Vec<(&str, &str)> = words
        .map(|word| word.split_once('='))
        .collect::<Option<_>>()?;
    let value = |wanted: &str| {
        let (_, value) = parameters.iter().find(|(name, _)| *name == wanted)?;
        value.strip_prefix('"')?.strip_suffix('"')
    };
    Some(PartHead {
        name: value("name")?.to_owned(),
        filename: value("filename").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_it_is() {
        assert_eq!(find(b"abc", b"abc"), Some(0));
        assert_eq!(find(b"aabc", b"abc"), Some(1));
        assert_eq!(find(b"ab\r\r\n-", b"\r\n-"), Some(3));
        assert_eq!(find(b"ab", b"abc"), None);
        assert_eq!(find(b"", b"a"), None);
    }

    #[test]
    fn the_end_of_a_file_is_found_across_pieces_and_look_alikes_are_bytes() {
        let whole = b"one\r\n--Bone\r\n--\r\n--BB two\r\n--Boundary--\r\n";
        for cut in 0..whole.len() {
            let mut reader = FormReader::new("multipart/form-data; boundary=Boundary").unwrap();
            reader.buffer.clear();
            let mut file = Vec::new();
            let mut is_last = false;
            for piece in [&whole[..cut], &whole[cut..]] {
                reader.feed(Piece::More(Bytes::from_static(piece))).unwrap();
                let (bytes, last) = reader.file_bytes();
                file.extend_from_slice(&bytes);
                is_last |= last;
            }
            assert!(is_last, "cut at {cut}");
            assert_eq!(file, b"one\r\n--Bone\r\n--\r\n--BB two", "cut at {cut}");
            assert_eq!(reader.buffer, b"--\r\n"[..]);
        }
    }

    #[test]
    fn heads_are_read_by_the_letter() {
        let head = |text: &str| read_head(text.as_bytes()).map(|head| (head.name, head.filename));
        let file =
            "content-disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: b/c";
        assert_eq!(head(file), Some(("file".to_owned(), Some("a".to_owned()))));
        let field = "Content-Disposition: form-data; name=\"key\"";
        assert_eq!(head(field), Some(("key".to_owned(), None)));
        for wrong in [
            "",
            "Content-Disposition: form-data",
            "Content-Disposition: attachment; name=\"a\"",
            "Content-Disposition: form-data; name=a",
            "Content-Disposition: form-data; name",
            "Content-Type: a/b",
        ] {
            assert_eq!(head(wrong), None, "{wrong}");
        }
        for wrong in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=a",
        ] {
            assert!(FormReader::new(wrong).is_none(), "{wrong}");
        }
    }
}
