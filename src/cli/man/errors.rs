//! syncd-errors(7), from the table that syncd itself looks faults up in.

use clap_mangen::roff::roman;

use crate::decide::remedy::page::{LAYERS, codes, title, when};
use crate::decide::remedy::rules;

use super::page::{self, Page};

const DESCRIPTION: &str = "Every code that the clouds and this machine may answer, what it means, what syncd \
     does about it, and what you do. `syncd explain` CODE shows one. Of the entries that fit, the most \
     special one holds. Trouble of a file counts as one of its attempts (`limits.attempts`); trouble of \
     the account, which includes the network and the cloud, never does.";

/// The page.
pub(super) fn page() -> Page {
    let mut roff = page::begin("syncd-errors", "codes, and what syncd(1) does about them");
    roff.control("SH", ["DESCRIPTION"]);
    page::paragraph(&mut roff, DESCRIPTION);
    for layer in LAYERS {
        let title = title(layer).replace('`', "");
        roff.control("SH", [title.to_uppercase().as_str()]);
        for rule in rules().filter(|rule| rule.layer == layer) {
            let mut head = page::inlines(&codes(rule));
            let when = when(rule);
            if !when.is_empty() {
                head.push(roman(format!(" ({when})")));
            }
            let texts = [
                rule.meaning,
                &format!("syncd: {}", rule.syncd_does()),
                &format!("You: {}", rule.advice),
                &format!("Whose trouble: the {}'s.", rule.blames.as_str()),
            ];
            page::entry(&mut roff, head, &texts);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    page::paragraph(&mut roff, "`syncd`(1), `syncd.toml`(5)");
    Page::new("syncd-errors", 7, &roff.render())
}
