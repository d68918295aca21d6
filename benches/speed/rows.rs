//! The rows: each measures one promise of speed.

use crate::Outcome;
use crate::lab::Lab;
use crate::table::Finding;

mod far;
mod first;
mod hashing;
mod idle;
mod latency;
mod memory;
mod no_change;

type Row = fn(&Lab) -> Outcome<Vec<Finding>>;

/// All of them by name.
pub(crate) const ALL: [(&str, Row); 7] = [
    ("no-change", no_change::measure),
    ("first", first::measure),
    ("far", far::measure),
    ("latency", latency::measure),
    ("memory", memory::measure),
    ("hashing", hashing::measure),
    ("idle", idle::measure),
];
