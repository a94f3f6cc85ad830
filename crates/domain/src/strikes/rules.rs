//! What an operator decides: which signal counts from which score, what follows one and what follows two that agree, and
//! how long who does it again stays away. Read from a file; a file that breaks a promise made to people isn't taken.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Concern, Modality};

/// Rules of one file.
const MAX_RULES: usize = 100;
/// Characters of a version or a rule's name.
const MAX_NAME: usize = 64;
/// Steps of the ladder.
const MAX_STEPS: usize = 10;
/// Signals that agree lie no further apart: an hour later it is another matter.
const MAX_WINDOW_S: u32 = 3_600;
/// Two pictures are two observations only so far apart: neighbouring frames show the same mistake of the same model.
pub const MIN_APART_S: u32 = 5;
/// What is seen in a picture counts from so many thousandths on at least: whoever looks saves the second look below it.
pub const LEAST_OF_PICTURES: u16 = 50;
/// Nobody is kept away longer by a machine.
const MAX_SUSPENSION_H: u32 = 24 * 365;
const MAX_MEMORY_DAYS: u32 = 365;

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Named in every decision, so that it can be recomputed with what held then.
    pub version: String,
    /// Decisions are written down, and nothing is done.
    #[serde(default)]
    pub dry_run: bool,
    /// Hours away after the first, second, third … agreement within `memory_days`. Zero: only out of the call.
    pub suspension_h: Vec<u32>,
    /// After so many days a strike no longer counts.
    pub memory_days: u32,
    /// What counts.
    pub rules: Vec<Rule>,
}

/// What follows signals of one concern in one modality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in statements of reasons.
    pub id: String,
    /// About what.
    pub concern: Concern,
    /// From what kind of observation.
    pub modality: Modality,
    /// The lowest score that counts, in thousandths.
    pub at_least: u16,
    /// Two signals agree within so many seconds.
    pub window_s: u32,
    /// Two of the same modality are two observations when so many seconds lie between them.
    pub apart_s: u32,
    /// What one signal alone causes: at most a warning, a blur, a muted microphone.
    pub first: Vec<Action>,
    /// What two that agree cause.
    pub agreed: Action,
    /// Days that evidence is kept.
    pub keep_days: u8,
}

/// Why rules can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct BadRules {
    /// The key, as in the file.
    pub at: String,
    /// What would be right.
    pub what: &'static str,
}

impl Rules {
    /// Checks what the types can't say.
    ///
    /// # Errors
    /// The first key that can't be.
    pub fn check(&self) -> Result<(), BadRules> {
        let bad = |at: &str, what| Err(BadRules { at: at.to_owned(), what });
        if !is_name(&self.version) {
            return bad("version", "must be 1 to 64 letters, digits, dots or hyphens");
        }
        if self.suspension_h.is_empty() || self.suspension_h.len() > MAX_STEPS {
            return bad("suspension_h", "must have 1 to 10 steps");
        }
        if self.suspension_h.iter().any(|h| *h > MAX_SUSPENSION_H) {
            return bad("suspension_h", "must be at most 8760 hours each");
        }
        if !self.suspension_h.is_sorted() {
            return bad("suspension_h", "must not get shorter");
        }
        if !(1..=MAX_MEMORY_DAYS).contains(&self.memory_days) {
            return bad("memory_days", "must be 1 to 365");
        }
        if self.rules.len() > MAX_RULES {
            return bad("rules", "must be at most 100");
        }
        let mut names = BTreeSet::new();
        let mut kinds = BTreeSet::new();
        for rule in &self.rules {
            rule.check()?;
            if !names.insert(&rule.id) {
                return bad(&format!("rules.{}", rule.id), "must be there once");
            }
            if !kinds.insert((rule.concern, rule.modality)) {
                return bad(
                    &format!("rules.{}", rule.id),
                    "must be the only one of its concern and modality",
                );
            }
        }
        Ok(())
    }

