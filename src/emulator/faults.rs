//! Faults: which call they hit, how often, and what goes wrong.
//!
//! The faults are tried in order. Each counts the calls that reach it; the first that acts ends the
//! search, except that one which only delays lets the next ones act as well.

use std::time::Duration;

/// The calls that faults and counts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Any token endpoint, the stand-in for a token holder too.
    Token,
    /// `staticuploadfile`, `uploadfile`: asking for a link.
    Link,
    /// An upload to a static website.
    Put,
    /// An upload to the cloud storage.
    Post,
    /// A GET or HEAD at the object store.
    Get,
    /// `staticfilelist`.
    List,
    /// `describestaticstore`.
    Describe,
    /// `tokenByAkSk` of the desk.
    DeskLogin,
    /// `applyToken` of the desk.
    DeskApply,
    /// `send` and `sendAsync` of the desk.
    DeskSend,
    /// `poll` of the desk.
    DeskPoll,
    /// `downloadFileStream` of the desk.
    DeskDownload,
    /// `uploadFileStream` of the desk.
    DeskUpload,
    /// `queryQueueInfo` of the desk.
    DeskQueue,
    /// `queryHistoryChatMessage` of the desk.
    DeskHistory,
    /// A page of the deployed site. Faults do not reach it.
    Site,
    /// In a fault: every call but those to the site. In a count: a call that nobody plays.
    #[default]
    Any,
}

impl Call {
    /// Whether it is a call of the contact-centre desk.
    pub(super) fn is_desk(self) -> bool {
        matches!(
            self,
            Self::DeskLogin
                | Self::DeskApply
                | Self::DeskSend
                | Self::DeskPoll
                | Self::DeskDownload
                | Self::DeskUpload
                | Self::DeskQueue
                | Self::DeskHistory
        )
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which call.
    pub call: Call,
    /// Only calls on this key: `*` stands for any text, `?` for one character. The desk's key is the
    /// `controlType` of `send` and the `fileId` of a download.
    pub key: Option<String>,
    /// How many matching calls go by first.
    pub after: u64,
    /// How often it acts.
    pub times: Times,
    /// Of the matching calls, only each `every`-th is hit.
    pub every: u64,
    /// What goes wrong.
    pub effect: Effect,
}

/// How often a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// This often.
    Exactly(u64),
    /// Until it is taken away.
    Always,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            call: Call::Any,
            key: None,
            after: 0,
            times: Times::Exactly(1),
            every: 1,
            effect: Effect::default(),
        }
    }
}

impl Fault {
    /// A fault that hits the next call of this kind, once.
    pub fn on(call: Call, effect: Effect) -> Self {
        Self {
            call,
            effect,
            ..Self::default()
        }
    }

    /// The same, acting this often.
    #[must_use]
    pub fn times(self, times: Times) -> Self {
        Self { times, ..self }
    }

    fn matches(&self, call: Call, key: Option<&str>) -> bool {
        let called = self.call == call || self.call == Call::Any;
        let keyed = match (&self.key, key) {
            (None, _) => true,
            (Some(pattern), Some(key)) => is_match(pattern, key),
            (Some(_), None) => false,
        };
        // The object store knows no errcodes, so a fault on any call means those of the API.
        let spoken =
            self.effect.errcode.is_none() || !matches!(call, Call::Put | Call::Post | Call::Get);
        called && keyed && spoken
    }
}

/// What goes wrong with a call. Several may be set; an answer that replaces the real one is taken
/// in the order redirect, body, status, errcode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the script")]
pub struct Effect {
    /// Waits first.
    pub delay: Option<Duration>,
    /// Answers this errcode (API), or this code (desk: in the body; with a status, as the gateway).
    pub errcode: Option<i64>,
    /// … with this text.
    pub errmsg: Option<String>,
    /// Answers this HTTP status.
    pub status: Option<u16>,
    /// … as the object store would, with this code (object store only).
    pub cos_code: Option<String>,
    /// … and this message.
    pub cos_message: Option<String>,
    /// Answers this text instead of JSON or XML.
    pub body: Option<String>,
    /// Answers 307 to this address.
    pub redirect: Option<String>,
    /// Closes the connection when this many bytes of the request's body have come.
    pub cut_request_at: Option<u64>,
    /// Closes the connection when this many bytes of the reply, its head counted, are out.
    pub cut_response_at: Option<u64>,
    /// Does what was asked, then closes the connection without a reply.
    pub commit_then_drop: bool,
    /// Stores the object, then answers the `ETag` of other bytes.
    pub wrong_etag: bool,
    /// Stores the object, then answers the CRC of other bytes.
    pub wrong_crc: bool,
    /// Leaves the `ETag` out.
    pub omit_etag: bool,
    /// Leaves the CRC out.
    pub omit_crc: bool,
    /// Ends all tokens before the call is looked at.
    pub expire_token: bool,
    /// Gives a link that is valid this long.
    pub window: Option<Duration>,
    /// Answers `errcode` 0 with an empty link.
    pub empty_link: bool,
    /// Answers success at once, without what was asked for (desk only).
    pub empty_answer: bool,
    /// Answers success with this many letters where a text belongs (desk only).
    pub huge_answer: Option<u64>,
    /// Brings a new client token with the answer (desk only).
    pub rotate_token: bool,
    /// Gives a file whose text is no base64 (desk only).
    pub wrong_base64: bool,
}

