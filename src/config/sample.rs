//! `syncd config init`: a small configuration to fill in, and the full one as a reference.

/// A minimal configuration. It works once every `FILL-IN` is replaced; until then it is refused.
pub fn minimal() -> &'static str {
    include_str!("../../config/minimal.toml")
}

/// What the package of the service installs: the minimal one, with the state directory of the service.
pub fn service() -> &'static str {
    include_str!("../../config/service.toml")
}

/// Every key, with its default or an example.
pub fn full() -> &'static str {
    include_str!("../../config/syncd.toml")
}
