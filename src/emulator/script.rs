//! Fault scripts: a TOML file of `[[fault]]` tables, checked as strictly as a configuration.
//!
//! What is wrong is said with the line. `docs/emulator.md` describes the format for people.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::faults::{Call, Effect, Fault, Times};

/// Why a fault script was refused.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    line: usize,
    message: String,
}

impl ScriptError {
    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

/// Reads a script.
///
/// # Errors
/// It is not TOML, has an unknown key, or asks for what cannot be done.
pub(super) fn parse(text: &str) -> Result<Vec<Fault>, ScriptError> {
    let refuse = |at: usize, message: String| ScriptError {
        line: text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1,
        message,
    };
    let script: Script = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        refuse(at, error.message().trim().to_owned())
    })?;
    let mut faults = Vec::new();
    for entry in script.fault {
        let at = entry.span().start;
        let fault = entry.into_inner().into_fault();
        check(&fault).map_err(|message| refuse(at, message))?;
        faults.push(fault);
    }
    Ok(faults)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    fault: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the script")]
struct Entry {
    call: ScriptedCall,
    key: Option<String>,
    #[serde(default)]
    after: u64,
    times: Option<ScriptedTimes>,
    every: Option<std::num::NonZeroU64>,
    #[serde(default, deserialize_with = "duration")]
    delay: Option<Duration>,
    errcode: Option<i64>,
    errmsg: Option<String>,
    status: Option<u16>,
    cos_code: Option<String>,
    cos_message: Option<String>,
    body: Option<String>,
    redirect: Option<String>,
    cut_request_at: Option<u64>,
    cut_response_at: Option<u64>,
    #[serde(default)]
    commit_then_drop: bool,
    #[serde(default)]
    wrong_etag: bool,
    #[serde(default)]
    wrong_crc: bool,
    #[serde(default)]
    omit_etag: bool,
    #[serde(default)]
    omit_crc: bool,
    #[serde(default)]
    expire_token: bool,
    #[serde(default, deserialize_with = "duration")]
    window: Option<Duration>,
    #[serde(default)]
    empty_link: bool,
    #[serde(default)]
    empty_answer: bool,
    huge_answer: Option<u64>,
    #[serde(default)]
    rotate_token: bool,
    #[serde(default)]
    wrong_base64: bool,
}

/// The calls a script may name.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScriptedCall {
    Token,
    Link,
    Put,
    Post,
    Get,
    List,
    Describe,
    DeskLogin,
    DeskApply,
    DeskSend,
    DeskPoll,
    DeskDownload,
    DeskUpload,
    DeskQueue,
    DeskHistory,
    Any,
}

struct ScriptedTimes(Times);

