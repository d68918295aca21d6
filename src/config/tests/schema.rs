//! The schema takes what the parser takes, and refuses what can be seen to be wrong.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value as Json;

use super::House;
use super::manual::{uncommented, written};
use crate::config::keys::{self, Key, Kind};
use crate::config::sample;
use crate::config::schema::{form, schema};

/// A validator of the draft that the schema names; it also checks the schema itself.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("mem:///syncd", schema()).unwrap();
        let index = compiler.compile("mem:///syncd", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn complaint(&self, text: &str) -> Option<String> {
        let file: Json = toml::from_str(text).unwrap();
        let verdict = self.schemas.validate(&file, self.index);
        verdict.err().map(|error| error.to_string())
    }
}

#[test]
fn the_samples_fit() {
    let judge = Judge::new();
    let every_setting = uncommented(sample::full());
    for text in [
        sample::full(),
        &every_setting,
        super::GOOD,
        &sample::minimal().replace("/FILL-IN", "/srv"),
        &sample::service().replace("/FILL-IN", "/srv"),
    ] {
        assert_eq!(judge.complaint(text), None, "{text}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let judge = Judge::new();
    let add = |line: &str| format!("{}\n{line}", super::GOOD);
    for (text, words) in [
        (add("setle = \"1s\""), "setle"),
        (add("settle = 500"), "/folder/0/settle"),
        (add("settle = \"soon\""), "/folder/0/settle"),
        (add("watch = \"always\""), "/folder/0/watch"),
        (add("delete_limit = \"101%\""), "/folder/0/delete_limit"),
        (add("keep_releases = 1001"), "/folder/0/keep_releases"),
        (add("[[folder]]\nname = \"b\""), "/folder/1"),
        (
            super::GOOD.replace("\"www\"", "\"W W W\""),
            "/folder/0/name",
        ),
        (super::GOOD.replace("env = \"shop-1\"", ""), "env"),
        (super::GOOD.replace("/nowhere", "nowhere"), "/folder/0/path"),
        (
            super::GOOD.replace("{ app =", "{ file = \"/x\", app ="),
            "token",
        ),
        (
            super::GOOD.replace("env = \"SHOP", "file = \"/x\", env = \"SHOP"),
            "secret",
        ),
        (super::GOOD.replace("\"wechat\"", "\"wecaht\""), "provider"),
        (add("[log]\nlevel = \"loud\""), "/log/level"),
        (add("[limits]\nattempts = 0"), "/limits/attempts"),
        (add("[http]\nallow_public = true"), "listen"),
    ] {
        let complaint = judge.complaint(&text).unwrap_or_default();
        assert!(complaint.contains(words), "{text}\n{words}: {complaint}");
    }
}

#[test]
fn every_key_has_a_form_that_its_default_fits() {
    let (judge, schema) = (Judge::new(), schema());
    for key in keys::all() {
        let property = property(&schema, key);
        let says = ["type", "enum", "anyOf", "$ref"]
            .iter()
            .any(|word| property.get(word).is_some());
        let is_variable_name = (key.kind, key.name) == (Kind::Secret, "env");
        assert!(
            says || is_variable_name,
            "{} of {} has no form; add one in src/config/schema/form.rs",
            key.name,
            key.kind.title()
        );
        if let Some(default) = property.get("default") {
            let mut compiler = Compiler::new();
            let mut alone = property.clone();
            alone["$defs"] = schema["$defs"].clone();
            compiler.add_resource("mem:///key", alone).unwrap();
            let mut schemas = Schemas::new();
            let index = compiler.compile("mem:///key", &mut schemas).unwrap();
            assert!(schemas.validate(default, index).is_ok(), "{}", key.name);
        }
    }
    assert_eq!(judge.complaint(""), None);
}

#[test]
fn words_and_bounds_are_those_of_the_parser() {
    let schema = schema();
    let mut checked = 0;
    for key in keys::all().filter(|key| written(key, "0").is_some()) {
        let property = property(&schema, key);
        for word in words(property) {
            assert_eq!(refusal(key, &format!("\"{word}\"")), None, "{word}");
            assert!(refusal(key, &format!("\"{word}x\"")).is_some(), "{word}");
            checked += 1;
        }
        for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
            let Some(bound) = bounds(property, bound) else {
                continue;
            };
            assert_eq!(
                refusal(key, &bound.to_string()),
                None,
                "{} {bound}",
                key.name
            );
            if let Some(beyond) = bound.checked_add(beyond) {
                assert!(
                    refusal(key, &beyond.to_string()).is_some(),
                    "{} {beyond}",
                    key.name
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

fn property<'s>(schema: &'s Json, key: &Key) -> &'s Json {
    let table = match key.kind {
        Kind::Top => schema,
        kind => &schema["$defs"][form::name(kind)],
    };
    &table["properties"][key.name]
}

/// The words that a value may be, beside others or alone.
fn words(property: &Json) -> Vec<&str> {
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    let listed = alternatives
        .chain([property])
        .filter_map(|form| form["enum"].as_array());
    listed.flatten().filter_map(Json::as_str).collect()
}

fn bounds(property: &Json, bound: &str) -> Option<i64> {
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    let mut forms = alternatives.chain([property]);
    forms.find_map(|form| form[bound].as_i64())
}

/// What the parser says against this value of a key, as far as it is about its form.
fn refusal(key: &Key, value: &str) -> Option<String> {
    let messages = House::new().messages(&written(key, value)?);
    let about = format!("`{}` ", key.name);
    let form = ["must be", "cannot be"];
    let mut lines = messages.lines().map(str::to_owned);
    lines.find(|line| line.contains(&about) && form.iter().any(|word| line.contains(word)))
}
