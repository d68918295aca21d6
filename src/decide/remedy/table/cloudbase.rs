//! Rules for the negative codes of CloudBase.

use super::{API, TOKEN, minutes, next_day};
use crate::decide::remedy::{Codes, Remedy, Rule, WaitFor};
use crate::model::fault::Layer;

const NOTHING: &str = "Nothing, if it passes; syncd tries again by itself.";
const ENVIRONMENT: &str = "Check `env` of the folder: it must be an environment of this very app, \
     as the CloudBase console writes it.";
const QUOTA: &str =
    "Wait, or take a larger plan in the CloudBase console; syncd goes on by itself.";

pub(super) const RULES: &[Rule] = &[
    Rule::errcode(&["-501001", "-503001", "-601001", "-601003"]).means(
        "CloudBase has an error of its own.",
        NOTHING,
        "6.2",
    ),
    Rule::errcode(&["-501002", "-601008", "-604102", "-604103"]).means(
        "CloudBase did not answer itself in time.",
        NOTHING,
        "6.2",
    ),
    Rule::errcode(&["-501004"]).slow_down().means(
        "Too many requests to the environment at once.",
        "Nothing: syncd lowers its own number; `limits.concurrency` fixes it.",
        "6.2",
    ),
    Rule::errcode(&["-501003"])
        .wait(WaitFor::Doubling {
            first: minutes(5),
            max: minutes(60),
        })
        .means(
            "The environment's quota of requests is used up.",
            QUOTA,
            "6.2",
        ),
    Rule::errcode(&["-501015", "-501016"])
        .wait(next_day(60))
        .means(
            "The environment's reading or writing quota of the day is used up.",
            QUOTA,
            "6.2",
        ),
    Rule::errcode(&["-501017"]).pause().means(
        "The environment's storage is full.",
        "Delete what is not needed or take a larger plan, then `syncd resume`.",
        "6.2",
    ),
    Rule::errcode(&["-501018"])
        .times(3, Remedy::PauseAccount)
        .means(
            "The resource is not available: it is starting or suspended.",
            "Look at the environment in the CloudBase console, then `syncd resume`.",
            "6.2",
        ),
    Rule::errcode(&["-501000"]).saying("env").pause().means(
        "The environment does not exist.",
        ENVIRONMENT,
        "6.2",
    ),
    Rule::errcode(&["-501000"])
        .on(API)
        .of_the_file_times(3)
        .means(
            "CloudBase reports an error without saying which.",
            "Read the message, then `syncd queue retry`.",
            "6.2",
        ),
    Rule::errcode(&["-501005", "-601012", "-601013", "-601027"])
        .pause()
        .means(
            "The environment's id is wrong, or it belongs to someone else.",
            ENVIRONMENT,
            "6.2",
        ),
    Rule::errcode(&[
        "-501019", "-601004", "-601010", "-601011", "-601018", "-604104",
    ])
    .pause()
    .means(
        "The account lacks the right to this call, or the call is not on the environment's \
         whitelist of interfaces.",
        "Give the account the right in the CloudBase console; a cloudbase_access_token needs \
         the path on the list of open interfaces.",
        "6.2",
    ),
    Rule::errcode(&["-604101"])
        .times(1, Remedy::PauseAccount)
        .means(
            "The account lacks the right to this call, or CloudBase has an error of its own: the \
             code stands for both.",
            "Give the account the right in the CloudBase console, then `syncd resume`.",
            "6.2, 7",
        ),
    Rule::errcode(&["-501007", "-501020", "-501021", "-601002"])
        .on(API)
        .dead()
        .means(
            "A parameter is wrong or not supported; mostly the key.",
            "Read the message; check the file's name and `prefix`, then `syncd queue retry`.",
            "6.2",
        ),
    Rule::errcode(&["-403001"]).on(API).dead().means(
        "The file is larger than the cloud takes.",
        "Make the file smaller, or exclude it.",
        "6.2",
    ),
    Rule::errcode(&["-503002"]).on(API).dead().means(
        "The account may not touch that object.",
        "Check the object's permissions in the CloudBase console, then `syncd queue retry`.",
        "6.2",
    ),
    Rule::errcode(&["-501009", "-503003"])
        .on(API)
        .fresh_link_or_dead()
        .means(
            "The object is missing or its signature is not valid: the code stands for both.",
            "Check the file's name, then `syncd queue retry`.",
            "6.2, 7",
        ),
    Rule::errcode(&["-501023"])
        .on(API)
        .of_the_file_times(3)
        .means(
            "A code of CloudBase that no document explains.",
            "Read the message, then `syncd queue retry`.",
            "5, 6.2",
        ),
    Rule::of(Layer::Errcode, Codes::Between(i64::MIN, -1))
        .on(TOKEN)
        .means(
            "A code that syncd does not know, in answer to the request for a token.",
            "Check the account's `token`; syncd probes by itself.",
            "1.8",
        ),
    Rule::of(Layer::Errcode, Codes::Between(i64::MIN, -1))
        .of_the_file_times(3)
        .means(
            "A code that syncd does not know; by its sign it comes from CloudBase.",
            "Look the code up in CloudBase's list of error codes, then `syncd queue retry`.",
            "6.2",
        ),
];
