//! How old somebody is: their own declaration, or the word of a service that the operator names.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault,
    age::AgeClass,
    contract::{
        Caller,
        age_assurance::{AgeAssurance, Assess},
    },
};
use visavis_platform::{
    Clock, Hidden,
    webhook::{BadAddress, Webhook},
};

/// How ages are assured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A service that is asked about everybody who declares to be 18 or older, like `https://age.example/check`. Not set:
    /// the declaration is believed. docs/operations.md says what it is asked and answers.
    pub url: Option<String>,
    /// Signs the questions.
    pub secret: Option<Hidden>,
    /// Longest wait for its answer, in milliseconds.
    #[schemars(range(min = 100, max = 4_000))]
    pub timeout_ms: u64,
    /// Whoever the service calls a youth may come in, and meets nobody but others of that class. Otherwise only adults do.
    pub youth: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: None, secret: None, timeout_ms: 2_000, youth: false }
    }
}

/// Who is asked. A closed list.
#[derive(Debug, Clone)]
enum Source {
    Declaration,
    Service(Webhook),
}

/// The role.
#[derive(Debug, Clone)]
pub struct Age {
    source: Source,
    youth: bool,
}

/// Why the settings can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The service's address.
    #[error("age.url {0}")]
    Url(BadAddress),
    /// Without a secret nobody could tell our questions from others'.
    #[error("age.secret must be set with age.url")]
    NoSecret,
}

#[derive(Deserialize)]
struct Answer {
    /// Nothing: it can't be said, or is too young.
    class: Option<AgeClass>,
}

impl Age {
    /// Who declares to be an adult is one.
    pub const fn declared() -> Self {
        Self { source: Source::Declaration, youth: false }
    }

    /// As the operator wants it.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, BadSettings> {
        let source = match &settings.url {
            None => Source::Declaration,
            Some(url) => {
                let secret = settings.secret.clone().ok_or(BadSettings::NoSecret)?;
                let within = Duration::from_millis(settings.timeout_ms);
                Source::Service(Webhook::new(url, secret, within, clock).map_err(BadSettings::Url)?)
            }
        };
        Ok(Self { source, youth: settings.youth })
    }
}

#[async_trait]
impl AgeAssurance for Age {
    async fn assess(&self, _cx: &Caller, req: Assess) -> Result<Option<AgeClass>, Fault> {
        if !req.declares_adult {
            return Ok(None);
        }
        let class = match &self.source {
            Source::Declaration => Some(AgeClass::Adult),
            Source::Service(service) => {
                let question = serde_json::to_string(&req).map_err(|_| Fault::internal())?;
                let answer = service.post(question).await.map_err(|why| {
                    tracing::warn!(age.why = %why, "the service for ages gives no answer");
                    Fault::unavailable()
                })?;
                let answer: Answer = serde_json::from_slice(&answer).map_err(|_| {
                    tracing::warn!("the answer of the service for ages can't be read");
                    Fault::unavailable()
                })?;
                answer.class
            }
        };
        Ok(class.filter(|class| *class == AgeClass::Adult || self.youth))
    }
}
