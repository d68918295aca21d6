//! Keys of accounts and of what stands in them.

use super::Absent::{Required, Unset, Value};
use super::{Key, Kind, key};

pub(super) const KEYS: &[Key] = &[
    key(
        Kind::Wechat,
        "provider",
        Required,
        "`wechat`: an account of the WeChat API.",
    ),
    key(
        Kind::Wechat,
        "base_url",
        Value("\"https://api.weixin.qq.com\""),
        "Where the API is. `http://` is accepted for loopback addresses only.",
    ),
    key(
        Kind::Wechat,
        "upload_hosts",
        Value("[\"*.myqcloud.com\"]"),
        "Where signed links may point: host names, or `*.` and a domain.",
    ),
    key(
        Kind::Wechat,
        "token",
        Required,
        "Table: where the API token comes from.",
    ),
    key(
        Kind::Wechat,
        "cos",
        Unset("none"),
        "Table: the key pair that deletes files of a static website.",
    ),
    key(
        Kind::Wechat,
        "ticket_receiver",
        Unset("none"),
        "Table: listens for the tickets that WeChat sends to a third-party platform.",
    ),
    key(
        Kind::Wechat,
        "requests_per_second",
        Value("0"),
        "The most API calls a second, 0 to 10000; 0 is no cap of our own.",
    ),
    key(Kind::Token, "app", Unset("-"), "Table: app id and secret."),
    key(
        Kind::Token,
        "component",
        Unset("-"),
        "Table: a third-party platform.",
    ),
    key(
        Kind::Token,
        "authorizer",
        Unset("-"),
        "Table: an account that a third-party platform acts for.",
    ),
    key(
        Kind::Token,
        "command",
        Unset("-"),
        "A program and its arguments, without a shell. It prints the token, or \
         `{\"access_token\",\"expires_in\"}`.",
    ),
    key(
        Kind::Token,
        "url",
        Unset("-"),
        "An address; GET answers in the same two forms.",
    ),
    key(
        Kind::Token,
        "header",
        Unset("none"),
        "With `url`: request headers, each a secret or a plain string.",
    ),
    key(
        Kind::Token,
        "file",
        Unset("-"),
        "A file with the token, read again when it changes.",
    ),
    key(
        Kind::Token,
        "cloudbase_file",
        Unset("-"),
        "The mounted `cloudbase_access_token` of a CloudBase container.",
    ),
    key(
        Kind::Token,
        "value",
        Unset("-"),
        "The token itself, as a secret. It cannot be renewed.",
    ),
    key(Kind::App, "appid", Required, "The app id."),
    key(
        Kind::App,
        "secret",
        Required,
        "The app secret, as a secret.",
    ),
    key(
        Kind::App,
        "mode",
        Value("\"stable\""),
        "`stable`: other programs can ask for a token without ending ours; `classic`: the old \
         call.",
    ),
    key(Kind::Component, "appid", Required, "The platform's app id."),
    key(
        Kind::Component,
        "secret",
        Required,
        "The platform's secret, as a secret.",
    ),
    key(
        Kind::Component,
        "ticket",
        Required,
        "The newest verify ticket, as a secret. A file or credential is read again for each token, \
         since tickets live 12 hours.",
    ),
    key(
        Kind::Authorizer,
        "component",
        Required,
        "Table: the platform, as in `token.component`.",
    ),
    key(
        Kind::Authorizer,
        "appid",
        Required,
        "The app id of the account acted for.",
    ),
    key(
        Kind::Authorizer,
        "refresh_token",
        Required,
        "Its refresh token, as a secret.",
    ),
    key(Kind::Cos, "secret_id", Required, "Secret."),
    key(Kind::Cos, "secret_key", Required, "Secret."),
    key(
        Kind::TicketReceiver,
        "listen",
        Required,
        "`ADDRESS:PORT` or `unix:/path`.",
    ),
    key(
        Kind::TicketReceiver,
        "token",
        Required,
        "The message token, as a secret.",
    ),
    key(
        Kind::TicketReceiver,
        "aes_key",
        Required,
        "The message key, as a secret.",
    ),
    key(
        Kind::Ccmessaging,
        "provider",
        Required,
        "`ccmessaging`: a user of a contact-centre desk.",
    ),
    key(
        Kind::Ccmessaging,
        "base_url",
        Required,
        "Where the service is.",
    ),
    key(
        Kind::Ccmessaging,
        "token_url",
        Unset("below `base_url`"),
        "Where its tokens are.",
    ),
    key(Kind::Ccmessaging, "app_key", Required, "The app key."),
    key(
        Kind::Ccmessaging,
        "app_secret",
        Required,
        "The app secret, as a secret.",
    ),
    key(
        Kind::Ccmessaging,
        "channel_id",
        Required,
        "The channel, in quotes.",
    ),
    key(
        Kind::Ccmessaging,
        "user_id",
        Required,
        "1 to 24 of `A-Z a-z 0-9 _ -`. One process may use it at a time.",
    ),
    key(
        Kind::Ccmessaging,
        "user_name",
        Value("\"syncd\""),
        "The name that the agent sees.",
    ),
    key(
        Kind::Ccmessaging,
        "locale",
        Value("\"en\""),
        "Language of the service's texts.",
    ),
    key(
        Kind::Ccmessaging,
        "media_content",
        Value("\"plain\""),
        "How a message names an uploaded picture, sound or video: `plain` (its key) or `with_ext` (its key \
         and its type), for a desk whose agents see no picture with the first.",
    ),
    key(
        Kind::Secret,
        "credential",
        Unset("-"),
        "A file name in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`).",
    ),
    key(
        Kind::Secret,
        "file",
        Unset("-"),
        "An absolute path; refused if group or others can read the file.",
    ),
    key(
        Kind::Secret,
        "env",
        Unset("-"),
        "An environment variable; it is not handed on to children.",
    ),
];
