//! Rules for the codes of WeChat's platform: tokens, rights, quota, form of a request.

use super::{API, TOKEN, minutes, next_day};
use crate::decide::remedy::{Codes, Remedy, Rule, WaitFor};
use crate::model::fault::Layer;

const NOTHING: &str = "Nothing, if it passes; syncd tries again by itself.";
const REPORT: &str = "This is a defect of syncd, or something changes its requests: please \
     report it with the code.";
const WHITELIST: &str = "Add this machine's address to the IP whitelist in the WeChat console; it \
     works about 5 minutes later.";
const KIND: &str = "Check the account's `token`: the static website accepts only a \
     component_access_token (of a third-party platform), never an app's own access_token; cloud \
     storage takes either, where the app or platform has the right.";
const QUOTA: &str = "Wait, or ask for more in the WeChat console; syncd goes on by itself.";
const SECRET: &str = "Check `appid` and `secret` of the account against the WeChat console, then \
     `syncd resume`.";

pub(super) const RULES: &[Rule] = &[
    Rule::errcode(&["-1"]).means("WeChat's servers are busy.", NOTHING, "1.8, 6.1"),
    Rule::errcode(&["-1000"])
        .times(8, Remedy::PauseAccount)
        .means(
            "WeChat reports a system error without saying which.",
            "If it lasts, check `env` and whether the environment is in order in the CloudBase \
             console.",
            "6.1",
        ),
    Rule::errcode(&["40001"]).on(TOKEN).pause().means(
        "The app secret is wrong or belongs to another app.",
        SECRET,
        "1.8",
    ),
    Rule::errcode(&["40014", "42001"]).on(TOKEN).pause().means(
        "The token that should get another token was refused.",
        "Check the component token of the account, then `syncd resume`.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["40001", "40014", "42001"]).refresh().means(
        "The token has expired, was replaced by a newer one, or is of the wrong kind.",
        KIND,
        "1.7, 6.1",
    ),
    Rule::errcode(&["41001"]).refresh().means(
        "The request carried no token.",
        "Check that the account's `token` yields one; if it does, please report this.",
        "6.1",
    ),
    Rule::errcode(&["40002"])
        .pause()
        .means("The `grant_type` is wrong.", REPORT, "1.8"),
    Rule::errcode(&["40013"]).pause().means(
        "The appid is not valid; upper and lower case matter.",
        SECRET,
        "1.8, 6.1",
    ),
    Rule::errcode(&["40125"])
        .pause()
        .means("The app secret is not valid.", SECRET, "1.8, 6.1"),
    Rule::errcode(&["40164"]).pause().means(
        "This machine's address is not on the app's IP whitelist.",
        WHITELIST,
        "1.8, 6.1",
    ),
    Rule::errcode(&["61004", "45035"]).pause().means(
        "This machine's address is not registered with the platform.",
        WHITELIST,
        "1.8, 6.1",
    ),
    Rule::errcode(&["89501", "89502", "89503", "89504", "89505"])
        .pause_probing(minutes(10))
        .means(
            "An administrator has to confirm this machine's address.",
            "Ask the app's administrator to confirm the request that WeChat has sent; the address \
             can also be put on the IP whitelist.",
            "1.8, 6.1",
        ),
    Rule::errcode(&["89507"])
        .wait(WaitFor::Span(minutes(60)))
        .means(
            "An administrator has refused this machine's address for an hour.",
            "Ask the app's administrator, and put the address on the IP whitelist.",
            "1.8, 6.1",
        ),
    Rule::errcode(&["89506"])
        .wait(WaitFor::Span(minutes(24 * 60)))
        .means(
            "An administrator has refused this machine's address for 24 hours.",
            "Ask the app's administrator, and put the address on the IP whitelist.",
            "1.8, 6.1",
        ),
    Rule::errcode(&["40243"]).pause().means(
        "The app secret is frozen.",
        "Unfreeze it in the WeChat console, then `syncd resume`.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["41002", "41004", "41018"]).pause().means(
        "The appid, the secret or the component's appid is missing.",
        SECRET,
        "1.8, 6.1",
    ),
    Rule::errcode(&["40066", "43002", "43003"]).pause().means(
        "The address, the method or the scheme of the request is wrong.",
        "Check `base_url` of the account; if it is right, please report this.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["42007"]).pause().means(
        "The authorisation was taken back, for instance by a change of password.",
        "Have the account authorised again, then `syncd resume`.",
        "6.1",
    ),
    Rule::errcode(&["45009"]).wait(next_day(10)).means(
        "The day's quota of this call is used up.",
        QUOTA,
        "1.8, 6.1",
    ),
    Rule::errcode(&["45011"])
        .on(TOKEN)
        .wait(WaitFor::Span(minutes(1)))
        .means(
            "Too many tokens were asked for within a minute.",
            "See that only one process fetches tokens of this app.",
            "1.8",
        ),
    Rule::errcode(&["45011"]).wait(WaitFor::NextMinute).means(
        "The minute's quota of this call is used up.",
        "Nothing; `requests_per_second` of the account keeps below it.",
        "6.1",
    ),
    Rule::errcode(&["48001", "61007"]).pause().means(
        "The account has not been given the right to this call.",
        "Have permission set 49 (and 64) authorised for the app; the static website besides \
         accepts only a component_access_token.",
        "6.1",
    ),
    Rule::errcode(&["61003"]).pause().means(
        "The app has not authorised this third-party platform.",
        "Have the account authorise the platform, then `syncd resume`.",
        "6.1",
    ),
    Rule::errcode(&["61014", "61015"]).pause().means(
        "The token is of the wrong kind for this call.",
        KIND,
        "1.1, 6.1",
    ),
    Rule::errcode(&["48004", "50001", "50002", "50004"])
        .pause()
        .means(
            "The interface is closed to the account, or the account is punished or frozen.",
            "Look for messages in the WeChat console, then `syncd resume`.",
            "1.8, 6.1",
        ),
    Rule::errcode(&["61005", "61006"])
        .pause_probing(minutes(10))
        .means(
            "The platform's verify ticket has expired or is not valid.",
            "See that the receiver of the tickets stores the newest one; syncd goes on when it \
             has come.",
            "1.8, 6.1",
        ),
    Rule::errcode(&["61011"]).pause().means(
        "The third-party platform is not valid.",
        "Check the component's appid and that the platform is published.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["61023"]).pause().means(
        "The authorizer's refresh token is not valid.",
        "Read it again from the platform's list of authorizers; if that fails have the \
         account authorised again.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["61024"]).pause().means(
        "This appid is a platform's: its token comes from another call.",
        "Use `token = { component = … }` or a token source of the platform instead of `app`.",
        "1.8, 6.1",
    ),
    Rule::errcode(&["85088"]).pause().means(
        "CloudBase is not enabled for this app.",
        "Enable cloud development for the app in the WeChat console, then `syncd resume`.",
        "6.1",
    ),
    Rule::errcode(&["40033", "47001", "44002"])
        .on(API)
        .dead()
        .means(
            "The request's JSON was refused as malformed or empty.",
            "Rename the file if its name holds unusual characters; otherwise please report this.",
            "6.1",
        ),
    Rule::errcode(&["40097", "40101"]).on(API).dead().means(
        "A parameter is missing or wrong; mostly the environment or the key.",
        "Check `env` and `prefix` of the folder and the file's name, then `syncd queue retry`.",
        "6.1",
    ),
    Rule::of(Layer::Errcode, Codes::Between(40_000, 49_999))
        .on(API)
        .of_the_file_times(1)
        .means(
            "A code that syncd does not know; by its number the request was at fault.",
            "Look the code up in WeChat's list of return codes, then `syncd queue retry`.",
            "6.1",
        ),
    Rule::of(Layer::Errcode, Codes::Between(1, i64::MAX))
        .pause()
        .means(
            "A code that syncd does not know; by its number the account is at fault.",
            "Look the code up in WeChat's list of return codes, then `syncd resume`.",
            "6.1",
        ),
    Rule::errcode(&["not-json"]).means(
        "The API's answer is not JSON; something else may be answering.",
        "If it lasts, check `base_url` and look for a proxy or a login page in between.",
        "6.1",
    ),
    Rule::errcode(&["no-errcode", "empty-link"]).means(
        "The API's answer lacks what it has to hold, so it is not taken for success.",
        NOTHING,
        "6.1",
    ),
    Rule::of(Layer::Errcode, Codes::Any).on(TOKEN).means(
        "The answer to the request for a token is not understood.",
        "Check the account's `token`; syncd probes by itself.",
        "1.8",
    ),
    Rule::of(Layer::Errcode, Codes::Any).of_the_file().means(
        "The API's answer is not understood.",
        "Check `base_url`; please report this if it is right.",
        "6.1",
    ),
];
