//! A file that a message offers, and the forms in which it may have to be asked for (desk notes 3.5,
//! 4.2, D3).

use crate::model::fault::{Call, Fault, Layer};

/// What selects the local store; without it the server looks in the library.
const LOCAL: &str = "local/";

/// A file that a message offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The reference without any prefix.
    content: String,
    /// As the message says it.
    file_type: String,
    /// Where it is, most likely.
    in_library: bool,
    /// Whether the message itself said so.
    is_said: bool,
}

/// What a download asks for (desk notes 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadArgs {
    /// Reference, with its prefix.
    pub file_id: String,
    /// Type.
    pub file_type: String,
    /// Whether it is in the tenant's library.
    pub from_library: bool,
}

impl Offer {
    /// A file by its reference and type. `said` is where the message says that it is, `true` for the
    /// library; where it says nothing, numbers alone are taken for the library's.
    pub(super) fn new(content: &str, file_type: &str, said: Option<bool>) -> Self {
        let bare = content.strip_prefix(LOCAL).filter(|rest| !rest.is_empty());
        let is_number = content.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            content: bare.unwrap_or(content).to_owned(),
            file_type: file_type.to_owned(),
            in_library: bare.is_none() && said.unwrap_or(is_number),
            is_said: said.is_some() || bare.is_some(),
        }
    }

    /// The file's type, as the message says it: remote text.
    pub fn file_type(&self) -> &str {
        &self.file_type
    }

    /// The form to ask in first.
    pub fn first_form(&self) -> DownloadArgs {
        self.form(self.in_library, &self.file_type)
    }

    /// The form to ask in after `fault`, where one has not been tried for its cause.
    pub fn other_form(&self, fault: &Fault, tried: &[DownloadArgs]) -> Option<DownloadArgs> {
        let last = tried.last()?;
        match self.cause(fault)? {
            Cause::Place => {
                let untried = tried
                    .iter()
                    .all(|form| form.from_library == last.from_library);
                untried.then(|| self.form(!last.from_library, &last.file_type))
            }
            Cause::Type => {
                let untried = tried.iter().all(|form| form.file_type == last.file_type);
                let other = other_type(&last.file_type).filter(|_| untried)?;
                Some(self.form(last.from_library, other))
            }
        }
    }

    fn cause(&self, fault: &Fault) -> Option<Cause> {
        let words = fault.message.to_ascii_lowercase();
        match (fault.call, fault.layer, fault.code.as_str()) {
            (Call::Download, Layer::Result, "401") => Some(Cause::Place),
            (Call::Download, Layer::Result, "13") if words.contains("out of range") => {
                Some(Cause::Type)
            }
            (Call::Download, Layer::Result, "13") if !self.is_said => Some(Cause::Place),
            _ => None,
        }
    }

    fn form(&self, from_library: bool, file_type: &str) -> DownloadArgs {
        let prefix = if from_library { "" } else { LOCAL };
        DownloadArgs {
            file_id: format!("{prefix}{}", self.content),
            file_type: file_type.to_owned(),
            from_library,
        }
    }
}

enum Cause {
    /// It is in the other store.
    Place,
    /// The server spells the type in another way.
    Type,
}

/// The other spelling of a type (D3).
pub(super) fn other_type(file_type: &str) -> Option<&'static str> {
    match file_type.to_ascii_lowercase().as_str() {
        "bmp" => Some("bpm"),
        "bpm" => Some("bmp"),
        "jpeg" => Some("jpg"),
        _ => None,
    }
}
