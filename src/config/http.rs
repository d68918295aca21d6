//! `[http]`: where metrics, health and the status page are, and whether others may reach them.

use super::address::{self, Listen};
use super::keys::Kind;
use super::problem::Place;
use super::reader::Section;
use super::value;

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSpec {
    /// Where to listen.
    pub listen: Listen,
    /// Other machines may reach it.
    pub allow_public: bool,
}

/// The table, or what variables set of it; `None` where there is neither.
pub(super) fn read(top: &Section<'_, '_>) -> Option<HttpSpec> {
    let section = section(top)?;
    let allowed = section.read("allow_public", value::truth);
    let listen = section.read("listen", address::listen)?;
    let allowed = allowed?.value;
    if listen.value.is_public() && !allowed {
        section.reader.report(
            &listen.place,
            "`listen` is an address that others can reach; use 127.0.0.1, or set allow_public = \
             true",
        );
    }
    if let Listen::Unix(path) = &listen.value {
        section.reader.guard("the socket of [http]", path);
    }
    Some(HttpSpec {
        listen: listen.value,
        allow_public: allowed,
    })
}

fn section<'r, 'd>(top: &Section<'r, 'd>) -> Option<Section<'r, 'd>> {
    if top.has("http") {
        return top.child("http", Kind::Http);
    }
    let mut variables = top.reader.environment.names();
    let variable = variables.find(|name| name.starts_with("SYNCD_HTTP__"))?;
    let mut section = top.child_or_absent("http", Kind::Http);
    section.place = Place::Environment(variable.to_owned());
    top.note_json("http", None, section.place.clone());
    Some(section)
}
