//! Rules for what never became an answer, for bare statuses of the API, and for this machine.

use super::{API, ASKING, SENDING, TOKEN};
use crate::decide::remedy::{Codes, Rule};
use crate::model::fault::Layer;

const NOTHING: &str = "Nothing, if it passes; syncd probes by itself.";
const NETWORK: &str =
    "Check this machine's network; syncd probes by itself and goes on when it is back.";

pub(super) const TRANSPORT: &[Rule] = &[
    Rule::transport(&["dns"]).means(
        "The host's name has no address.",
        "Check this machine's name resolution and the host's spelling in the configuration.",
        "6.1, 6.3",
    ),
    Rule::transport(&["connect"]).means("No connection could be made.", NETWORK, "6.1, 6.3"),
    Rule::transport(&["tls"]).means(
        "No trusted connection could be made.",
        "Check this machine's clock and CA certificates; behind an inspecting proxy set \
         `network.ca_file`.",
        "6.1, 6.3",
    ),
    Rule::transport(&["no-roots"]).pause().means(
        "This machine has no CA certificates, so nobody can be trusted.",
        "Install the package ca-certificates, or set `network.ca_file`; then `syncd resume`.",
        "6.1",
    ),
    Rule::transport(&["timeout"]).means("No complete answer came in time.", NETWORK, "6.1, 6.3"),
    Rule::transport(&["stalled"]).means(
        "The bytes moved too slowly or not at all.",
        "Check the uplink; fewer parallel transfers (`limits.concurrency`) may help.",
        "6.3",
    ),
    Rule::transport(&["reset", "cut"]).means(
        "The connection ended before the answer was complete; whether the upload took place \
         is unknown, and it is simply repeated.",
        NETWORK,
        "6.1, 6.3",
    ),
    Rule::transport(&["too-large"]).means(
        "The answer was longer than any right one; something else than the cloud may be \
         answering.",
        "Look for a proxy or a login page between this machine and the cloud.",
        "6.1",
    ),
    Rule::transport(&["encoded"]).means(
        "The answer was compressed although syncd asked for none; something in between \
         changes answers.",
        "Look for a proxy between this machine and the cloud.",
        "6.1",
    ),
    Rule::transport(&["redirect"]).means(
        "The answer sends us elsewhere; a signed request must not follow.",
        "Look for a proxy or a login page between this machine and the cloud; check \
         `base_url`.",
        "6.3",
    ),
    Rule::transport(&["refused", "address-refused"]).means(
        "The host's name leads to an address that must not be asked, such as one of a private \
         network.",
        "Check this machine's name resolution; list the host in `upload_hosts` if it is meant.",
        "4.4",
    ),
    Rule::transport(&["source"]).of_the_file().means(
        "The file could not be read to its end while it was sent.",
        "Look at `syncd why` for what reading it said.",
        "4.1",
    ),
    Rule::of(Layer::Transport, Codes::Any).means(
        "The exchange failed in a way that syncd does not know.",
        NETWORK,
        "6.1, 6.3",
    ),
    Rule::of(Layer::Http, Codes::Exact(&["429"]))
        .on(ASKING)
        .slow_down()
        .means("The API asks for fewer requests.", NOTHING, "6.1"),
    Rule::of(Layer::Http, Codes::Exact(&["503"]))
        .on(ASKING)
        .slow_down()
        .means("The API is not available at the moment.", NOTHING, "6.1"),
    Rule::of(Layer::Http, Codes::Between(300, 599))
        .on(ASKING)
        .means(
            "The API answered with a bare HTTP status instead of its own code; the cloud or \
             something in between is in trouble.",
            "If it lasts, check `base_url` and look for a proxy in between.",
            "6.1",
        ),
];

pub(super) const LOCAL_UNKNOWN: Rule = Rule::of(Layer::Local, Codes::Any).of_the_file().means(
    "Something on this machine failed in a way that syncd does not know.",
    "Read the message; `syncd queue retry` once it is mended.",
    "4.1",
);

