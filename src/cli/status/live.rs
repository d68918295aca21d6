//! `syncd status --watch`: the status on the whole screen, looked at again and again.

#![expect(
    clippy::disallowed_methods,
    reason = "it looks at the daemon again and again, on behalf of a person"
)]

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use signal_hook::consts::{SIGHUP, SIGTERM};

use crate::config::Config;
use crate::report::Status;
use crate::report::paint::Paint;

use super::super::context::{Context, Failure};
use super::super::exit::Exit;

mod pace;
mod screen;

use pace::Pace;
use screen::View;

/// How often it asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon it notices a signal.
const NOTICE_WITHIN: Duration = Duration::from_millis(250);

/// Shows the status until the person has seen enough.
pub(super) fn run(context: &Context, config: &Config) -> Result<Exit, Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            "--watch needs a terminal; for scripts there are `status --json`, `--check` and `--wait`",
        ));
    }
    let ended = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&ended)).map_err(|error| failed(&error))?;
    // Without its terminal it ends at once, for nothing can be read any more; also where whoever started it
    // ignores hangups.
    let at_once = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_default(SIGHUP, at_once)
        .map_err(|error| failed(&error))?;
    // The first look is before the screen changes hands: what is wrong with it is said on a plain one.
    let first = super::look(context, config, || {})?;
    let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let watched = watch(&mut terminal, (context, config), first, &ended);
    ratatui::try_restore().map_err(|error| failed(&error))?;
    watched.map_err(|error| failed(&error))?;
    Ok(Exit::Done)
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("The terminal cannot be used: {error}"),
    )
}

fn watch(
    terminal: &mut DefaultTerminal,
    (context, config): (&Context, &Config),
    first: Status,
    ended: &AtomicBool,
) -> io::Result<()> {
    let begun = Instant::now();
    let mut pace = Pace::default();
    pace.look(&first, begun.elapsed());
    let mut view = View::new(first, context.paint == Paint::Colour);
    let mut looked = begun;
    while !ended.load(Ordering::Relaxed) {
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            match super::look(context, config, || {}) {
                Ok(status) => {
                    pace.look(&status, begun.elapsed());
                    view.show(status);
                }
                Err(failure) => view.lost(failure.message),
            }
        }
        terminal.draw(|frame| view.draw(frame, &pace))?;
        let next_look = LOOK_EVERY.saturating_sub(looked.elapsed());
        if event::poll(next_look.min(NOTICE_WITHIN))? {
            match event::read()? {
                Event::Key(key) if is_end(key) => return Ok(()),
                Event::Key(key) if key.kind != KeyEventKind::Release => view.scroll(key.code),
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_end(key: KeyEvent) -> bool {
    let is_interrupt =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}
