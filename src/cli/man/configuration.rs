//! syncd.toml(5), from the table of keys.

use clap_mangen::roff::{Roff, bold, roman};

use crate::config::keys::{self, Absent, Key, Kind};
use crate::config::sample;

use super::page::{self, Page};

const DESCRIPTION: [&str; 3] = [
    "The configuration is one TOML file. `syncd config init` writes a small one to fill in, `syncd config \
     check` names everything that is wrong with a file, and `syncd config show` prints every value that \
     holds and where it comes from. Unknown keys are refused.",
    "Durations are a number and a unit: 500ms, 30s, 5m, 1h, 1d. Sizes are a number and a unit, 64 KiB or \
     8 MB, or a number of bytes. Paths are absolute. Patterns are those of gitignore(5).",
    "`state_dir` and the keys of [log], [http], [limits] and [network] may be set by environment variables: \
     `SYNCD_STATE_DIR`, and `SYNCD_SECTION__KEY` such as `SYNCD_LOG__LEVEL`. A flag wins over the \
     environment, the environment over the file, the file over the default.",
];

/// The page.
pub(super) fn page() -> Page {
    let mut roff = page::begin("syncd.toml", "the configuration of syncd(1)");
    roff.control("SH", ["DESCRIPTION"]);
    for text in DESCRIPTION {
        page::paragraph(&mut roff, text);
    }
    for kind in Kind::ALL {
        let title = match kind {
            Kind::Top => "OUTSIDE OF ANY TABLE",
            Kind::Secret => "A SECRET",
            _ => kind.title(),
        };
        roff.control("SH", [title]);
        for key in keys::all().filter(|key| key.kind == kind) {
            entry(&mut roff, key);
        }
    }
    roff.control("SH", ["EXAMPLE"]);
    page::verbatim(&mut roff, sample::minimal());
    roff.control("SH", ["SEE ALSO"]);
    page::paragraph(
        &mut roff,
        "`syncd`(1), `syncd-errors`(7), `systemd.exec`(5) for LoadCredential=",
    );
    // The example has backticks of its own, which roff would turn into opening quotes.
    let text = roff.render().replace('`', "\\(ga");
    Page::new("syncd.toml", 5, &text)
}

fn entry(roff: &mut Roff, key: &Key) {
    let mut head = vec![bold(key.name)];
    match key.absent {
        Absent::Required => head.push(roman(" (required)")),
        Absent::Value(value) => head.push(roman(format!(" = {value}"))),
        Absent::Unset("-") => {}
        Absent::Unset(words) => {
            head.push(roman(" (default: "));
            head.extend(page::inlines(words));
            head.push(roman(")"));
        }
    }
    page::entry(roff, head, &[key.meaning]);
}
