//! `syncd inbox`.

use crate::report::received::List;
use crate::store::MessageFilter;

use super::args;
use super::context::{Context, Failure, inbox, reader};
use super::exit::Exit;
use super::terminal;

/// Runs `inbox list`.
pub fn list(context: &Context, asked: &args::InboxList) -> Result<Exit, Failure> {
    let config = context.config()?;
    if let Some(name) = &asked.name {
        inbox(&config, name)?;
    }
    if config.inboxes.is_empty() {
        terminal::note("No [[inbox]] is configured.");
    }
    let mut rows = Vec::new();
    if let Some(reader) = reader(&config.state_dir)? {
        let filter = MessageFilter {
            inbox: asked.name.clone(),
            ..MessageFilter::default()
        };
        rows = reader.messages(&filter, asked.limit.saturating_add(1))?;
    } else {
        terminal::note("There is no database yet: nothing was ever received.");
    }
    let list = List::of(&rows, asked.limit);
    if asked.json {
        terminal::json(&list);
    } else {
        terminal::data(&list.text(&context.now().to_string(), context.paint));
    }
    Ok(Exit::Done)
}
