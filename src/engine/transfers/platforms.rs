//! The tokens of third-party platforms, which several accounts share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::holder::Holder;

/// The tokens of the third-party platforms, by address and app id: a newer token ends the older, so all
/// accounts of a platform share one (protocol notes 1.4, 1.7).
#[derive(Default)]
pub(in crate::engine) struct Platforms(Mutex<HashMap<PlatformId, Arc<Holder>>>);

/// The address of the API, and the platform's app id.
type PlatformId = (String, String);

impl Platforms {
    /// The holder of a platform's token.
    pub(super) fn holder(&self, base_url: &str, appid: &str) -> Arc<Holder> {
        let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = holders.entry((base_url.to_owned(), appid.to_owned()));
        Arc::clone(holder.or_default())
    }
}
