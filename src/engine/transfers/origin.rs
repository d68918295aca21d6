//! Where the token of an account comes from, and getting it from there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Ports;
use crate::engine::fetch_token::{ask, fetch_component, fetch_token, rotating};
use crate::engine::holder::Holder;
use crate::flow::token::{self, FetchedToken};
use crate::model::event::Event;
use crate::model::fault::Fault;
use crate::model::folder::{AccountSpec, Platform, TokenSource};
use crate::model::path::escaped;
use crate::model::secret::{Rotating, Secret};

/// What is needed to get an account's token.
pub(super) struct Origin {
    /// The token of the platform that acts for the account.
    platform: Arc<Holder>,
    /// A refresh token that came after the configured one. Never stored.
    refresh_token: Mutex<Option<Newest>>,
}

#[derive(Clone)]
struct Newest {
    /// The configured one that led to it.
    instead_of: Secret,
    value: Secret,
}

/// An account that a platform acts for.
struct Authorizer<'a> {
    account: &'a AccountSpec,
    platform: &'a Platform,
    appid: &'a str,
    /// Its refresh token as it is configured now.
    configured: &'a Secret,
}

impl Origin {
    /// `platform` holds the token of the platform that acts for the account, if one does.
    pub(super) fn new(platform: Arc<Holder>) -> Self {
        Self {
            platform,
            refresh_token: Mutex::default(),
        }
    }

    /// A person, or a probe, tries afresh; with the platform's token too, if one acts for the account.
    pub(super) fn resumed(&self) {
        self.platform.resumed();
    }

    /// Gets a token.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn fetch(
        &self,
        account: &AccountSpec,
        ports: &Ports,
    ) -> Result<FetchedToken, Fault> {
        match &account.token {
            TokenSource::Authorizer {
                platform,
                appid,
                refresh_token,
            } => {
                let configured = rotating(refresh_token, &*ports.local_tokens).await?;
                let authorizer = Authorizer {
                    account,
                    platform,
                    appid,
                    configured: &configured,
                };
                self.fetch_authorizer(&authorizer, ports).await
            }
            _ => fetch_token(account, &*ports.transport, &*ports.local_tokens).await,
        }
    }

    /// A token of the account that the platform acts for. Where the platform's own token is refused,
    /// another one is got, once.
    async fn fetch_authorizer(
        &self,
        authorizer: &Authorizer<'_>,
        ports: &Ports,
    ) -> Result<FetchedToken, Fault> {
        let Authorizer {
            account, platform, ..
        } = *authorizer;
        let base_url = &account.base_url;
        let used = self.refresh_token(authorizer.configured);
        let mut is_last = false;
        loop {
            let (transport, local) = (&*ports.transport, &*ports.local_tokens);
            let fetch = || fetch_component(base_url, platform, transport, local);
            let own = self.platform.current(ports, fetch).await?;
            let platform = (platform, &own.value);
            let request =
                token::authorizer_token_request(base_url, platform, authorizer.appid, &used)?;
            let answer = token::authorizer_token_answer(&ask(&*ports.transport, request).await?);
            match answer {
                Ok((fetched, next)) => {
                    self.platform.accepted(own.generation);
                    if let Some(next) = next.filter(|next| *next != used) {
                        self.keep(authorizer, next, ports);
                    }
                    return Ok(fetched);
                }
                Err(fault) if token::blames_platform_token(&fault) && !is_last => {
                    is_last = true;
                    self.platform.refused(own.generation, &fault);
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// The refresh token to use: the newest that was answered, unless another one was configured since.
    fn refresh_token(&self, configured: &Secret) -> Secret {
        let newest = self.lock().clone();
        let newest = newest.filter(|newest| newest.instead_of == *configured);
        newest.map_or_else(|| configured.clone(), |newest| newest.value)
    }

    /// Remembers a refresh token until syncd ends, and says that the configured one is outdated.
    fn keep(&self, authorizer: &Authorizer<'_>, value: Secret, ports: &Ports) {
        *self.lock() = Some(Newest {
            instead_of: authorizer.configured.clone(),
            value,
        });
        let place = match &authorizer.account.token {
            TokenSource::Authorizer {
                refresh_token: Rotating::File(path),
                ..
            } => format!("in {}", escaped(path.as_os_str().as_encoded_bytes())),
            _ => "of the configuration".to_owned(),
        };
        ports.tell(&Event::Notice {
            name: authorizer.account.name.clone(),
            message: format!(
                "WeChat has replaced the refresh token of {}. syncd uses the new one until it ends, and \
                 stores it nowhere: bring the refresh token {place} up to date before the next start \
                 (the platform has it: api_get_authorizer_list)",
                authorizer.appid
            ),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        let newest = self.refresh_token.lock();
        newest.unwrap_or_else(PoisonError::into_inner)
    }
}
