//! The real world behind the ports: everything that touches the network, the clock or chance.

mod beneath;
mod child;
pub mod http;
pub mod inbox_disk;
pub mod inotify;
pub mod os_dice;
pub mod os_disk;
pub mod programs;
pub mod system_clock;
pub mod token_source;
