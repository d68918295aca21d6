//! `syncd explain`.

use std::fmt::Write as _;

use serde_json::json;

use crate::decide::remedy::{Explanation, explain};
use crate::model::path::escaped;
use crate::report::SCHEMA;

use super::args;
use super::context::Failure;
use super::exit::Exit;
use super::terminal;

/// Runs the command.
pub fn run(asked: &args::Explain) -> Result<Exit, Failure> {
    let Some(meanings) = explain(&asked.code) else {
        let message = format!(
            "\"{}\" is no code that syncd knows; codes stand in `syncd status`, `syncd why` and the log",
            escaped(asked.code.as_bytes())
        );
        return Err(Failure::new(Exit::NotFound, message));
    };
    if asked.json {
        terminal::json(&json!({ "schema": SCHEMA, "code": asked.code, "meanings": meanings }));
    } else {
        terminal::data(&text(&meanings));
    }
    Ok(Exit::Done)
}

fn text(meanings: &[Explanation]) -> String {
    let mut out = String::new();
    for (index, meaning) in meanings.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let calls: Vec<&str> = meaning.calls.iter().map(|call| call.as_str()).collect();
        let calls = match calls.as_slice() {
            [] => String::new(),
            calls => format!(", during {}", calls.join(", ")),
        };
        let words = meaning
            .message
            .map(|words| format!(", with the words \"{words}\""));
        let _ = writeln!(
            out,
            "{} ({}{calls}{})",
            meaning.code,
            meaning.layer.as_str(),
            words.unwrap_or_default()
        );
        if !meaning.known {
            out.push_str("  this very code is in no document; it is treated like its kind\n");
        }
        let _ = writeln!(out, "  means       {}", meaning.meaning);
        let _ = writeln!(out, "  syncd does  {}", meaning.syncd_does);
        let _ = writeln!(out, "  you do      {}", meaning.advice);
    }
    out
}
