//! Faults in words, from the table of remedies, and the few turns of phrase all reports share.

use crate::decide::remedy::{self, Remedy};
use crate::model::fault::Fault;

/// What a fault means.
pub fn meaning_of(fault: &Fault) -> String {
    remedy::classify(fault).meaning.to_owned()
}

/// What a person does about it.
pub fn advice_of(fault: &Fault) -> String {
    remedy::advice_for(remedy::classify(fault), fault)
}

/// Whether it means that the cloud refused credentials or permission.
pub fn is_refusal(fault: &Fault) -> bool {
    let rule = remedy::classify(fault);
    matches!(rule.remedy, Remedy::PauseAccount) || matches!(rule.then, Remedy::PauseAccount)
}

/// `1 file`, `2 files`.
pub fn counted(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// `1.5 MiB`.
pub fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// `45s`, `12m`, `3h 20m`, `2d 4h`.
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m"),
        3_600..86_400 if minutes % 60 == 0 => format!("{hours}h"),
        3_600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ if hours % 24 == 0 => format!("{days}d"),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A moment of a report against another: `5m ago`, `in 12s`, or the text itself where it is no time.
pub fn relative(at: &str, now: &str) -> String {
    let second = |text: &str| {
        text.parse::<jiff::Timestamp>()
            .map(jiff::Timestamp::as_second)
    };
    let (Ok(at_second), Ok(now_second)) = (second(at), second(now)) else {
        return at.to_owned();
    };
    match at_second - now_second {
        0 => "now".to_owned(),
        ahead if ahead > 0 => format!("in {}", span(ahead.unsigned_abs())),
        behind => format!("{} ago", span(behind.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, words) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_600, "1h"),
            (12_000, "3h 20m"),
            (86_400, "1d"),
            (187_200, "2d 4h"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = "2026-11-21T09:00:00Z";
        assert_eq!(relative("2026-11-21T08:55:00Z", now), "5m ago");
        assert_eq!(relative("2026-11-21T09:00:12Z", now), "in 12s");
        assert_eq!(relative("never", now), "never");
    }
}
