//! What is wrong with this machine, one line each with the way to mend it. None of it stops the start.

use std::path::Path;

use crate::config::{Config, Environment};

/// Where distributions keep their CA certificates.
const ROOTS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

/// All notices for a configuration.
pub fn notices(config: &Config, environment: &Environment) -> Vec<String> {
    let mut notices = Vec::new();
    if rustix::process::geteuid().is_root() {
        notices.push(
            "syncd runs as root and does not need to; give it a user of its own that may read the folders"
                .to_owned(),
        );
    }
    let https = config
        .accounts
        .iter()
        .any(|account| account.base_url.starts_with("https://"));
    if https && config.network.ca_file.is_none() && !has_roots(environment) {
        notices.push(
            "no CA certificates are installed, so no https address can be trusted; install the package \
             ca-certificates, or name a file with [network] ca_file"
                .to_owned(),
        );
    }
    for folder in &config.folders {
        if !folder.path.is_dir() {
            notices.push(format!(
                "folder {}: \"{}\" is not there; it stays blocked until it is",
                folder.name,
                crate::model::path::escaped(folder.path.as_os_str().as_encoded_bytes())
            ));
        }
    }
    notices
}

/// Whether CA certificates are where they are looked for: where the environment says, else where
/// distributions keep them.
pub fn has_roots(environment: &Environment) -> bool {
    let named: Vec<&str> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .filter_map(|name| environment.get(name))
        .collect();
    let places = if named.is_empty() { &ROOTS[..] } else { &named };
    places.iter().any(|path| Path::new(path).exists())
}
