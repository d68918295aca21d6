//! The command `syncd`.

fn main() {}