impl<'de> Deserialize<'de> for ScriptedTimes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ScriptedTimes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or \"always\"")
            }

            fn visit_i64<E: de::Error>(self, times: i64) -> Result<ScriptedTimes, E> {
                let times = u64::try_from(times)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(times), &self))?;
                Ok(ScriptedTimes(Times::Exactly(times)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ScriptedTimes, E> {
                match text {
                    "always" => Ok(ScriptedTimes(Times::Always)),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = || de::Error::custom(format!("`{text}` is not a duration such as \"300ms\""));
    let signed: jiff::SignedDuration = text.parse().map_err(|_| refuse())?;
    Duration::try_from(signed).map(Some).map_err(|_| refuse())
}

impl Entry {
    fn into_fault(self) -> Fault {
        let default_times = match self.every {
            Some(_) => Times::Always,
            None => Times::Exactly(1),
        };
        Fault {
            call: match self.call {
                ScriptedCall::Token => Call::Token,
                ScriptedCall::Link => Call::Link,
                ScriptedCall::Put => Call::Put,
                ScriptedCall::Post => Call::Post,
                ScriptedCall::Get => Call::Get,
                ScriptedCall::List => Call::List,
                ScriptedCall::Describe => Call::Describe,
                ScriptedCall::DeskLogin => Call::DeskLogin,
                ScriptedCall::DeskApply => Call::DeskApply,
                ScriptedCall::DeskSend => Call::DeskSend,
                ScriptedCall::DeskPoll => Call::DeskPoll,
                ScriptedCall::DeskDownload => Call::DeskDownload,
                ScriptedCall::DeskUpload => Call::DeskUpload,
                ScriptedCall::DeskQueue => Call::DeskQueue,
                ScriptedCall::DeskHistory => Call::DeskHistory,
                ScriptedCall::Any => Call::Any,
            },
            key: self.key,
            after: self.after,
            times: self.times.map_or(default_times, |times| times.0),
            every: self.every.map_or(1, std::num::NonZeroU64::get),
            effect: Effect {
                delay: self.delay,
                errcode: self.errcode,
                errmsg: self.errmsg,
                status: self.status,
                cos_code: self.cos_code,
                cos_message: self.cos_message,
                body: self.body,
                redirect: self.redirect,
                cut_request_at: self.cut_request_at,
                cut_response_at: self.cut_response_at,
                commit_then_drop: self.commit_then_drop,
                wrong_etag: self.wrong_etag,
                wrong_crc: self.wrong_crc,
                omit_etag: self.omit_etag,
                omit_crc: self.omit_crc,
                expire_token: self.expire_token,
                window: self.window,
                empty_link: self.empty_link,
                empty_answer: self.empty_answer,
                huge_answer: self.huge_answer,
                rotate_token: self.rotate_token,
                wrong_base64: self.wrong_base64,
            },
        }
    }
}

/// Refuses what would silently do nothing.
fn check(fault: &Fault) -> Result<(), String> {
    let effect = &fault.effect;
    if *effect == Effect::default() {
        return Err("this fault does nothing; give it an effect such as `status = 503`".to_owned());
    }
    check_calls(fault)?;
    check_partners(effect)?;
    if effect
        .status
        .is_some_and(|status| !(200..600).contains(&status))
    {
        return Err("`status` is a number from 200 to 599".to_owned());
    }
    let keyed = matches!(
        fault.call,
        Call::Link
            | Call::Put
            | Call::Post
            | Call::Get
            | Call::DeskSend
            | Call::DeskDownload
            | Call::Any
    );
    if fault.key.is_some() && !keyed {
        return Err(
            "`key` only goes with `link`, `put`, `post`, `get`, `desk_send`, `desk_download` and `any`"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether the call can have these effects.
fn check_calls(fault: &Fault) -> Result<(), String> {
    let effect = &fault.effect;
    let store = matches!(fault.call, Call::Put | Call::Post | Call::Get);
    let put = fault.call == Call::Put;
    let upload = matches!(fault.call, Call::Put | Call::Post);
    let link = fault.call == Call::Link;
    let desk = fault.call.is_desk();
    let business = desk && !matches!(fault.call, Call::DeskLogin | Call::DeskApply);
    let download = fault.call == Call::DeskDownload;
    for (is_set, fits, name, calls) in [
        (
            effect.errcode.is_some(),
            !store,
            "errcode",
            "calls of the API",
        ),
        (
            effect.cos_code.is_some(),
            store,
            "cos_code",
            "`put`, `post` and `get`",
        ),
        (effect.wrong_etag, upload, "wrong_etag", "`put` and `post`"),
        (effect.wrong_crc, put, "wrong_crc", "`put`"),
        (effect.omit_etag, upload, "omit_etag", "`put` and `post`"),
        (effect.omit_crc, put, "omit_crc", "`put`"),
        (effect.window.is_some(), link, "window", "`link`"),
        (effect.empty_link, link, "empty_link", "`link`"),
        (
            effect.empty_answer,
            desk,
            "empty_answer",
            "calls of the desk",
        ),
        (
            effect.huge_answer.is_some(),
            desk,
            "huge_answer",
            "calls of the desk",
        ),
        (
            effect.rotate_token,
            business,
            "rotate_token",
            "calls of the desk that bring its token",
        ),
        (
            effect.wrong_base64,
            download,
            "wrong_base64",
            "`desk_download`",
        ),
    ] {
        if is_set && !fits {
            return Err(format!("`{name}` only goes with {calls}"));
        }
    }
    Ok(())
}

/// Whether what needs another key has it.
fn check_partners(effect: &Effect) -> Result<(), String> {
    for (is_set, other_is_set, name, other) in [
        (
            effect.errmsg.is_some(),
            effect.errcode.is_some(),
            "errmsg",
            "errcode",
        ),
        (
            effect.cos_code.is_some(),
            effect.status.is_some(),
            "cos_code",
            "status",
        ),
        (
            effect.cos_message.is_some(),
            effect.cos_code.is_some(),
            "cos_message",
            "cos_code",
        ),
    ] {
        if is_set && !other_is_set {
            return Err(format!("`{name}` needs `{other}` beside it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_script_becomes_faults_in_order() {
        let script = r#"
            [[fault]]
            call = "link"
            key = "*.html"
            after = 2
            times = 3
            errcode = 45009
            errmsg = "reach max api daily quota limit"

            [[fault]]
            call = "put"
            every = 10
            status = 503
            cos_code = "SlowDown"
            delay = "300ms"

            [[fault]]
            call = "any"
            times = "always"
            expire_token = true
        "#;
        let faults = parse(script).unwrap();
        assert_eq!(faults.len(), 3);
        assert_eq!(faults[0].times, Times::Exactly(3));
        assert_eq!(faults[0].effect.errcode, Some(45009));
        assert_eq!((faults[1].every, faults[1].times), (10, Times::Always));
        assert_eq!(faults[1].effect.delay, Some(Duration::from_millis(300)));
        assert!(faults[2].effect.expire_token);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, wanted) in [
            (
                "[[fault]]\ncall = \"put\"\nstatsu = 503\n",
                "line 3: unknown field `statsu`",
            ),
            (
                "[[fault]]\ncall = \"pat\"\nstatus = 503\n",
                "line 2: unknown variant `pat`",
            ),
            (
                "[[fault]]\ncall = \"put\"\n\n[[fault]]\ncall = \"link\"\n",
                "line 1: this fault does",
            ),
            (
                "\n[[fault]]\ncall = \"link\"\nwrong_crc = true\n",
                "line 2: `wrong_crc` only",
            ),
            (
                "[[fault]]\ncall = \"put\"\ndelay = \"soon\"\n",
                "line 3: `soon` is not a duration",
            ),
            (
                "[[fault]]\ncall = \"put\"\ndelay = \"-1s\"\n",
                "line 3: `-1s` is not a duration",
            ),
            (
                "[[fault]]\ncall = \"put\"\nerrcode = -1\n",
                "line 1: `errcode` only goes",
            ),
            (
                "[[fault]]\ncall = \"post\"\nomit_crc = true\n",
                "line 1: `omit_crc` only goes with `put`",
            ),
            (
                "[[fault]]\ncall = \"put\"\ncos_code = \"X\"\n",
                "line 1: `cos_code` needs",
            ),
            (
                "[[fault]]\ncall = \"put\"\nstatus = 42\n",
                "line 1: `status` is a number",
            ),
            (
                "[[fault]]\ncall = \"list\"\nkey = \"a\"\nstatus = 500\n",
                "line 1: `key` only",
            ),
            ("[[fault]]\nstatus = 503\n", "line 1: missing field `call`"),
            (
                "[[fault]]\ncall = \"put\"\ntimes = \"often\"\nstatus = 503\n",
                "line 3: ",
            ),
            (
                "[[fault]]\ncall = \"put\"\nevery = 0\nstatus = 503\n",
                "line 3: ",
            ),
            ("[[fault]]\ncall = \"put\n", "line 2: "),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with(wanted), "{text}\n{refusal}");
        }
    }
}
