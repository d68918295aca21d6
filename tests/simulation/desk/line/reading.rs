//! What a client asks, read by the contract: what it does not know is said in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use syncd::port::transport::{Body, Method, Request};

use super::Route;
use crate::desk::centre::{Asked, Look, Pass, Said, Wanted};
use crate::desk::mix::{APP_KEY, CHANNEL, USER};

/// Reads what can be read of a request without its body.
pub(super) fn read(request: &Request) -> Result<(Route, Pass), String> {
    let url = request.url.expose();
    let path = url
        .strip_prefix("https://desk.example.com")
        .ok_or("another host")?;
    let header = |wanted: &str| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.expose().to_owned())
    };
    if path == "/apigovernance/api/oauth/tokenByAkSk" {
        let life = header("x-token-expire").ok_or("no wished lifetime")?;
        let is_right = life
            .parse()
            .is_ok_and(|life: u64| (1..=3_600).contains(&life));
        return if is_right {
            Ok((Route::Bearer, Pass::default()))
        } else {
            Err(format!("a lifetime of {life}"))
        };
    }
    let call = path
        .strip_prefix("/apiaccess/ccmessaging/")
        .ok_or("another path")?;
    let poll = format!("poll?receiverId={USER}&channel=WEB");
    let route = match call {
        "applyToken" => Route::Apply,
        _ if call == poll => Route::Poll,
        "send" => Route::Send,
        "queryQueueInfo" => Route::Queue,
        "queryHistoryChatMessage" => Route::History,
        "downloadFileStream" => Route::Download,
        "uploadFileStream" => Route::Upload,
        _ => return Err(format!("the call {call}")),
    };
    let method = if route == Route::Poll {
        Method::Get
    } else {
        Method::Post
    };
    if request.method != method || (route == Route::Poll && !matches!(request.body, Body::Empty)) {
        return Err(format!("{route:?} by {:?}", request.method));
    }
    if header("x-app-key").as_deref() != Some(APP_KEY) {
        return Err("no app key".to_owned());
    }
    let bearer = header("authorization").unwrap_or_default();
    let bearer = bearer
        .strip_prefix("Bearer ")
        .ok_or("no bearer")?
        .to_owned();
    let session = match route {
        Route::Apply => String::new(),
        _ => header("ccmessaging-token").ok_or("no session token")?,
    };
    Ok((route, Pass { bearer, session }))
}

fn text(body: &Value, field: &str) -> Result<String, String> {
    let text = body[field].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("no {field}"))
}

fn expect(body: &Value, field: &str, wanted: &str) -> Result<(), String> {
    let have = text(body, field)?;
    (have == wanted)
        .then_some(())
        .ok_or_else(|| format!("{field} is {have}"))
}

/// Reads the body by the contract.
pub(super) fn open(route: Route, body: &[u8]) -> Result<Asked, String> {
    if route == Route::Poll {
        return Ok(Asked::Poll);
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(match route {
        Route::Bearer => {
            expect(&body, "app_key", APP_KEY)?;
            expect(&body, "app_secret", "canary-secret")?;
            Asked::Bearer { life_s: 3_600 }
        }
        Route::Apply => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelId", CHANNEL)?;
            expect(&body, "locale", "en")?;
            text(&body, "userName")?;
            Asked::Apply
        }
        Route::Send => Asked::Send(said(&body)?),
        Route::Queue => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelConfigId", CHANNEL)?;
            Asked::Queue
        }
        Route::History => {
            expect(&body, "userId", USER)?;
            expect(&body, "channelId", CHANNEL)?;
            let number = |field| -> Result<usize, String> {
                text(&body, field)?
                    .parse()
                    .map_err(|_| format!("a {field} that is none"))
            };
            let since = body["startTime"].as_str().map(str::parse).transpose();
            Asked::History(Look {
                limit: number("limit")?,
                offset: number("offset")?,
                since: since.map_err(|_| "a startTime that is none")?,
            })
        }
        Route::Download => {
            expect(&body, "channel", "WEB")?;
            Asked::Download(Wanted {
                file_id: text(&body, "fileId")?,
                file_type: text(&body, "fileType")?,
                from_library: body["multiMedia"].as_str() == Some("multiMedia"),
            })
        }
        Route::Upload => {
            expect(&body, "channel", "WEB")?;
            let stream = text(&body, "fileStream")?;
            Asked::Upload {
                file_type: text(&body, "fileType")?,
                bytes: STANDARD.decode(stream).map_err(|error| error.to_string())?,
            }
        }
        Route::Poll => Asked::Poll,
    })
}

/// Reads what `send` says.
fn said(body: &Value) -> Result<Said, String> {
    expect(body, "channel", "WEB")?;
    expect(body, "from", USER)?;
    expect(body, "to", CHANNEL)?;
    expect(body, "sourceType", "CUSTOMER")?;
    let message_id = body["messageId"].as_str().map(str::to_owned);
    if message_id
        .as_ref()
        .is_some_and(|id| id.len() > 32 || id.contains(','))
    {
        return Err(format!("the messageId {message_id:?}"));
    }
    Ok(Said {
        control: text(body, "controlType")?,
        media: text(body, "mediaType")?,
        content: text(body, "content")?,
        message_id,
    })
}
