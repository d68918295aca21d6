//! Rules for the bare statuses of the desk's gateway.

use super::contact_centre::{
    CHANNEL, FILES, GATEWAY, KEYS, NOTHING, OPERATOR, REPORT, RETRY_FILE, UPLOAD,
};
use crate::decide::remedy::{Codes, Rule};
use crate::model::fault::{Call, Layer};

/// The calls that are about the session.
const TALKING: &[Call] = &[
    Call::SessionToken,
    Call::Connect,
    Call::QueueInfo,
    Call::Poll,
    Call::History,
];
/// The calls that carry the gateway's token.
const BUSINESS: &[Call] = &[
    Call::SessionToken,
    Call::Connect,
    Call::QueueInfo,
    Call::Poll,
    Call::History,
    Call::Download,
    Call::Upload,
    Call::Send,
];
/// All calls of the desk.
const DESK: &[Call] = &[
    Call::GatewayToken,
    Call::SessionToken,
    Call::Connect,
    Call::QueueInfo,
    Call::Poll,
    Call::History,
    Call::Download,
    Call::Upload,
    Call::Send,
];

pub(super) const RULES: &[Rule] = &[
    Rule::desk_status(&["400"]).on(FILES).dead().means(
        "The gateway finds the request wrong.",
        REPORT,
        "desk 0, 9",
    ),
    Rule::desk_status(&["400"]).on(TALKING).pause().means(
        "The gateway finds the request wrong.",
        CHANNEL,
        "desk 0, 9",
    ),
    Rule::desk_status(&["401"]).on(BUSINESS).pause().means(
        "The gateway refuses both tokens though they are new: the service is not bought, or the \
         account is not in order.",
        OPERATOR,
        "desk 2.5, 9, 10",
    ),
    Rule::desk_status(&["403"]).on(BUSINESS).pause().means(
        "The gateway does not allow this call: it is not subscribed to, or this machine's \
         address is not allowed.",
        OPERATOR,
        "desk 1, 9",
    ),
    Rule::desk_status(&["404"]).on(BUSINESS).pause().means(
        "The gateway does not know this address.",
        "Check `base_url` and `token_url` of the account, then `syncd resume`.",
        "desk 0, 9, 10",
    ),
    Rule::desk_status(&["413"]).on(UPLOAD).dead().means(
        "The gateway finds the file too large.",
        "Send the file in parts below 2 MB.",
        "desk 5.3, 9",
    ),
    Rule::desk_status(&["429"]).on(DESK).slow_down().means(
        "The gateway asks for fewer requests.",
        NOTHING,
        "desk 8, 9",
    ),
    Rule::desk_status(&["503"]).on(DESK).slow_down().means(
        "The gateway is not available at the moment.",
        NOTHING,
        "desk 8, 9",
    ),
    Rule::desk_status(&["408", "425", "502", "504"])
        .on(DESK)
        .means(
            "The gateway got no answer from the desk.",
            NOTHING,
            "desk 9",
        ),
    Rule::desk_status(&["500"])
        .on(FILES)
        .of_the_file_times(3)
        .means(
            "The desk fails with this request; its documents say to check the values.",
            RETRY_FILE,
            "desk 0, 9, 10",
        ),
    Rule::of(Layer::Http, Codes::Between(400, 499))
        .on(FILES)
        .of_the_file_times(3)
        .means(
            "The gateway refuses the request with a status that is not documented.",
            RETRY_FILE,
            "desk 9",
        ),
    Rule::of(Layer::Http, Codes::Between(400, 499))
        .on(GATEWAY)
        .pause()
        .means(
            "The gateway refuses the app key or its secret.",
            KEYS,
            "desk 1, 9",
        ),
    Rule::of(Layer::Http, Codes::Any).on(DESK).means(
        "The gateway answers with a status that says neither success nor failure, or that it is \
         in trouble.",
        "If it lasts, check `base_url` and look for a proxy in between.",
        "desk 9",
    ),
];
