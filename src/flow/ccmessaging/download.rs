//! The answer of `downloadFileStream`, decoded while it arrives: a JSON object whose one huge text is
//! the file in Base64. Memory does not grow with the file (desk notes 4.2, 4.3).

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

use super::calls::ENVELOPE_BYTES_MAX;
use super::wire::{NO_PAYLOAD, NO_RESULT, no_result, not_json, result};
use crate::flow::transport_fault;
use crate::model::digest::{IdentityHasher, Sha256};
use crate::model::fault::{Call, Fault, Layer, plain_words};
use crate::port::transport::TransportFault;

/// The code of a file whose Base64 is spoilt.
pub const CORRUPT: &str = "corrupt";
/// The code of a file that is larger than the inbox takes.
pub const TOO_LARGE: &str = "too-large";

/// How deep the values that are skipped may nest.
const DEPTH_MAX: u32 = 32;
/// Base64 that is decoded at once, in characters: whole groups of four.
const PIECE: usize = 8 * 1024;

/// A file that arrived whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Its length.
    pub bytes: u64,
    /// Its identity.
    pub sha256: Sha256,
}

/// Decodes the body of an answer with status 200, handing the file to `sink` piece by piece. What the
/// sink was given counts only if the answer is `Ok`: the code of a failure may stand behind the file.
///
/// # Errors
/// The answer's own code; `not-json`, `no-result`, `no-payload` or `corrupt`; `too-large` for a file of
/// more than `max_bytes`; the transport's fault where reading failed with a [`TransportFault`] inside;
/// `io` of [`Call::Deliver`] where the sink failed.
pub fn decode(
    reply: impl Read,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    max_bytes: u64,
) -> Result<Decoded, Fault> {
    let meter = Meter::default();
    let source = Metered {
        inner: reply,
        meter: meter.clone(),
    };
    let settings = ReaderSettings {
        max_nesting_depth: Some(DEPTH_MAX),
        track_path: false,
        ..ReaderSettings::default()
    };
    let mut json = JsonStreamReader::new_custom(source, settings);
    let mut envelope = Envelope::default();
    let read = envelope.read(&mut json, &meter, &mut File::new(sink, max_bytes));
    let ended = read.and_then(|()| json.consume_trailing_whitespace().map_err(Broken::from));
    match ended {
        Ok(()) => envelope.outcome(),
        Err(Broken::Fault(fault)) => Err(fault),
        Err(Broken::Source) => Err(meter.fault()),
    }
}

/// Why decoding ended early.
enum Broken {
    Fault(Fault),
    /// What was read is no JSON, or could not be read at all: the meter knows.
    Source,
}

impl From<ReaderError> for Broken {
    fn from(_: ReaderError) -> Self {
        Self::Source
    }
}

/// Everything of the answer but the file.
#[derive(Default)]
struct Envelope {
    result_code: Option<String>,
    return_code: Option<String>,
    words: Option<String>,
    file: Option<Decoded>,
    /// The known names that were met, by their bits.
    met: u8,
}

impl Envelope {
    fn read(
        &mut self,
        json: &mut JsonStreamReader<Metered<impl Read>>,
        meter: &Meter,
        file: &mut File<'_>,
    ) -> Result<(), Broken> {
        json.begin_object()?;
        while json.has_next()? {
            match json.next_name()? {
                "resultCode" => {
                    self.meet(1)?;
                    self.result_code = scalar(json)?;
                }
                "returnCode" => {
                    self.meet(2)?;
                    self.return_code = scalar(json)?;
                }
                "resultDesc" => {
                    self.meet(4)?;
                    self.words = scalar(json)?;
                }
                "fileStream" => {
                    self.meet(8)?;
                    self.file = stream(json, meter, file)?;
                }
                // `fileUrl` is a credential: not even looked at.
                _ => json.skip_value()?,
            }
        }
        json.end_object()?;
        Ok(())
    }

    fn meet(&mut self, name: u8) -> Result<(), Broken> {
        if self.met & name != 0 {
            let message = "the answer has a field twice";
            return Err(Broken::Fault(result(Call::Download, NO_RESULT, message)));
        }
        self.met |= name;
        Ok(())
    }

    fn outcome(self) -> Result<Decoded, Fault> {
        let code = self.result_code.or(self.return_code);
        let words = plain_words(&self.words.unwrap_or_default());
        let code = code.as_deref().map(str::trim);
        match (code, self.file) {
            (None | Some("0"), Some(file)) if file.bytes > 0 => Ok(file),
            (Some("0"), _) | (None, Some(_)) => {
                let message = "the answer reports success but has no file in it";
                Err(result(Call::Download, NO_PAYLOAD, message))
            }
            (None, None) => Err(no_result(Call::Download)),
            (Some(""), _) => Err(result(Call::Download, NO_RESULT, &words)),
            (Some(code), _) => Err(result(Call::Download, code, &words).with_status(200)),
        }
    }
}

