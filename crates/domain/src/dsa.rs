//! Decisions in the shape of the EU's transparency database for statements of reasons (Regulation (EU) 2022/2065, article
//! 24(5)): what an operator who must may hand in. It names nobody.

use serde::Serialize;

use crate::{
    Timestamp,
    statement::{Language, Told, statement},
    strikes::{Action, Concern, Modality},
};

/// One statement, with the attributes of the database's interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submission {
    /// Ours, so that a second submission is recognised.
    pub puid: String,
    /// What was done to what somebody showed or said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decision_visibility: Vec<&'static str>,
    /// In words, of `OTHER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_visibility_other: Option<&'static str>,
    /// Of a suspension of the service for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_provision: Option<&'static str>,
    /// Of a suspension of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_account: Option<&'static str>,
    /// Everybody here is a private person.
    pub account_type: &'static str,
    /// Our own rules.
    pub decision_ground: &'static str,
    /// Which of them.
    pub incompatible_content_ground: String,
    /// Why.
    pub incompatible_content_explanation: String,
    /// We don't say that it is against a law.
    pub incompatible_content_illegal: &'static str,
    /// What kind of content.
    pub content_type: Vec<&'static str>,
    /// Of a call that is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type_other: Option<&'static str>,
    /// What it is about.
    pub category: &'static str,
    /// The day of the content.
    pub content_date: String,
    /// The day of the decision.
    pub application_date: String,
    /// The end of what was done to the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date_account_restriction: Option<String>,
    /// What it rests on.
    pub decision_facts: String,
    /// How we came to know.
    pub source_type: &'static str,
    /// Whether a machine found it.
    pub automated_detection: &'static str,
    /// Whether a machine decided.
    pub automated_decision: &'static str,
}

/// The statement for a decision; `puid` is its name.
pub fn submission(puid: &str, told: &Told<'_>) -> Submission {
    let words = statement(told, Language::En);
    let noticed = !told.facts.is_empty();
    let (visibility, other, provision, account) = match told.action {
        Action::Warn => (vec!["DECISION_VISIBILITY_OTHER"], Some("Warning"), None, None),
        Action::Blur => {
            (vec!["DECISION_VISIBILITY_OTHER"], Some("Blurred for other participants"), None, None)
        }
        Action::Mute => (vec!["DECISION_VISIBILITY_CONTENT_DISABLED"], None, None, None),
        Action::Remove => (vec![], None, Some("DECISION_PROVISION_PARTIAL_SUSPENSION"), None),
        Action::Suspend => (vec![], None, None, Some("DECISION_ACCOUNT_SUSPENDED")),
    };
    let content_type = content(told);
    Submission {
        puid: puid.to_owned(),
        decision_visibility: visibility,
        decision_visibility_other: other,
        decision_provision: provision,
        decision_account: account,
        account_type: "ACCOUNT_TYPE_PRIVATE",
        decision_ground: "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        incompatible_content_ground: format!("{} ({})", told.rule, told.version),
        incompatible_content_explanation: words.decision,
        incompatible_content_illegal: "No",
        content_type_other: content_type
            .contains(&"CONTENT_TYPE_OTHER")
            .then_some("Behaviour in a live call"),
        content_type,
        category: category(told.concern),
        content_date: day(told.facts.iter().map(|fact| fact.at).min().unwrap_or(told.at)),
        application_date: day(told.at),
        end_date_account_restriction: told.until.map(day),
        decision_facts: words.facts.join(" "),
        source_type: if told.reports > 0 { "SOURCE_ARTICLE_16" } else { "SOURCE_VOLUNTARY" },
        automated_detection: if noticed { "Yes" } else { "No" },
        automated_decision: match (told.automated, noticed) {
            (true, _) => "AUTOMATED_DECISION_FULLY",
            (false, true) => "AUTOMATED_DECISION_PARTIALLY",
            (false, false) => "AUTOMATED_DECISION_NOT_AUTOMATED",
        },
    }
}

fn content(told: &Told<'_>) -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = told
        .facts
        .iter()
        .map(|fact| match fact.modality {
            Modality::Picture => "CONTENT_TYPE_VIDEO",
            Modality::Speech | Modality::Sound => "CONTENT_TYPE_AUDIO",
            Modality::Text => "CONTENT_TYPE_TEXT",
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { vec!["CONTENT_TYPE_OTHER"] } else { kinds }
}

const fn category(concern: Concern) -> &'static str {
    match concern {
        Concern::Nudity => "STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT",
        Concern::Weapon | Concern::Violence => "STATEMENT_CATEGORY_VIOLENCE",
        Concern::Harassment => "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
        Concern::Spam => "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
        Concern::Minor => "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
        Concern::Other | Concern::Evasion => "STATEMENT_CATEGORY_SCOPE_OF_PLATFORM_SERVICE",
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::moderation::Fact;

    #[test]
    fn a_decision_becomes_a_submission_that_names_nobody() {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let facts = [Fact { at, modality: Modality::Picture, score: 900 }];
        let told = Told {
            at,
            action: Action::Suspend,
            concern: Concern::Nudity,
            rule: "nudity-picture",
            version: "v1",
            automated: true,
            facts: &facts,
            reports: 0,
            until: Some(Timestamp::from_millis(1_800_086_400_000)),
            note: Some("usr_ must not get out"),
            appeal_until: at,
        };
        let json = serde_json::to_value(submission("dec_1", &told)).unwrap();
        assert_eq!(json["decision_account"], "DECISION_ACCOUNT_SUSPENDED");
        assert_eq!(json["end_date_account_restriction"], "2027-01-16");
        assert_eq!(json["automated_decision"], "AUTOMATED_DECISION_FULLY");
        assert_eq!(json["source_type"], "SOURCE_VOLUNTARY");
        assert_eq!(json["content_type"], serde_json::json!(["CONTENT_TYPE_VIDEO"]));
        assert!(!json.to_string().contains("usr_"));
        let person = Told { automated: false, facts: &[], reports: 1, action: Action::Warn, ..told };
        let json = serde_json::to_value(submission("dec_2", &person)).unwrap();
        assert_eq!(json["source_type"], "SOURCE_ARTICLE_16");
        assert_eq!(json["automated_decision"], "AUTOMATED_DECISION_NOT_AUTOMATED");
        assert_eq!(json["decision_visibility_other"], "Warning");
    }
}