    /// The one that a signal falls under.
    pub fn of(&self, concern: Concern, modality: Modality) -> Option<&Rule> {
        self.rules.iter().find(|rule| (rule.concern, rule.modality) == (concern, modality))
    }
}

impl Rule {
    fn check(&self) -> Result<(), BadRules> {
        let bad = |key: &str, what| Err(BadRules { at: format!("rules.{}.{key}", self.id), what });
        if !is_name(&self.id) {
            return bad("id", "must be 1 to 64 letters, digits, dots or hyphens");
        }
        if self.concern.is_for_people() {
            return bad(
                "concern",
                "must be nudity, weapon, violence, harassment or spam: no model knows others",
            );
        }
        if !(1..=1_000).contains(&self.at_least) {
            return bad("at_least", "must be 1 to 1000");
        }
        if self.modality == Modality::Picture && self.at_least < LEAST_OF_PICTURES {
            return bad("at_least", "must be 50 to 1000 for pictures: what is below isn't looked at twice");
        }
        if !(MIN_APART_S..=MAX_WINDOW_S).contains(&self.window_s) {
            return bad("window_s", "must be 5 to 3600");
        }
        if !(MIN_APART_S..=self.window_s).contains(&self.apart_s) {
            return bad("apart_s", "must be 5 to window_s");
        }
        if self.first.iter().any(|action| *action >= Action::Remove) {
            return bad("first", "must be warn, blur or mute: one signal takes nobody's access away");
        }
        if !(7..=15).contains(&self.keep_days) {
            return bad("keep_days", "must be 7 to 15");
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strikes::tests::rules;

    fn refused(change: impl FnOnce(&mut Rules)) -> Option<String> {
        let mut rules = rules();
        change(&mut rules);
        rules.check().err().map(|bad| bad.at)
    }

    #[test]
    fn a_file_that_breaks_a_promise_is_refused_with_its_key() {
        assert_eq!(rules().check(), Ok(()));
        assert_eq!(refused(|r| r.version.clear()).as_deref(), Some("version"));
        assert_eq!(refused(|r| r.suspension_h = vec![24, 1]).as_deref(), Some("suspension_h"));
        assert_eq!(refused(|r| r.suspension_h = Vec::new()).as_deref(), Some("suspension_h"));
        assert_eq!(refused(|r| r.suspension_h = vec![9_000]).as_deref(), Some("suspension_h"));
        assert_eq!(refused(|r| r.memory_days = 0).as_deref(), Some("memory_days"));
        assert_eq!(
            refused(|r| r.rules[0].first.push(Action::Suspend)).as_deref(),
            Some("rules.nudity-picture.first")
        );
        assert_eq!(
            refused(|r| r.rules[0].first.push(Action::Remove)).as_deref(),
            Some("rules.nudity-picture.first")
        );
        let guesses = refused(|r| r.rules[0].concern = Concern::Minor);
        assert_eq!(guesses.as_deref(), Some("rules.nudity-picture.concern"), "nobody's age is guessed");
        assert_eq!(refused(|r| r.rules[0].apart_s = 4).as_deref(), Some("rules.nudity-picture.apart_s"));
        let least = refused(|r| r.rules[0].at_least = LEAST_OF_PICTURES - 1);
        assert_eq!(least.as_deref(), Some("rules.nudity-picture.at_least"));
        assert_eq!(refused(|r| r.rules[0].at_least = 0).as_deref(), Some("rules.nudity-picture.at_least"));
        assert_eq!(refused(|r| r.rules[0].window_s = 4).as_deref(), Some("rules.nudity-picture.window_s"));
        assert_eq!(refused(|r| r.rules[0].keep_days = 16).as_deref(), Some("rules.nudity-picture.keep_days"));
        assert_eq!(
            refused(|r| r.rules[1].id = "nudity-picture".into()).as_deref(),
            Some("rules.nudity-picture")
        );
        let twice = |r: &mut Rules| r.rules.push(Rule { id: "again".into(), ..r.rules[0].clone() });
        assert_eq!(refused(twice).as_deref(), Some("rules.again"));
    }
}