impl Effect {
    /// Nothing but a delay, or nothing at all.
    pub(super) fn is_only_delay(&self) -> bool {
        *self
            == Self {
                delay: self.delay,
                ..Self::default()
            }
    }
}

/// The faults in force, with what each has counted.
#[derive(Debug, Default)]
pub(super) struct FaultBook(Vec<Counted>);

#[derive(Debug)]
struct Counted {
    fault: Fault,
    matched: u64,
    acted: u64,
}

impl FaultBook {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(Counted {
            fault,
            matched: 0,
            acted: 0,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How often faults have acted.
    pub(super) fn acted(&self) -> u64 {
        self.0.iter().map(|counted| counted.acted).sum()
    }

    /// What befalls this call.
    pub(super) fn strike(&mut self, call: Call, key: Option<&str>) -> Effect {
        let mut delay = Duration::ZERO;
        for counted in &mut self.0 {
            if !counted.acts_on(call, key) {
                continue;
            }
            delay += counted.fault.effect.delay.unwrap_or_default();
            if !counted.fault.effect.is_only_delay() {
                return Effect {
                    delay: Some(delay),
                    ..counted.fault.effect.clone()
                };
            }
        }
        Effect {
            delay: Some(delay),
            ..Effect::default()
        }
    }
}

impl Counted {
    fn acts_on(&mut self, call: Call, key: Option<&str>) -> bool {
        if !self.fault.matches(call, key) {
            return false;
        }
        self.matched += 1;
        let Some(position) = self.matched.checked_sub(self.fault.after) else {
            return false;
        };
        let due = position > 0 && position.is_multiple_of(self.fault.every.max(1));
        let left = match self.fault.times {
            Times::Exactly(times) => self.acted < times,
            Times::Always => true,
        };
        if due && left {
            self.acted += 1;
        }
        due && left
    }
}

/// Whether `text` has the form of `pattern`, in which `*` stands for any text and `?` for one
/// character.
fn is_match(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut in_pattern) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(at) {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                let Some((star_at, text_at)) = star else {
                    return false;
                };
                star = Some((star_at, text_at + 1));
                in_pattern = star_at + 1;
                at = text_at + 1;
            }
        }
    }
    pattern
        .get(in_pattern..)
        .is_some_and(|rest| rest.iter().all(|letter| *letter == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Effect {
        Effect {
            errcode: Some(-1),
            ..Effect::default()
        }
    }

    fn strikes(fault: Fault, calls: usize) -> Vec<bool> {
        let mut book = FaultBook::default();
        book.add(fault);
        (0..calls)
            .map(|_| !book.strike(Call::Link, Some("a/b.css")).is_only_delay())
            .collect()
    }

    #[test]
    fn a_fault_acts_after_so_many_calls_so_often() {
        let fault = Fault {
            after: 2,
            times: Times::Exactly(2),
            ..Fault::on(Call::Link, busy())
        };
        assert_eq!(strikes(fault, 5), [false, false, true, true, false]);
    }

    #[test]
    fn a_fault_may_hit_each_nth_call() {
        let fault = Fault {
            every: 3,
            times: Times::Always,
            ..Fault::on(Call::Any, busy())
        };
        assert_eq!(
            strikes(fault, 7),
            [false, false, true, false, false, true, false]
        );
    }

    #[test]
    fn a_fault_hits_only_its_call_and_its_key() {
        let other = Fault::on(Call::Put, busy()).times(Times::Always);
        assert_eq!(strikes(other, 2), [false, false]);
        let spoken = Fault::on(Call::Any, busy());
        let mut book = FaultBook::default();
        book.add(spoken);
        assert!(book.strike(Call::Put, None).is_only_delay());
        assert!(!book.strike(Call::List, None).is_only_delay());
        let keyed = Fault {
            key: Some("a/*.css".to_owned()),
            ..Fault::on(Call::Link, busy())
        };
        assert_eq!(strikes(keyed, 2), [true, false]);
    }

    #[test]
    fn delays_add_up_and_let_the_next_fault_act() {
        let second = Duration::from_secs(1);
        let mut book = FaultBook::default();
        for _ in 0..2 {
            book.add(Fault::on(
                Call::Any,
                Effect {
                    delay: Some(second),
                    ..Effect::default()
                },
            ));
        }
        book.add(Fault::on(Call::Token, busy()));
        let effect = book.strike(Call::Token, None);
        assert_eq!((effect.delay, effect.errcode), (Some(second * 2), Some(-1)));
        assert_eq!(book.acted(), 3);
    }

    #[test]
    fn patterns_match_as_people_expect() {
        for (pattern, text, matches) in [
            ("a.css", "a.css", true),
            ("a.css", "xa.css", false),
            ("*.css", "x/a.css", true),
            ("img/*", "img/", true),
            ("?.css", "中.css", true),
            ("*a*b", "aab", true),
            ("*a*b", "aba", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_match(pattern, text), matches, "{pattern} {text}");
        }
    }
}
