//! Rules for the contact centre's desk: what holds once the protocol's own steps (new tokens, CONNECT,
//! another form of a file's reference) did not help or do not apply.

use super::minutes;
use crate::decide::remedy::{Codes, Remedy, Rule, WaitFor};
use crate::model::fault::{Call, Layer};

pub(super) const GATEWAY: &[Call] = &[Call::GatewayToken];
const SESSION: &[Call] = &[Call::SessionToken];
const CONNECT: &[Call] = &[Call::Connect];
const QUEUE: &[Call] = &[Call::QueueInfo];
const DOWNLOAD: &[Call] = &[Call::Download];
pub(super) const UPLOAD: &[Call] = &[Call::Upload];
const SEND: &[Call] = &[Call::Send];
const SENDING: &[Call] = &[Call::Connect, Call::Send];
const DELIVER: &[Call] = &[Call::Deliver];
/// The calls that are about one file.
pub(super) const FILES: &[Call] = &[Call::Download, Call::Upload, Call::Send];
const TOKENS: &[Call] = &[Call::GatewayToken, Call::SessionToken];

pub(super) const NOTHING: &str = "Nothing, if it passes; syncd tries again by itself.";
const ASK_AGENT: &str = "Ask the agent to send the file again.";
pub(super) const REPORT: &str = "This is a defect of syncd, or something changes its requests: please \
     report it with the code and its words.";
pub(super) const KEYS: &str =
    "Check `app_key` and `app_secret` of the account, then `syncd resume`.";
pub(super) const CHANNEL: &str =
    "Check `channel_id`, `user_id` and `base_url` of the account, then `syncd resume`.";
pub(super) const OPERATOR: &str = "Ask the contact centre's operator, then `syncd resume`.";
const INBOX: &str = "Check that the inbox is there, may be written to, and has room; syncd tries \
     again by itself.";
pub(super) const RETRY_FILE: &str = "Look at the file, then `syncd queue retry`.";