pub(super) const LOCAL: &[Rule] = &[
    Rule::local(&["changed"]).replan().means(
        "The file changed while it was sent; nothing was published of it.",
        "Nothing: its newest version is taken once it is quiet.",
        "4.1",
    ),
    Rule::local(&["gone"]).replan().means(
        "The file is gone.",
        "Nothing, if that was meant.",
        "4.1",
    ),
    Rule::local(&["unreadable"]).of_the_file().means(
        "The file may not be read by the user syncd runs as.",
        "Give that user the right to read the file and to search its directories.",
        "4.1",
    ),
    Rule::local(&["io"]).of_the_file().means(
        "Reading the file failed.",
        "Check the disk (`dmesg`), then `syncd queue retry`.",
        "4.1",
    ),
    Rule::local(&["link-expired"]).fresh_links().means(
        "The link ended before the bytes could be sent.",
        "If it lasts, check this machine's clock and uplink.",
        "4.4",
    ),
    Rule::local(&["uplink-shared"])
        .on(SENDING)
        .slow_down()
        .means(
            "The link ended while the bytes were still moving, and other files were on their way too.",
            "Nothing: syncd lowers their number; a fixed `limits.concurrency` should be lowered by \
             hand.",
            "4.4",
        ),
    Rule::local(&["cannot-fit"])
        .on(SENDING)
        .of_the_file_times(2)
        .slow_down()
        .means(
            "The link ended while the bytes were still moving, and nothing else of the account was \
             sent: the file is too large for a link's life at this speed.",
            "Give the machine a faster uplink or make the file smaller, then `syncd queue retry`.",
            "4.4, 6.3",
        ),
    Rule::local(&["interrupted"]).means(
        "The process ended while the file was sent.",
        "Nothing: syncd sends it again by itself.",
        "4.1",
    ),
    Rule::local(&["host-refused"]).pause().means(
        "The API handed out a link to a host that is not allowed.",
        "Add the host to `upload_hosts` of the account if you trust it; else find out who \
         answers for the API.",
        "4.4",
    ),
    Rule::local(&["bad-link"])
        .on(API)
        .fresh_link_or_dead()
        .means(
            "The API handed out a link that is none, or one for another key.",
            "Rename the file if its name holds unusual characters such as `?`, `#` or `%`.",
            "4.5",
        ),
    Rule::local(&["token-refused"]).pause().means(
        "Two new tokens in a row were refused, so their age is not the trouble: they are of \
         the wrong kind or lack the right.",
        "Check the account's `token`: the static website accepts only a \
         component_access_token (of a third-party platform), never an app's own access_token; cloud \
         storage takes either, where the app or platform has the right.",
        "1.1, 1.7",
    ),
    Rule::local(&["token-same"]).pause().means(
        "The refused token was handed out again, so its age is not the trouble: it is of the \
         wrong kind, of another app, or lacks the right.",
        "Check the account's `token`: the static website accepts only a \
         component_access_token (of a third-party platform), never an app's own access_token; cloud \
         storage takes either, where the app or platform has the right.",
        "1.3, 1.7",
    ),
    Rule::local(&[
        "token-command",
        "token-file",
        "token-url",
        "token-answer",
        "token-empty",
    ])
    .on(TOKEN)
    .means(
        "The account's token could not be got from where the configuration says.",
        "Run the command, read the file or ask the address of `token` yourself, as the user \
         syncd runs as.",
        "1.4",
    ),
    Rule::of(Layer::Local, Codes::Any).on(TOKEN).means(
        "Getting a token failed on this machine.",
        "Check the account's `token`; syncd probes by itself.",
        "1.7",
    ),
    LOCAL_UNKNOWN,
    Rule::of(Layer::Http, Codes::Any).on(ASKING).means(
        "The API's answer has a status that says neither success nor failure.",
        "Check `base_url`; look for a proxy between this machine and the cloud.",
        "6.1",
    ),
    Rule::of(Layer::Http, Codes::Any)
        .of_the_file_times(3)
        .means(
            "The answer has a status that says neither success nor failure.",
            "Look for a proxy between this machine and the cloud.",
            "6.3",
        ),
];
