//! Brings the sources together: defaults, the file, the environment, the flags; each later one wins. Every value
//! remembers where it came from, so that an error can say so.
//!
//! A text of the environment becomes what the schema of its key wants, so that `VISAVIS_TURN__SECRET=123` stays a text
//! and `VISAVIS_LIMITS__JSON_BYTES=4096` becomes a number.

use std::{collections::BTreeMap, fs, path::Path};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::{Config, ConfigError, HIDDEN};
use crate::cli::Flags;

/// Of every variable of ours.
const PREFIX: &str = "VISAVIS_";
/// Ours, but for tools and tests.
const NOT_SETTINGS: [&str; 6] = ["config", "bin", "bless", "shape", "test_postgres", "test_redis"];

/// Tables that may be given as a text: their `url`.
const BY_ADDRESS: [&str; 2] = ["database", "redis"];

/// Settings that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What works but is hardly meant; to be logged at start.
    pub warnings: Vec<String>,
    /// Files that settings name and that can't be read.
    pub unreadable: Vec<ConfigError>,
}

/// Reads every source and checks the whole.
pub fn load(flags: &Flags, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
    let mut sources = Sources::new();
    if let Some(path) = &flags.config {
        sources.file(path)?;
    }
    sources.environment(env)?;
    sources.flags(flags)?;
    sources.follow_port_zero();
    sources.check_ranges(&sources.schema, &sources.values, "")?;
    complete(&mut sources.values, &sources.schema);
    let mut config: Config = serde_path_to_error::deserialize(&sources.values).map_err(|error| {
        let path = error.path().to_string();
        sources.wrong(&path, &sources.explain(&path, &error.inner().to_string()))
    })?;
    config.dev = flags.dev;
    config.check().map_err(|(key, right)| sources.wrong(key, &right))?;
    let warnings = config.warnings();
    let unreadable = config.unreadable().into_iter().map(|(key, why)| sources.wrong(key, &why)).collect();
    Ok(Loaded { config, warnings, unreadable })
}

/// What has been read so far.
struct Sources {
    /// Of the whole tree, nothing referenced.
    schema: Value,
    values: Value,
    /// Key → where it was given.
    given: BTreeMap<String, String>,
}

/// The schema of the settings, nothing referenced.
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Config>().to_value()
}

/// Whether the value may never be printed. An address of a database may hold a password.
fn is_secret(key: &str) -> bool {
    matches!(key.rsplit('.').next(), Some("secret_key" | "secret" | "password" | "url"))
        || BY_ADDRESS.contains(&key)
}