/// A text or a number as text; `None` for `null`. Whatever else stands there is an unknown failure.
fn scalar(json: &mut JsonStreamReader<Metered<impl Read>>) -> Result<Option<String>, ReaderError> {
    match json.peek()? {
        ValueType::String => json.next_string().map(Some),
        ValueType::Number => json.next_number_as_string().map(Some),
        ValueType::Null => json.next_null().map(|()| None),
        ValueType::Boolean | ValueType::Array | ValueType::Object => {
            json.skip_value().map(|()| Some(NO_RESULT.to_owned()))
        }
    }
}

/// The file itself; `None` for `null`.
fn stream(
    json: &mut JsonStreamReader<Metered<impl Read>>,
    meter: &Meter,
    file: &mut File<'_>,
) -> Result<Option<Decoded>, Broken> {
    match json.peek()? {
        ValueType::Null => {
            json.next_null()?;
            return Ok(None);
        }
        ValueType::String => {}
        _ => return Err(Broken::Fault(corrupt("the file is not a text"))),
    }
    let left = meter.left.replace(u64::MAX);
    let mut text = json.next_string_reader()?;
    let mut piece = [0; PIECE];
    loop {
        match text.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                let read = piece.get(..count).unwrap_or_default();
                file.add(read).map_err(Broken::Fault)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Broken::Source),
        }
    }
    drop(text);
    meter.left.set(left);
    file.finish().map(Some).map_err(Broken::Fault)
}

fn corrupt(message: &str) -> Fault {
    result(Call::Download, CORRUPT, message)
}

/// Base64 in, bytes out.
struct File<'a> {
    sink: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
    max_bytes: u64,
    /// Characters that are not decoded yet: fewer than a group of four between two pieces.
    waiting: Vec<u8>,
    bytes_out: Vec<u8>,
    characters: u64,
    padding: u64,
    bytes: u64,
    hasher: IdentityHasher,
}

impl<'a> File<'a> {
    fn new(sink: &'a mut dyn FnMut(&[u8]) -> io::Result<()>, max_bytes: u64) -> Self {
        Self {
            sink,
            max_bytes,
            waiting: Vec::with_capacity(PIECE + 4),
            bytes_out: Vec::with_capacity(PIECE),
            characters: 0,
            padding: 0,
            bytes: 0,
            hasher: IdentityHasher::default(),
        }
    }

    fn add(&mut self, text: &[u8]) -> Result<(), Fault> {
        for &character in text {
            match character {
                b'\r' | b'\n' => {}
                b'=' => self.padding += 1,
                _ if self.padding > 0 => return Err(corrupt("the file goes on behind its end")),
                _ => self.waiting.push(character),
            }
        }
        let whole = self.waiting.len() / 4 * 4;
        self.decode(whole)
    }

    /// Decodes the first `count` characters that wait.
    fn decode(&mut self, count: usize) -> Result<(), Fault> {
        let ready = self.waiting.get(..count).unwrap_or_default();
        self.bytes_out.clear();
        STANDARD_NO_PAD
            .decode_vec(ready, &mut self.bytes_out)
            .map_err(|_| corrupt("the file is not Base64"))?;
        self.waiting.drain(..count);
        self.characters += count as u64;
        self.bytes += self.bytes_out.len() as u64;
        if self.bytes > self.max_bytes {
            let message = format!("the file has more than {} bytes", self.max_bytes);
            return Err(Fault::new(
                Call::Download,
                Layer::Local,
                TOO_LARGE,
                &message,
            ));
        }
        self.hasher.update(&self.bytes_out);
        if self.bytes_out.is_empty() {
            return Ok(());
        }
        (self.sink)(&self.bytes_out)
            .map_err(|error| Fault::new(Call::Deliver, Layer::Local, "io", &error.to_string()))
    }

    /// The end of the text: padding may be missing, but not be wrong.
    fn finish(&mut self) -> Result<Decoded, Fault> {
        self.decode(self.waiting.len())?;
        let total = self.characters + self.padding;
        if self.padding > 2 || (self.padding > 0 && !total.is_multiple_of(4)) {
            return Err(corrupt("the file's padding is wrong"));
        }
        Ok(Decoded {
            bytes: self.bytes,
            sha256: std::mem::take(&mut self.hasher).finish(),
        })
    }
}

/// What may still be read besides the file, and why reading failed.
#[derive(Clone)]
struct Meter {
    left: Rc<Cell<u64>>,
    failed: Rc<RefCell<Option<io::Error>>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            left: Rc::new(Cell::new(ENVELOPE_BYTES_MAX)),
            failed: Rc::default(),
        }
    }
}

impl Meter {
    fn fault(&self) -> Fault {
        let failed = self.failed.take();
        let Some(error) = failed else {
            return not_json(Call::Download);
        };
        let inner = error.get_ref();
        if let Some(failed) = inner.and_then(|inner| inner.downcast_ref::<TransportFault>()) {
            return transport_fault(Call::Download, failed);
        }
        let message = "the answer ended before it was complete";
        Fault::new(Call::Download, Layer::Transport, "cut", message)
    }
}

/// A source that ends with an error once too much was read of it besides the file: neither a name nor
/// a text of the envelope may fill the memory.
struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.left.get();
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match self.inner.read(buffer) {
            Ok(count) => {
                self.meter.left.set(left.saturating_sub(count as u64));
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.meter.failed.replace(Some(error));
                Err(kind.into())
            }
        }
    }
}
