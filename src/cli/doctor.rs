//! `syncd doctor`.

use std::sync::Arc;
use std::time::Duration;

use crate::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use crate::adapter::system_clock::SystemClock;
use crate::adapter::token_source::OsTokens;
use crate::config::Config;
use crate::daemon::client;
use crate::daemon::location::Location;
use crate::daemon::protocol::{Reply, Request};
use crate::doctor::{self, Case, DEADLINE, Examination, Verdict};
use crate::report::facts::LiveFacts;

use super::args;
use super::context::{Context, Failure};
use super::exit::Exit;
use super::terminal;

/// Threads for checks that wait for a disk or a name server; one that hangs holds up no other.
const THREADS_MAX: usize = 64;

/// Runs the command.
pub fn run(context: &Context, asked: &args::Doctor) -> Result<Exit, Failure> {
    let examination = examine(context)?;
    if asked.json {
        terminal::json(&examination);
    } else {
        terminal::data(&examination.text());
    }
    Ok(exit(examination.verdict))
}

/// All checks.
pub(super) fn examine(context: &Context) -> Result<Examination, Failure> {
    let mut findings = doctor::program();
    let loaded = doctor::load(&context.environment, context.global.config.as_deref());
    findings.extend(loaded.findings);
    if let Some(config) = loaded.config {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(THREADS_MAX)
            .build()
            .map_err(|error| {
                let message = format!("Could not start the runtime: {error}");
                Failure::new(Exit::Unexpected, message)
            })?;
        findings.extend(runtime.block_on(doctor::examine(Arc::new(case(context, config)))));
        // A check that hangs in the kernel is not waited for.
        runtime.shutdown_background();
    }
    Ok(Examination::of(findings))
}

fn case(context: &Context, config: Config) -> Case {
    let limits = HttpLimits {
        connect: DEADLINE.saturating_sub(Duration::from_secs(2)),
        ..HttpLimits::default()
    };
    let transport = HttpTransport::new(HttpSettings {
        proxy: config.network.proxy.clone(),
        ca_file: config.network.ca_file.clone(),
        limits,
    });
    let (daemon, live) = match client::ask(&config.state_dir, &Request::Live) {
        Ok(Reply::Live { live }) => {
            let daemon = Location::read(&config.state_dir).unwrap_or_default();
            (daemon, live)
        }
        _ => (None, LiveFacts::default()),
    };
    Case {
        environment: context.environment.clone(),
        daemon,
        live,
        transport: Arc::new(transport),
        local_tokens: Arc::new(OsTokens::with_command_deadline(DEADLINE)),
        clock: Arc::new(SystemClock::new()),
        config,
    }
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Ok | Verdict::Note | Verdict::Skipped => Exit::Done,
        Verdict::Failing => Exit::Temporary,
        Verdict::Wrong => Exit::NotInSync,
        Verdict::Refused => Exit::Refused,
        Verdict::Invalid => Exit::Configuration,
    }
}
