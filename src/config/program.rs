//! A program and its arguments, which no shell sees.

use super::problem::shown;
use super::reader::Section;
use super::value::{Value, Wrong};

/// The list at a key: an absolute path and what is handed to it.
pub(super) fn read(section: &Section<'_, '_>, name: &'static str) -> Option<Vec<String>> {
    let words = section.list(name, argument)?;
    let Some(program) = words.first() else {
        let message = format!("`{name}` is empty; write the program's path");
        section.report(name, message);
        return None;
    };
    if !program.value.starts_with('/') {
        let message = format!(
            "`{name}` must begin with an absolute path, not {}; no shell looks it up",
            shown(&program.value)
        );
        section.reader.report(&program.place, message);
        return None;
    }
    Some(words.into_iter().map(|word| word.value).collect())
}

fn argument(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.contains('\0') {
        return Err("has a NUL character; take it out".to_owned());
    }
    Ok(text.to_owned())
}
