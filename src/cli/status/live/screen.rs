//! What stands on the screen: a pure function of a status, a pace and a size.

use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::report::paint::Tone;
use crate::report::text;
use crate::report::words::counted;
use crate::report::{Folder, Inbox, Problem, Status};

use super::Pace;

const KEYS: &str = " q ends   ↑ ↓ PgUp PgDn scroll";
/// So wide is the bar of a folder, at most.
const BAR_MAX: usize = 40;

/// The last status, and what the person looks at of it.
#[derive(Debug)]
pub(super) struct View {
    status: Status,
    /// Why there is no newer one.
    trouble: Option<String>,
    is_coloured: bool,
    top: u16,
    page: u16,
}

impl View {
    pub(super) fn new(status: Status, is_coloured: bool) -> Self {
        Self {
            status,
            trouble: None,
            is_coloured,
            top: 0,
            page: 1,
        }
    }

    /// Takes a newer status.
    pub(super) fn show(&mut self, status: Status) {
        self.status = status;
        self.trouble = None;
    }

    /// Keeps the last status, and says why.
    pub(super) fn lost(&mut self, why: String) {
        self.trouble = Some(why);
    }

    /// Moves what is seen, where the key says so.
    pub(super) fn scroll(&mut self, key: KeyCode) {
        self.top = match key {
            KeyCode::Down | KeyCode::Char('j') => self.top.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.top.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top.saturating_add(self.page),
            KeyCode::PageUp => self.top.saturating_sub(self.page),
            KeyCode::Home => 0,
            KeyCode::End => u16::MAX,
            _ => self.top,
        };
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>, pace: &Pace) {
        let rows = [
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
        ];
        let [head, _, body, foot] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(self.head(), head);
        let lines = self.lines(pace, body.width);
        let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        self.page = body.height.max(1);
        self.top = self.top.min(count.saturating_sub(body.height));
        let below = count.saturating_sub(self.top.saturating_add(body.height));
        frame.render_widget(Paragraph::new(lines).scroll((self.top, 0)), body);
        frame.render_widget(self.foot(below, foot), foot);
    }