pub(super) const RULES: &[Rule] = &[
    // Working hours, queues, sessions.
    Rule::result(&["12"])
        .on(SENDING)
        .wait(WaitFor::Doubling {
            first: minutes(10),
            max: minutes(30),
        })
        .means(
            "Nobody works at the desk at this hour.",
            "Nothing: syncd asks again by itself.",
            "desk 6.4, 9",
        ),
    Rule::result(&["13"]).on(CONNECT).means(
        "The desk could not open a session.",
        NOTHING,
        "desk 6.4, 9",
    ),
    Rule::result(&["160013"]).on(SEND).means(
        "The session still waits for an agent.",
        "Nothing: the file is kept and sent when an agent answers.",
        "desk 6.4, 9",
    ),
    Rule::result(&["160021", "160022", "160023"])
        .on(SEND)
        .means("The session is being routed.", NOTHING, "desk 6.4, 9"),
    Rule::result(&["160004", "160005", "160007", "160015", "164003", "164004"]).means(
        "The desk knows of no session, though one was just opened.",
        NOTHING,
        "desk 6.4, 9",
    ),
    Rule::result(&["5", "6"]).on(QUEUE).means(
        "The session has ended while it waited for an agent.",
        NOTHING,
        "desk 7, 9",
    ),
    Rule::result(&["2", "4"]).on(QUEUE).means(
        "The desk could not tell how far the queue is.",
        NOTHING,
        "desk 7, 9",
    ),
    Rule::result(&["1"]).on(QUEUE).pause().means(
        "The desk does not accept the question about the queue.",
        CHANNEL,
        "desk 7, 9",
    ),
    Rule::result(&[
        "160001", "160002", "160003", "160006", "160014", "1640034", "160017", "160018", "160025",
        "160026", "164000",
    ])
    .means(
        "The desk's own servers are in trouble.",
        NOTHING,
        "desk 6.4, 9",
    ),
    Rule::result(&["160024", "20139", "20348", "20388"]).means(
        "No agent answers, or none has signed in for this channel.",
        "Nothing, if it passes; else ask who is on duty.",
        "desk 6.4, 9",
    ),
    Rule::result(&["160011"]).on(SEND).of_the_file().means(
        "The desk could not write the file to its file server.",
        NOTHING,
        "desk 6.4, 9",
    ),
    Rule::result(&["160010", "160012", "160027"])
        .on(SEND)
        .dead()
        .means(
            "The desk finds the message too long or malformed.",
            "Give the file a shorter name, then `syncd queue retry`.",
            "desk 6.4, 9",
        ),
    Rule::result(&["160020"]).pause().means(
        "The desk does not let this session reach an agent.",
        OPERATOR,
        "desk 6.4",
    ),
    Rule::result(&["21053"]).pause().means(
        "The channel belongs to a part of the platform that this address does not serve.",
        CHANNEL,
        "desk 6.4",
    ),
    // Tokens and rights, after the protocol has renewed what it can.
    Rule::result(&["160028", "160029", "160030", "160031"])
        .pause()
        .means(
            "The desk refuses the session even with a new token.",
            CHANNEL,
            "desk 2.5, 9",
        ),
    Rule::result(&["3"]).on(QUEUE).pause().means(
        "The desk refuses the session even with a new token.",
        CHANNEL,
        "desk 2.5, 7, 9",
    ),
    Rule::result(&["160000", "160009"]).pause().means(
        "The desk finds the request itself wrong.",
        CHANNEL,
        "desk 6.4, 9",
    ),
    Rule::result(&["160032", "160033"]).pause().means(
        "The desk has locked this user out, or does not allow this machine's address.",
        OPERATOR,
        "desk 6.4, 9",
    ),
    Rule::result(&["1"])
        .on(SESSION)
        .times(3, Remedy::PauseAccount)
        .means(
            "The desk gives this user no session.",
            CHANNEL,
            "desk 2.3, 9",
        ),
    // Receiving.
    Rule::result(&["401"]).on(DOWNLOAD).dead().means(
        "The desk does not know the file, neither as its own nor as one of its library; it may \
         have been kept too long.",
        ASK_AGENT,
        "desk 4.2, 9",
    ),
    Rule::result(&["2"]).on(DOWNLOAD).dead().means(
        "The desk does not know whose file it is, even with a new session.",
        "Check `channel_id` and `user_id` of the account, then `syncd queue retry`.",
        "desk 4.2, 9",
    ),
    Rule::result(&["13"])
        .on(DOWNLOAD)
        .saying("out of range")
        .dead()
        .means(
            "The desk does not hand out files of this type.",
            "Ask the agent to send the file in another format, or as a zip.",
            "desk 4.2, 9",
        ),
    Rule::result(&["13"])
        .on(DOWNLOAD)
        .saying("empty file")
        .of_the_file_times(2)
        .means(
            "The desk says that the file is empty.",
            ASK_AGENT,
            "desk 4.2, 9",
        ),
    Rule::result(&["13"])
        .on(DOWNLOAD)
        .of_the_file_times(5)
        .means(
            "The desk could not read the file from its store; it may also be larger than the \
             desk hands out.",
            "If it lasts, ask the agent to send the file again, or in parts below 2 MB.",
            "desk 4.2, 4.3, 9",
        ),
    Rule::result(&["no-payload", "corrupt"])
        .on(DOWNLOAD)
        .of_the_file_times(2)
        .means(
            "The answer has no file in it, or one that is spoilt.",
            ASK_AGENT,
            "desk 4.2, 4.3, 9",
        ),
    // Sending.
    Rule::result(&["2"]).on(UPLOAD).dead().means(
        "The desk misses a part of the request.",
        REPORT,
        "desk 5.2, 9",
    ),
    Rule::result(&["3"]).on(UPLOAD).dead().means(
        "The desk does not take the file: its type or its size is not allowed.",
        "Send the file in another format, or in parts below 2 MB.",
        "desk 5.2, 5.3, 9",
    ),
    Rule::result(&["13"])
        .on(UPLOAD)
        .saying("decode")
        .dead()
        .means("The desk could not decode the file.", REPORT, "desk 5.2, 9"),
    Rule::result(&["13"]).on(UPLOAD).of_the_file_times(5).means(
        "The desk could not store the file.",
        RETRY_FILE,
        "desk 5.2, 9",
    ),
    Rule::result(&["no-payload"])
        .on(UPLOAD)
        .of_the_file_times(2)
        .means(
            "The desk reports success but gives no key for the file.",
            RETRY_FILE,
            "desk 5.2, 9",
        ),
    Rule::result(&["13"]).on(SEND).of_the_file_times(3).means(
        "The desk could not hand the message to the agent.",
        RETRY_FILE,
        "desk 6.4, 9",
    ),
    // What cannot be understood, and what nobody documented.
    Rule::result(&["no-payload"]).on(GATEWAY).pause().means(
        "The gateway's answer has no token in it.",
        KEYS,
        "desk 1, 9",
    ),
    Rule::result(&["no-payload", "no-result"])
        .on(SESSION)
        .times(3, Remedy::PauseAccount)
        .means(
            "The desk's answer has no session in it.",
            CHANNEL,
            "desk 2.3, 9",
        ),
    Rule::result(&["not-json", "no-result"])
        .on(FILES)
        .of_the_file_times(3)
        .means(
            "The answer cannot be understood, so it counts as none.",
            "If it lasts, look for a proxy between this machine and the desk.",
            "desk 9",
        ),
    Rule::result(&["not-json", "no-result", "no-payload"]).means(
        "The answer cannot be understood, so it counts as none.",
        "If it lasts, look for a proxy between this machine and the desk; check `base_url`.",
        "desk 9",
    ),
    Rule::of(Layer::Result, Codes::Any)
        .on(FILES)
        .of_the_file_times(3)
        .means(
            "The desk refuses with a code that is not documented.",
            "Read its words; ask the contact centre's operator if they do not help.",
            "desk 9, 10",
        ),
    Rule::of(Layer::Result, Codes::Any)
        .on(TOKENS)
        .times(3, Remedy::PauseAccount)
        .means(
            "The desk gives no token, with a code that is not documented.",
            KEYS,
            "desk 2.3, 9",
        ),
    Rule::of(Layer::Result, Codes::Any).means(
        "The desk refuses with a code that is not documented.",
        "Read its words; ask the contact centre's operator if it lasts.",
        "desk 3.8, 9",
    ),
];

