//! Asks an account's token source once, whatever kind it is.

use std::time::Duration;

use crate::flow::token::{self, FetchedToken};
use crate::flow::transport_fault;
use crate::model::fault::{Call, Fault, Layer};
use crate::model::folder::{AccountSpec, Platform, TokenSource};
use crate::model::secret::{Rotating, Secret};
use crate::port::token_source::LocalTokens;
use crate::port::transport::{Reply, Request, Transport};

/// How often a token file is read again.
const FILE_RECHECK: Duration = Duration::from_mins(1);

/// A token of the account's source.
///
/// # Errors
/// The source cannot be reached, refuses, or answers no token.
pub async fn fetch_token(
    account: &AccountSpec,
    transport: &dyn Transport,
    local_tokens: &dyn LocalTokens,
) -> Result<FetchedToken, Fault> {
    match &account.token {
        TokenSource::App {
            appid,
            secret,
            classic: false,
        } => {
            let request = token::stable_token_request(&account.base_url, appid, secret)?;
            token::token_answer(&ask(transport, request).await?)
        }
        TokenSource::App {
            appid,
            secret,
            classic: true,
        } => {
            let request = token::classic_token_request(&account.base_url, appid, secret);
            token::token_answer(&ask(transport, request).await?)
        }
        TokenSource::Url { url, headers } => {
            let request = token::url_token_request(url, headers);
            token::provider_token_reply(&ask(transport, request).await?)
        }
        TokenSource::Command(argv) => {
            let printed = local_tokens.command(argv).await?;
            token::provider_token(&printed)
        }
        TokenSource::File(path) | TokenSource::CloudbaseFile(path) => {
            let held = local_tokens.file(path).await?;
            let mut fetched = token::provider_token(&held)?;
            fetched.recheck = Some(FILE_RECHECK);
            Ok(fetched)
        }
        TokenSource::Value(value) => token::provider_token(value.expose().as_bytes()),
        TokenSource::Component(platform) => {
            fetch_component(&account.base_url, platform, transport, local_tokens).await
        }
        TokenSource::Authorizer { .. } => {
            let message =
                "it is got by the daemon only, because the answer may replace its refresh token";
            Err(Fault::new(
                Call::Token,
                Layer::Local,
                "token-not-asked",
                message,
            ))
        }
    }
}

/// The token of a platform itself.
pub(super) async fn fetch_component(
    base_url: &str,
    platform: &Platform,
    transport: &dyn Transport,
    local_tokens: &dyn LocalTokens,
) -> Result<FetchedToken, Fault> {
    let ticket = rotating(&platform.ticket, local_tokens).await?;
    let request = token::component_token_request(base_url, platform, &ticket)?;
    token::token_answer(&ask(transport, request).await?)
}

/// A secret as it is now.
pub(super) async fn rotating(
    secret: &Rotating,
    local_tokens: &dyn LocalTokens,
) -> Result<Secret, Fault> {
    match secret {
        Rotating::Fixed(secret) => Ok(secret.clone()),
        Rotating::File(path) => token::secret_line(&local_tokens.file(path).await?),
    }
}

/// One request for a token.
pub(super) async fn ask(transport: &dyn Transport, request: Request) -> Result<Reply, Fault> {
    let exchanged = transport.exchange(request).await;
    exchanged.map_err(|failed| transport_fault(Call::Token, &failed))
}
