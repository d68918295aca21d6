//! What goes wrong on the way to the centre, by the seed.

use bytes::Bytes;
use serde_json::json;
use syncd::port::transport::Reply;

use super::{Route, UnderWay};
use crate::desk::centre::{Asked, Centre};
use crate::desk::mix::{FAULTS, Fault};
use crate::desk::world::World;
use crate::story::lock;

/// Codes of the platform behind the centre.
const PLATFORM: &[&str] = &[
    "160001", "160002", "160003", "160006", "160014", "160017", "160018", "164000",
];

/// The fault of this exchange, by the seed's rates.
pub(super) fn pick(world: &World, route: Route) -> Option<Fault> {
    if world.is_calm() {
        return None;
    }
    let mut rng = lock(&world.rolls.network);
    // Of these there are few, and most can go wrong with them.
    let weight = match route {
        Route::Send | Route::Upload => 3.0,
        _ => 1.0,
    };
    let fault = world.mix.faults.iter().find(|(fault, rate)| {
        let hit = rng.f64() < *rate * weight;
        hit && applies(*fault, route)
    });
    let fault = fault.map(|(fault, _)| *fault)?;
    if let Some((_, name)) = FAULTS.iter().find(|(have, _)| *have == fault) {
        world.story.mark(name);
    }
    Some(fault)
}

fn applies(fault: Fault, route: Route) -> bool {
    let is_token = matches!(route, Route::Bearer | Route::Apply);
    match fault {
        Fault::CutBody => route == Route::Upload,
        Fault::Late => matches!(route, Route::Send | Route::Upload),
        Fault::Tired => matches!(route, Route::Poll | Route::Send | Route::Queue),
        Fault::EmptyPayload => {
            matches!(
                route,
                Route::Upload | Route::Download | Route::Poll | Route::Apply
            )
        }
        Fault::Corrupt => route == Route::Download,
        Fault::BearerRevoked | Fault::Code => route != Route::Bearer,
        Fault::SessionRevoked | Fault::Rotate | Fault::ChatLost | Fault::CutAnswer => !is_token,
        _ => true,
    }
}

/// An answer without any effect.
pub(super) fn refusal(
    world: &World,
    asked: &Asked,
    fault: Option<Fault>,
    before: bool,
) -> Option<Reply> {
    let now = world.now_ms();
    let mut rng = lock(&world.rolls.network).fork();
    let mut state = world.state();
    let centre = &mut state.centre;
    match fault? {
        Fault::BearerRevoked => centre.revoke_bearers(),
        Fault::SessionRevoked => centre.revoke_sessions(),
        Fault::ChatLost => centre.lose_chat(),
        Fault::NotSubscribed => {
            let body = json!({"errorCode": "0", "exceptionInfo": "the API is not subscribed"});
            return Some(centre.reply(now, 403, body.to_string()));
        }
        Fault::TooMany => {
            let mut reply = centre.reply(now, 429, "");
            reply
                .headers
                .push(("retry-after".to_owned(), "7".to_owned()));
            return Some(reply);
        }
        Fault::NotJson | Fault::ServerError | Fault::BadGateway if before => {
            return Some(of_the_gateway(centre.reply(now, 200, ""), fault, &mut rng));
        }
        Fault::Tired => {
            let code = PLATFORM[rng.usize(..PLATFORM.len())];
            return Some(centre.result(now, code, "in trouble"));
        }
        Fault::Code => return own_code(world, centre, asked, &mut rng),
        _ => {}
    }
    None
}

/// What a gateway says in place of the centre.
fn of_the_gateway(mut reply: Reply, fault: Option<Fault>, rng: &mut fastrand::Rng) -> Reply {
    match fault {
        Some(Fault::NotJson) => reply.body = Bytes::from_static(b"<html>a proxy</html>"),
        Some(Fault::ServerError) => {
            reply.status = 500;
            reply.body = Bytes::from_static(b"{}");
        }
        _ => {
            reply.status = if rng.bool() { 502 } else { 503 };
            reply.body = Bytes::new();
        }
    }
    reply
}

/// A refusal from the table of the call, where there is one that is true at any time.
fn own_code(
    world: &World,
    centre: &Centre,
    asked: &Asked,
    rng: &mut fastrand::Rng,
) -> Option<Reply> {
    let now = world.now_ms();
    let (code, words) = match asked {
        Asked::Bearer { .. } => return None,
        Asked::Apply => ("1", ""),
        Asked::Poll => ("99", "nobody documented this"),
        Asked::Queue => *pick_one(rng, &[("2", "CCUCS request failed"), ("4", "unknown")]),
        Asked::History(_) => ("1", "failed"),
        Asked::Send(said) if said.control == "CHAT" => *pick_one(
            rng,
            &[
                ("13", "sendUserMessage failed"),
                ("160011", "writing failed"),
            ],
        ),
        Asked::Send(said) if said.control == "CONNECT" => *pick_one(
            rng,
            &[
                ("13", "No ccucs address available!"),
                ("20348", "no agent has the skill"),
            ],
        ),
        Asked::Send(_) => ("13", "fail to initialize robot: CCUCS unreachable"),
        Asked::Download(_) => *pick_one(
            rng,
            &[
                ("13", "fsservice downloadFile is failed"),
                ("13", "downloadFileStream IOException"),
                ("13", "downloadFileStream exception"),
                ("13", "empty file!"),
            ],
        ),
        Asked::Upload { .. } => return Some(centre.upload_result(now, "13", None)),
    };
    Some(centre.result(now, code, words))
}

fn pick_one<'a, T>(rng: &mut fastrand::Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

/// An answer that the centre does not mean, after the effect.
pub(super) fn spoil(under_way: &UnderWay, asked: &Asked, fault: Option<Fault>, reply: &mut Reply) {
    let mut rng = lock(&under_way.world.rolls.network).fork();
    match fault {
        Some(Fault::NotJson | Fault::ServerError | Fault::BadGateway) => {
            *reply = of_the_gateway(reply.clone(), fault, &mut rng);
            under_way.lose();
        }
        Some(Fault::EmptyPayload) => {
            let body = match asked {
                Asked::Upload { .. } => json!({"returnCode": "0"}),
                Asked::Poll => json!({}),
                _ => json!({"resultCode": "0"}),
            };
            reply.body = body.to_string().into();
            under_way.lose();
        }
        Some(Fault::Corrupt) => {
            let mut bytes = reply.body.to_vec();
            let at = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = b'!';
            }
            reply.body = bytes.into();
        }
        _ => {}
    }
}
