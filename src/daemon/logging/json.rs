//! A log line as a JSON object, with `type` and `at` like the lines of events.

use std::fmt::{self, Debug};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::adapter::system_clock::SystemClock;
use crate::port::clock::Clock as _;

/// `{"at":…,"type":"log","level":"warn","target":…,"message":…,"fields":{…}}`.
pub(super) struct JsonLog;

impl<S, N> FormatEvent<S, N> for JsonLog
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = json!({
            "at": SystemClock::new().now().to_string(),
            "type": "log",
            "level": event.metadata().level().as_str().to_ascii_lowercase(),
            "target": event.metadata().target(),
            "message": fields.message,
            "fields": fields.others,
        });
        writeln!(writer, "{line}")
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.keep(field, Value::String(text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_line_has_the_time_and_type_of_an_event() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .event_format(JsonLog)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(name = "www\n", code = %42, files = 3_u64, ok = true, "not \"uploaded\"");
        });
        let bytes = sink.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["type"], &line["level"]),
            (&json!("log"), &json!("warn"))
        );
        assert_eq!(line["message"], "not \"uploaded\"");
        let fields = json!({"name": "www\n", "code": "42", "files": 3, "ok": true});
        assert_eq!(line["fields"], fields);
        assert!(
            line["target"]
                .as_str()
                .unwrap()
                .starts_with("syncd::daemon")
        );
        let at: jiff::Timestamp = line["at"].as_str().unwrap().parse().unwrap();
        assert!(at.as_second() > 0);
    }
}
