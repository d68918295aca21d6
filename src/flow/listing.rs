//! Calls that only look: what a static website holds, and whether it takes uploads.
//!
//! A listing is a hint for people and for `verify`; nothing is sent or skipped on its word alone.

use serde::Deserialize;

use super::wire::{self, Answer, Errcode, Text};
use super::{ApiCall, cos};
use crate::model::fault::{Call, Fault, Layer};
use crate::port::transport::Reply;

/// One object of a listing (protocol notes 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteObject {
    /// Its key, as it came.
    pub key: String,
    /// Bytes, where they can be read.
    pub size: Option<u64>,
    /// Its MD5 in hex, only where the answer holds one: objects sent in parts have none.
    pub md5: Option<String>,
    /// When it was stored, as the cloud writes it.
    pub last_modified: String,
}

/// What a listing wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingStep {
    /// These objects, and then this call.
    More(Vec<RemoteObject>, ApiCall),
    /// The last objects.
    End(Vec<RemoteObject>),
    /// The listing failed.
    Stop(Fault),
}

/// A listing under way.
pub struct Listing {
    env: String,
    prefix: String,
    marker: String,
}

#[derive(serde::Serialize)]
struct ListRequest<'a> {
    env: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    prefix: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    marker: &'a str,
}

#[derive(Deserialize)]
struct ListAnswer {
    #[serde(default)]
    errcode: Errcode,
    #[serde(default)]
    errmsg: Text,
    #[serde(default)]
    contents: Option<Vec<ListedObject>>,
    #[serde(default)]
    is_truncated: Option<Truncated>,
}

#[derive(Deserialize)]
struct ListedObject {
    #[serde(default)]
    key: Text,
    #[serde(default)]
    last_modified: Text,
    #[serde(default)]
    md5: Text,
    #[serde(default)]
    size: Text,
}

/// A boolean, also in a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Truncated {
    Said(bool),
    Written(String),
}

impl Truncated {
    fn is_true(&self) -> Option<bool> {
        match self {
            Self::Said(value) => Some(*value),
            Self::Written(text) => text.to_ascii_lowercase().parse().ok(),
        }
    }
}

impl Answer for ListAnswer {
    fn errcode(&self) -> i64 {
        self.errcode.0
    }
    fn errmsg(&self) -> &str {
        &self.errmsg.0
    }
}

impl Listing {
    /// Begins a listing of everything below `prefix`.
    ///
    /// # Errors
    /// The request cannot be written as JSON.
    pub fn begin(env: &str, prefix: &str) -> Result<(Self, ApiCall), Fault> {
        let listing = Self {
            env: env.to_owned(),
            prefix: prefix.to_owned(),
            marker: String::new(),
        };
        let call = listing.call()?;
        Ok((listing, call))
    }

    fn call(&self) -> Result<ApiCall, Fault> {
        let Self {
            env,
            prefix,
            marker,
        } = self;
        api_call(
            "/componenttcb/staticfilelist",
            &ListRequest {
                env,
                prefix,
                marker,
            },
        )
    }

    /// The step after a page.
    pub fn next(&mut self, reply: &Reply) -> ListingStep {
        match self.read_page(reply) {
            Ok((objects, None)) => ListingStep::End(objects),
            Ok((objects, Some(call))) => ListingStep::More(objects, call),
            Err(fault) => ListingStep::Stop(fault),
        }
    }

    fn read_page(&mut self, reply: &Reply) -> Result<(Vec<RemoteObject>, Option<ApiCall>), Fault> {
        let answer: ListAnswer = wire::read(Call::Api, reply)?;
        let broken = |message| {
            Err(Fault::new(
                Call::Api,
                Layer::Errcode,
                "bad-listing",
                message,
            ))
        };
        let Some(truncated) = answer.is_truncated.and_then(|said| said.is_true()) else {
            return broken("the listing does not say whether it is complete");
        };
        let contents = answer.contents.unwrap_or_default();
        if contents.iter().any(|object| object.key.0.is_empty()) {
            return broken("the listing has an object without a key");
        }
        let last = contents.last().map(|object| object.key.0.clone());
        let before = std::mem::take(&mut self.marker);
        // Some clouds begin a page with its marker, others after it.
        let fresh = contents.into_iter().filter(|object| object.key.0 != before);
        let objects = fresh.filter_map(ListedObject::read).collect();
        if !truncated {
            return Ok((objects, None));
        }
        match last {
            Some(last) if last > before => {
                self.marker = last;
                Ok((objects, Some(self.call()?)))
            }
            _ => broken("the listing does not come forward"),
        }
    }
}

impl ListedObject {
    /// `None` for the placeholder of a directory.
    fn read(self) -> Option<RemoteObject> {
        let size = self.size.0.parse().ok();
        if self.key.0.ends_with('/') && size == Some(0) {
            return None;
        }
        let md5 = Some(cos::unquoted(&self.md5.0)).filter(|text| cos::is_md5(text));
        Some(RemoteObject {
            key: self.key.0,
            size,
            md5,
            last_modified: self.last_modified.0,
        })
    }
}

/// A static website of an environment (protocol notes 3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticStore {
    /// Environment id.
    pub env: String,
    /// Its own domain.
    pub domain: String,
    /// Bucket.
    pub bucket: String,
    /// Region of the bucket.
    pub region: String,
    /// `online` takes uploads; nothing else does.
    pub status: String,
}

#[derive(serde::Serialize)]
struct DescribeRequest<'a> {
    env: &'a str,
}

#[derive(Deserialize)]
struct DescribeAnswer {
    #[serde(default)]
    errcode: Errcode,
    #[serde(default)]
    errmsg: Text,
    #[serde(default, alias = "Data")]
    data: Option<Vec<DescribedStore>>,
}

#[derive(Deserialize)]
struct DescribedStore {
    #[serde(default, alias = "Env")]
    env: Text,
    #[serde(default, alias = "Domain", alias = "CdnDomain")]
    domain: Text,
    #[serde(default, alias = "Bucket")]
    bucket: Text,
    #[serde(default, alias = "Region", alias = "regoin", alias = "Regoin")]
    region: Text,
    #[serde(default, alias = "Status")]
    status: Text,
}

impl Answer for DescribeAnswer {
    fn errcode(&self) -> i64 {
        self.errcode.0
    }
    fn errmsg(&self) -> &str {
        &self.errmsg.0
    }
}

/// The call that asks for the static websites of an environment.
///
/// # Errors
/// The request cannot be written as JSON.
pub fn describe_call(env: &str) -> Result<ApiCall, Fault> {
    api_call(
        "/componenttcb/describestaticstore",
        &DescribeRequest { env },
    )
}

/// Its answer; empty where static websites are not enabled.
///
/// # Errors
/// Those of [`wire::read`].
pub fn describe_answer(reply: &Reply) -> Result<Vec<StaticStore>, Fault> {
    let answer: DescribeAnswer = wire::read(Call::Api, reply)?;
    let stores = answer
        .data
        .unwrap_or_default()
        .into_iter()
        .map(|store| StaticStore {
            env: store.env.0,
            domain: store.domain.0,
            bucket: store.bucket.0,
            region: store.region.0,
            status: store.status.0,
        });
    Ok(stores.collect())
}

fn api_call(path: &'static str, request: &impl serde::Serialize) -> Result<ApiCall, Fault> {
    ApiCall::json(Call::Api, path, request)
}
