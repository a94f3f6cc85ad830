//! The documented configuration file, written from the types: every key with its comment and its default.

use std::fmt::Write;

use serde_json::Value;

use super::{
    HIDDEN,
    load::{properties, schema},
};

/// Columns of a comment.
const WIDTH: usize = 100;

/// `visavis.example.toml`.
pub fn example() -> String {
    let mut text = String::from(
        "# Settings of Visavis, with their defaults. Written by `visavis config example`; every line is optional.\n\
         # Sources in order, the later wins: defaults, this file (--config), the environment, flags.\n\
         # In the environment a key is VISAVIS_ and its name, with two underscores for a dot:\n\
         # VISAVIS_LIMITS__JSON_BYTES=65536, VISAVIS_TRUSTED_PROXIES=10.0.0.0/8,127.0.0.1\n",
    );
    table(&mut text, "", &schema(), None);
    text
}

/// First the keys of a table, then the tables in it, as TOML wants it.
fn table(text: &mut String, name: &str, schema: &Value, defaults: Option<&Value>) {
    let Some(keys) = properties(Some(schema)) else { return };
    let (tables, leaves): (Vec<_>, Vec<_>) =
        keys.iter().partition(|(_, schema)| properties(Some(schema)).is_some());
    // What the table as a whole stands for wins: two limits of one type have defaults of their own.
    let default = |key: &str, schema: &Value| {
        defaults.and_then(|table| table.get(key)).or_else(|| schema.get("default")).cloned()
    };
    for (key, schema) in leaves {
        leaf(text, key, schema, default(key, schema).as_ref());
    }
    for (key, schema) in tables {
        let full = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        text.push('\n');
        describe(text, schema);
        let _ = writeln!(text, "[{full}]");
        table(text, &full, schema, default(key, schema).as_ref());
    }
}

fn leaf(text: &mut String, key: &str, schema: &Value, default: Option<&Value>) {
    text.push('\n');
    describe(text, schema);
    for choice in choices(schema) {
        let word = choice.get("const").map(Value::to_string).unwrap_or_default();
        comment(text, &format!("{word}: {}", description(choice)));
    }
    match default.and_then(toml_value) {
        Some(default) => {
            let _ = writeln!(text, "# {key} = {default}");
        }
        None => {
            let _ = writeln!(text, "# {key} = …  (not set)");
        }
    }
}

/// The named values of a choice, also of a list of them.
fn choices(schema: &Value) -> Vec<&Value> {
    let schema = schema.get("items").unwrap_or(schema);
    let named = schema.get("oneOf").and_then(Value::as_array);
    named.map(|all| all.iter().filter(|choice| choice.get("const").is_some()).collect()).unwrap_or_default()
}

fn describe(text: &mut String, schema: &Value) {
    let words = description(schema);
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64).filter(|bound| *bound != 0);
    let range = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(" From {least} to {most}."),
        (Some(least), None) => format!(" At least {least}."),
        _ => String::new(),
    };
    comment(text, &format!("{words}{range}"));
}

fn description(schema: &Value) -> String {
    let words = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A paragraph of comment lines.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > 1 {
        text.push_str(&line);
        text.push('\n');
    }
}

/// JSON and TOML write these alike; `null` has no form in TOML, and a secret none at all.
fn toml_value(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::String(text) if text == HIDDEN => None,
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(toml_value).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        value => Some(value.to_string()),
    }
}
