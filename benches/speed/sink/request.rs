//! Requests and answers of HTTP/1.1, as far as the clients of a benchmark need them.

/// What a buffer still lacks.
pub(super) enum Wanted<'a> {
    More,
    /// The client waits for leave to send the body.
    Continue,
    Nothing(Request<'a>),
}

pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) head: &'a str,
    pub(super) body: &'a [u8],
    /// The length of all of it.
    pub(super) bytes: usize,
}

impl<'a> Request<'a> {
    pub(super) fn parse(buffer: &'a [u8]) -> Wanted<'a> {
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Wanted::More;
        };
        let begin = end + 4;
        let head = std::str::from_utf8(&buffer[..end]).unwrap_or_default();
        let mut first = head.split(' ');
        let (method, target) = (
            first.next().unwrap_or_default(),
            first.next().unwrap_or_default(),
        );
        let len = header(head, "content-length").map_or(0, |len| len.parse().unwrap_or(0));
        let bytes = begin + len;
        if buffer.len() == begin && len > 0 && header(head, "expect").is_some() {
            return Wanted::Continue;
        }
        if buffer.len() < bytes {
            return Wanted::More;
        }
        let body = &buffer[begin..bytes];
        Wanted::Nothing(Self {
            method,
            target,
            head,
            body,
            bytes,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(have, _)| have.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// An answer of success; `headers` end with a line break each.
pub(super) fn ok(headers: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {len}\r\n\r\n{body}").into_bytes()
}