pub(super) const MACHINE: &[Rule] = &[
    Rule::transport(&["too-large"]).on(DOWNLOAD).dead().means(
        "The answer is longer than the largest file that the inbox takes.",
        "Raise `max_file` of the inbox, then `syncd queue retry`.",
        "desk 4.3",
    ),
    Rule::local(&["too-large"]).on(DOWNLOAD).dead().means(
        "The file is larger than the inbox takes.",
        "Raise `max_file` of the inbox, then `syncd queue retry`.",
        "desk 4.3",
    ),
    Rule::local(&["message-unread"]).on(DOWNLOAD).dead().means(
        "A message came that cannot be understood; it may have carried a file.",
        ASK_AGENT,
        "desk 3.4, 10",
    ),
    Rule::local(&["no-content", "no-file-type"])
        .on(DOWNLOAD)
        .dead()
        .means(
            "A message announces a file but does not say enough to ask for it.",
            ASK_AGENT,
            "desk 3.5",
        ),
    Rule::local(&["file-type"]).on(UPLOAD).dead().means(
        "The desk takes no files of this type.",
        "Send the file as jpg, jpeg, png, bmp, mp3, aac, mp4, txt or csv, or take it out of the \
         outbox.",
        "desk 5.1",
    ),
    Rule::local(&["file-too-large"]).on(UPLOAD).dead().means(
        "The file is larger than the outbox sends: 2 MiB, or 4 MiB for mp4, unless `max_file` says more.",
        "Send the file in parts, or take it out of the outbox; raise `max_file` if your desk takes more.",
        "desk 5.3",
    ),
    Rule::local(&["file-empty"]).on(UPLOAD).dead().means(
        "The file is empty, and the desk takes no empty files.",
        "Write the file anew, or take it out of the outbox.",
        "desk 5.3",
    ),
    Rule::local(&["robot-only"])
        .on(SEND)
        .wait(WaitFor::Doubling {
            first: minutes(10),
            max: minutes(30),
        })
        .means(
            "Only a robot answers on this channel, and a file would reach nobody.",
            "Ask the contact centre's operator for a channel with agents; syncd tries again by itself.",
            "desk 6.4, 8",
        ),
    Rule::local(&["maybe-sent"]).on(SEND).dead().means(
        "The message was sent without an answer, and the desk's history does not show it or cannot \
         be read: the agent may have the file or not.",
        "Ask the agent; `syncd queue retry` looks again and sends it if it is not there, \
         `syncd queue drop` lets it be.",
        "desk 6.5",
    ),
    Rule::local(&["disk-full"]).on(DELIVER).means(
        "There is not enough room where the inbox is.",
        "Make room; syncd tries again by itself.",
        "desk 4.3",
    ),
    Rule::local(&["inbox-gone"]).on(DELIVER).means(
        "The inbox's folder is not there.",
        "Make it, or mount what it is on; syncd tries again by itself.",
        "desk 4.3",
    ),
    Rule::local(&["inbox-refused"]).on(DELIVER).means(
        "The inbox's folder may not be written to.",
        "Give the user that syncd runs as the right to write there (under systemd: \
         `ReadWritePaths=`); syncd tries again by itself.",
        "desk 4.3",
    ),
    Rule::local(&["no-free-name"]).on(DELIVER).means(
        "All names that the file could have are taken.",
        "Take files out of the inbox, or change its `file_name`; syncd tries again by itself.",
        "desk 4.3",
    ),
    Rule::local(&["inbox-replaced"]).on(DELIVER).dead().means(
        "The inbox became another directory while a file was on its way into it.",
        "If the file is not where the inbox was, `syncd queue retry` fetches it again.",
        "desk 4.3",
    ),
    Rule::local(&["io"]).on(DELIVER).means(
        "Writing the file into the inbox failed.",
        INBOX,
        "desk 4.3",
    ),
    Rule::of(Layer::Local, Codes::Any).on(DELIVER).means(
        "The file could not be put into the inbox.",
        INBOX,
        "desk 4.3",
    ),
];
