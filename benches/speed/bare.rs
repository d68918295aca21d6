//! The physical limit of uploads: a loop that makes the same two requests a file, header by header, from
//! memory, and nothing else: no file, no hash, no record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde::Deserialize;

use crate::{Outcome, tree};

#[derive(Deserialize)]
struct Link {
    signed_url: String,
    token: String,
}

/// Sends so many files of the small tree's size, so many at once.
pub(crate) fn upload(base_url: &str, files: usize, at_once: usize) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .tls_certs_only([])
        .user_agent(concat!("syncd/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let bytes = Bytes::from(tree::contents(0));
    let md5: Arc<str> = BASE64.encode(Md5::digest(&bytes)).into();
    let next = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let mut loops = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let (client, next) = (client.clone(), Arc::clone(&next));
            let (bytes, md5) = (bytes.clone(), Arc::clone(&md5));
            let base_url = base_url.to_owned();
            loops.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= files {
                        return Ok(());
                    }
                    one(&client, &base_url, number, (bytes.clone(), &md5)).await?;
                }
            });
        }
        while let Some(ended) = loops.join_next().await {
            let result: reqwest::Result<()> = ended?;
            result?;
        }
        Ok(())
    })
}

async fn one(
    client: &reqwest::Client,
    base_url: &str,
    number: usize,
    (bytes, md5): (Bytes, &str),
) -> reqwest::Result<()> {
    let asked = format!(
        r#"{{"env":"bench-1a2b3c","filename":"{}"}}"#,
        tree::name(number).display()
    );
    let answer = client
        .post(format!(
            "{base_url}/componenttcb/staticuploadfile?access_token=bench"
        ))
        .header("content-type", "application/json")
        .body(asked)
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;
    // A link that cannot be read leads nowhere, and the count of PUTs tells.
    let Ok(link) = serde_json::from_slice::<Link>(&answer) else {
        return Ok(());
    };
    client
        .put(&link.signed_url)
        .header("content-type", "text/plain; charset=utf-8")
        .header("content-md5", md5)
        .header("x-cos-security-token", &link.token)
        .body(bytes)
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;
    Ok(())
}