impl Sources {
    fn new() -> Self {
        Self { schema: schema(), values: Value::Object(Map::new()), given: BTreeMap::new() }
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let broken = |right: String| ConfigError { key: name.clone(), value: None, source_name: None, right };
        let text = fs::read_to_string(path).map_err(|error| broken(format!("can't be read: {error}")))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // Not the parser's own picture of the line: it may hold a secret.
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            broken(format!("line {line} is not TOML: {}", error.message()))
        })?;
        let value = serde_json::to_value(table).map_err(|error| broken(error.to_string()))?;
        self.merge("", &value, &name)
    }

    /// Adds a tree, leaf by leaf. Keys are checked here, where their source is known.
    fn merge(&mut self, at: &str, value: &Value, source: &str) -> Result<(), ConfigError> {
        let table = value.as_object().filter(|_| properties(self.schema_of(at)).is_some());
        let Some(table) = table else { return self.set(at, value.clone(), source) };
        for (name, value) in table.clone() {
            let key = if at.is_empty() { name } else { format!("{at}.{name}") };
            if self.schema_of(&key).is_none() {
                return Err(self.unknown(&key, source));
            }
            self.merge(&key, &value, source)?;
        }
        Ok(())
    }

    fn environment(&mut self, env: impl IntoIterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (variable, text) in env {
            // Whatever case: `visavis_listen` is meant the same.
            let upper = variable.to_ascii_uppercase();
            let Some(name) = upper.strip_prefix(PREFIX) else { continue };
            let key = name.to_ascii_lowercase().replace("__", ".");
            if NOT_SETTINGS.contains(&key.as_str()) || is_service_link(name) {
                continue;
            }
            let source = format!("environment variable {variable}");
            let Some(schema) = self.schema_of(&key) else { return Err(self.unknown(&key, &source)) };
            let value = typed(&text, schema);
            self.set(&key, value, &source)?;
        }
        Ok(())
    }

    fn flags(&mut self, flags: &Flags) -> Result<(), ConfigError> {
        let data = flags.data.as_ref().map(|data| data.display().to_string());
        let roles = flags.roles.clone();
        for (key, text) in [("data", data), ("listen", flags.listen.clone()), ("roles", roles)] {
            if let (Some(text), Some(schema)) = (text, self.schema_of(key)) {
                let value = typed(&text, schema);
                self.set(key, value, &format!("--{key}"))?;
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: Value, source: &str) -> Result<(), ConfigError> {
        // An address alone, as in `database = "sqlite://…"`.
        let address = format!("{key}.url");
        let key = if BY_ADDRESS.contains(&key) && value.is_string() { &address } else { key };
        // A struct would also be read from a list, by position.
        if properties(self.schema_of(key)).is_some() {
            let value = (!is_secret(key)).then(|| value.to_string());
            let right = format!("must be a table: [{key}] and then its keys");
            let source_name = Some(source.to_owned());
            return Err(ConfigError { key: key.to_owned(), value, source_name, right });
        }
        // Another spelling of a key replaces the first, it doesn't stand beside it.
        let key = canonical(key);
        let mut slot = &mut self.values;
        for part in key.split('.') {
            let Value::Object(table) = slot else { return Err(self.unknown(&key, source)) };
            slot = table.entry(part).or_insert_with(|| Value::Object(Map::new()));
        }
        *slot = value;
        self.given.insert(key, source.to_owned());
        Ok(())
    }

    /// `--listen ADDR:0` means that no port matters, unless one is set.
    fn follow_port_zero(&mut self) {
        let any = self.values["listen"].as_str().is_some_and(|listen| listen.ends_with(":0"));
        if !any {
            return;
        }
        let default = Config::default();
        for (key, mut listen) in
            [("private.listen", default.private.listen), ("media.listen", default.media.listen)]
        {
            if !self.given.contains_key(key) {
                listen.set_port(0);
                // Can't fail: the tables of both keys are tables.
                let _ = self.set(key, listen.to_string().into(), "because of listen");
            }
        }
    }

    /// The schema of a key; `None` when there is no such key.
    fn schema_of(&self, key: &str) -> Option<&Value> {
        let key = canonical(key);
        let parts = key.split('.').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(&self.schema, |schema, part| properties(Some(schema))?.get(part))
    }

    fn unknown(&self, key: &str, source: &str) -> ConfigError {
        // The deepest table that there is.
        let mut table = key;
        let known = loop {
            table = table.rsplit_once('.').map_or("", |(table, _)| table);
            if let Some(known) = properties(self.schema_of(table)) {
                break known;
            }
        };
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        let place = if table.is_empty() { "there".to_owned() } else { format!("in {table}") };
        ConfigError {
            key: key.to_owned(),
            value: None,
            source_name: Some(source.to_owned()),
            right: format!("is not a setting; {place} are: {}", names.join(", ")),
        }
    }

    /// An error of a key, with its value and source.
    fn wrong(&self, key: &str, right: &str) -> ConfigError {
        // `extra_hosts[2]` is an element; what was given is the list.
        let given = key.split('[').next().unwrap_or(key);
        let pointer = format!("/{}", given.replace('.', "/"));
        let value = self.values.pointer(&pointer).filter(|value| !value.is_null() && !value.is_object());
        let value = value.map(|value| if is_secret(given) { HIDDEN.to_owned() } else { value.to_string() });
        ConfigError {
            key: key.to_owned(),
            value,
            source_name: self.given.get(given).cloned(),
            right: right.to_owned(),
        }
    }

    /// The parser's words; for a secret, which they might quote, words of our own.
    fn explain(&self, key: &str, words: &str) -> String {
        let key = key.split('[').next().unwrap_or(key);
        if is_secret(key) {
            return "must be a text".to_owned();
        }
        let kind = self.schema_of(key).map(kind);
        match kind {
            Some(Kind::Text) if words.contains("socket address") => {
                "must be an address with a port, like 127.0.0.1:8080 or [::]:8080".to_owned()
            }
            Some(Kind::Integer) => "must be a whole number".to_owned(),
            Some(Kind::Bool) => "must be true or false".to_owned(),
            _ => words.to_owned(),
        }
    }

    fn check_ranges(&self, schema: &Value, value: &Value, at: &str) -> Result<(), ConfigError> {
        if let (Some(table), Some(properties)) = (value.as_object(), properties(Some(schema))) {
            for (name, value) in table {
                let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                if let Some(schema) = properties.get(name) {
                    self.check_ranges(schema, value, &key)?;
                }
            }
        }
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let Some(number) = value.as_f64() else { return Ok(()) };
        let (least, most) = (bound("minimum"), bound("maximum"));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let right = match (least, most) {
                (Some(least), Some(most)) => format!("must be from {least} to {most}"),
                (Some(least), None) => format!("must be at least {least}"),
                (_, most) => format!("must be at most {}", most.unwrap_or_default()),
            };
            return Err(self.wrong(at, &right));
        }
        Ok(())
    }
}

