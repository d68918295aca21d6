//! How received files are named: a path with fields in braces.

use super::path::RelPath;

/// The fields a template may have.
pub const FIELDS: [(&str, Field); 4] = [
    ("date", Field::Date),
    ("time", Field::Time),
    ("message", Field::Message),
    ("ext", Field::Ext),
];

/// The longest template, in bytes.
const TEMPLATE_BYTES_MAX: usize = 500;

/// A field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Day of the message, UTC: `2026-11-21`.
    Date,
    /// Time of the message, UTC: `090000`.
    Time,
    /// The message's code.
    Message,
    /// The file's type.
    Ext,
}

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As written.
    Text(String),
    /// To be filled in.
    Field(Field),
}

/// A checked template: one list of parts for each component of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    components: Vec<Vec<Part>>,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A field that there is not.
    #[error("has the unknown field `{{{0}}}`")]
    UnknownField(String),
    /// A brace without its partner.
    #[error("has a brace without its partner; write fields as `{{date}}`")]
    Brace,
    /// It leads somewhere else, or nowhere.
    #[error("must be a path below the inbox without empty, `.` or `..` parts")]
    NotBelow,
    /// A component of syncd's own.
    #[error("has a part that begins with `.syncd`, which is kept for syncd")]
    Reserved,
    /// Too long.
    #[error("has more than 500 bytes")]
    TooLong,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLong);
        }
        RelPath::from_bytes(text.as_bytes()).map_err(|_| TemplateError::NotBelow)?;
        let components: Result<_, _> = text.split('/').map(component).collect();
        Ok(Self {
            components: components?,
        })
    }

    /// The parts of each component.
    pub fn components(&self) -> &[Vec<Part>] {
        &self.components
    }
}

fn component(text: &str) -> Result<Vec<Part>, TemplateError> {
    if text.starts_with(".syncd") {
        return Err(TemplateError::Reserved);
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
        push_text(&mut parts, before)?;
        let known = FIELDS.iter().find(|(have, _)| *have == name);
        let (_, field) = known.ok_or_else(|| TemplateError::UnknownField(name.to_owned()))?;
        parts.push(Part::Field(*field));
        rest = behind;
    }
    push_text(&mut parts, rest)?;
    Ok(parts)
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::Brace);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_text_and_fields_below_the_inbox() {
        let template = Template::parse("{date}/x-{time}_{message}.{ext}").unwrap();
        assert_eq!(template.components().len(), 2);
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(
            template.components()[1],
            [
                text("x-"),
                Part::Field(Field::Time),
                text("_"),
                Part::Field(Field::Message),
                text("."),
                Part::Field(Field::Ext),
            ]
        );
    }

    #[test]
    fn what_is_no_template_is_refused_with_the_reason() {
        let unknown = |name: &str| TemplateError::UnknownField(name.to_owned());
        for (text, error) in [
            ("", TemplateError::NotBelow),
            ("/a", TemplateError::NotBelow),
            ("a/", TemplateError::NotBelow),
            ("a/../b", TemplateError::NotBelow),
            ("{date}//b", TemplateError::NotBelow),
            (".syncd-tmp/{ext}", TemplateError::Reserved),
            ("{day}", unknown("day")),
            ("{Date}", unknown("Date")),
            ("{}", unknown("")),
            ("{{date}}", unknown("{date")),
            ("{date", TemplateError::Brace),
            ("date}", TemplateError::Brace),
            ("{date/x}", TemplateError::Brace),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
        assert_eq!(
            Template::parse(&"a".repeat(501)),
            Err(TemplateError::TooLong)
        );
    }
}