    fn head(&self) -> Line<'static> {
        let status = &self.status;
        let daemon = text::daemon(status);
        let line = vec![
            self.span(Tone::Strong, "syncd"),
            Span::raw(format!(" {}  {daemon}  ", status.daemon.version)),
            self.span(text::tone(status.state), status.state.as_str()),
        ];
        Line::from(line)
    }

    fn foot(&self, below: u16, area: Rect) -> Line<'static> {
        if let Some(trouble) = &self.trouble {
            let width = usize::from(area.width.saturating_sub(1));
            let text: String = format!(" {trouble}").chars().take(width).collect();
            return Line::from(self.span(Tone::Wrong, &text));
        }
        let more = match below {
            0 => String::new(),
            _ => format!("   {} below", counted(u64::from(below), "line")),
        };
        Line::from(format!("{KEYS}{more}")).style(dim())
    }

    fn lines(&self, pace: &Pace, width: u16) -> Vec<Line<'static>> {
        let width = usize::from(width);
        let mut lines = Vec::new();
        for folder in &self.status.folders {
            self.folder(folder, pace, width, &mut lines);
            lines.push(Line::default());
        }
        for inbox in &self.status.inboxes {
            self.inbox(inbox, width, &mut lines);
            lines.push(Line::default());
        }
        if lines.is_empty() {
            lines.push(Line::from(text::NOTHING_CONFIGURED));
        }
        lines
    }

    fn folder(&self, folder: &Folder, pace: &Pace, width: usize, lines: &mut Vec<Line<'static>>) {
        let state = (text::tone(folder.state), folder.state.as_str());
        lines.push(self.title(&folder.name, state, &folder.path));
        said(
            "why",
            folder.reason.as_deref().unwrap_or_default(),
            width,
            lines,
        );
        let files = folder.files;
        let (filled, empty) = bar(files.synced, files.total, width);
        lines.push(Line::from(vec![
            Span::raw("  in sync   "),
            self.span(text::tone(folder.state), &filled),
            Span::styled(empty, dim()),
            Span::raw(format!(" {}", text::in_sync(folder))),
        ]));
        said("to do", &text::open(folder), width, lines);
        if let Some(release) = text::release(folder) {
            let speed = pace.files_per_second(&folder.name);
            let speed = speed.map(|rate| format!(", {} a second", counted(rate, "file")));
            let release = format!("{release}{}", speed.unwrap_or_default());
            said("release", &release, width, lines);
        }
        said("aside", &text::aside(folder), width, lines);
        let uploaded = text::uploaded(folder, &self.status.daemon.as_of);
        said("uploaded", &uploaded, width, lines);
        self.problems(&folder.problems, width, lines);
    }

    fn inbox(&self, inbox: &Inbox, width: usize, lines: &mut Vec<Line<'static>>) {
        let state = (text::tone(inbox.state), inbox.state.as_str());
        lines.push(self.title(&inbox.name, state, &inbox.path));
        let now = &self.status.daemon.as_of;
        said(
            "why",
            inbox.reason.as_deref().unwrap_or_default(),
            width,
            lines,
        );
        said("received", &text::received(inbox, now), width, lines);
        said("to do", &text::undelivered(inbox), width, lines);
        said("asked", &text::asked(inbox, now), width, lines);
        self.problems(&inbox.problems, width, lines);
    }

    fn title(&self, name: &str, (tone, state): (Tone, &str), path: &str) -> Line<'static> {
        Line::from(vec![
            self.span(Tone::Strong, name),
            Span::raw("  "),
            self.span(tone, state),
            Span::styled(format!("  {path}"), dim()),
        ])
    }

    fn problems(&self, problems: &[Problem], width: usize, lines: &mut Vec<Line<'static>>) {
        for problem in problems {
            let head = text::problem_head(problem, &self.status.daemon.as_of);
            lines.push(Line::from(vec![
                Span::raw("  "),
                self.span(text::problem_tone(problem), &problem.state),
                Span::raw(format!("  {head}")),
            ]));
            let meaning = format!("{}: {}", problem.code, problem.meaning);
            for sentence in [&meaning, &problem.advice] {
                folded(sentence, ("      ", "      "), width, lines);
            }
        }
    }

    fn span(&self, tone: Tone, word: &str) -> Span<'static> {
        let style = Style::default();
        let style = match tone {
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            _ if !self.is_coloured => style,
            Tone::Good => style.fg(Color::Green),
            Tone::Busy => style.fg(Color::Cyan),
            Tone::Caution => style.fg(Color::Yellow),
            Tone::Wrong => style.fg(Color::Red),
        };
        Span::styled(word.to_owned(), style)
    }
}

fn dim() -> Style {
    Style::default().add_modifier(Modifier::DIM)
}

/// A word and what is said about it, where there is something to say.
fn said(word: &str, said: &str, width: usize, lines: &mut Vec<Line<'static>>) {
    let indents = (format!("  {word:<9} "), " ".repeat(12));
    folded(said, (&indents.0, &indents.1), width, lines);
}

/// A text in as many lines as it needs; none if it is empty.
fn folded(text: &str, indents: (&str, &str), width: usize, lines: &mut Vec<Line<'static>>) {
    if text.is_empty() {
        return;
    }
    let options = textwrap::Options::new(width)
        .initial_indent(indents.0)
        .subsequent_indent(indents.1);
    let folded = textwrap::wrap(text, options);
    lines.extend(folded.into_iter().map(|line| Line::from(line.into_owned())));
}

/// The filled and the empty part of a bar; full only where all is done.
fn bar(done: u64, all: u64, width: usize) -> (String, String) {
    let cells = BAR_MAX.min(width / 3) as u64;
    let filled = (done * cells).checked_div(all).unwrap_or(cells).min(cells);
    let of = |cell: &str, count: u64| cell.repeat(usize::try_from(count).unwrap_or(0));
    (of("█", filled), of("░", cells - filled))
}

#[cfg(test)]
pub(super) mod tests;