/// A table of which only some keys are given has the defaults of that very table for the others: the burst of one limit
/// isn't that of another.
fn complete(value: &mut Value, schema: &Value) {
    let (Some(table), Some(keys)) = (value.as_object_mut(), properties(Some(schema))) else { return };
    for (name, value) in &mut *table {
        if let Some(schema) = keys.get(name) {
            complete(value, schema);
        }
    }
    let defaults = schema.get("default").and_then(Value::as_object);
    for (name, default) in defaults.into_iter().flatten().filter(|(_, default)| !default.is_null()) {
        table.entry(name).or_insert_with(|| default.clone());
    }
}

/// The protocol writes these keys in camel case; the environment can't.
fn canonical(key: &str) -> String {
    match key {
        "strangers.trustFloor" | "strangers.trustfloor" => "strangers.trust_floor".to_owned(),
        "strangers.provenCalls" | "strangers.provencalls" => "strangers.proven_calls".to_owned(),
        "strangers.cleanCallS" | "strangers.cleancalls" => "strangers.clean_call_s".to_owned(),
        key => key.to_owned(),
    }
}

/// Docker and Kubernetes put variables like `VISAVIS_PORT_8080_TCP_ADDR` into containers beside a service of our name.
fn is_service_link(name: &str) -> bool {
    let named = ["PORT", "SERVICE_HOST", "SERVICE_PORT"].contains(&name);
    named || ["PORT_", "SERVICE_PORT_", "ENV_"].iter().any(|start| name.starts_with(start)) || name == "NAME"
}

/// The keys below one.
pub(super) fn properties(schema: Option<&Value>) -> Option<&Map<String, Value>> {
    schema?.get("properties")?.as_object()
}

/// What a key wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Integer,
    Text,
    List,
    Other,
}

pub(super) fn kind(schema: &Value) -> Kind {
    let of = |name: &str| match name {
        "boolean" => Kind::Bool,
        "integer" => Kind::Integer,
        "string" => Kind::Text,
        "array" => Kind::List,
        _ => Kind::Other,
    };
    match schema.get("type") {
        Some(Value::String(name)) => of(name),
        // `["string", "null"]`
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).map_or(Kind::Other, of),
        // A choice of texts, or of something and null.
        _ => {
            let choices = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(name)?.as_array());
            choices.and_then(|choices| choices.first()).map_or(Kind::Other, kind)
        }
    }
}

/// A text as the schema wants it. What doesn't fit stays a text and is refused later, with its key.
fn typed(text: &str, schema: &Value) -> Value {
    let json = || serde_json::from_str::<Value>(text).ok();
    let as_text = || Value::String(text.to_owned());
    match kind(schema) {
        Kind::Bool => json().filter(Value::is_boolean).unwrap_or_else(as_text),
        Kind::Integer => json().filter(Value::is_number).unwrap_or_else(as_text),
        Kind::List if text.trim_start().starts_with('[') => json().unwrap_or_else(as_text),
        Kind::List => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let item = schema.get("items");
            parts.map(|part| item.map_or_else(|| part.into(), |item| typed(part, item))).collect()
        }
        Kind::Text | Kind::Other => as_text(),
    }
}
