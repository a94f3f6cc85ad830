//! A statement of reasons (Regulation (EU) 2022/2065, article 17) in a person's words: what was decided, on which facts, by
//! which rule, whether a machine did it, how long it holds, and what can be done about it. Pure: the moderator who decides
//! sees the very same words before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    contract::moderation::Fact,
    reputation::settle::cost,
    strikes::{Action, Concern, Modality},
};

/// Facts that are told one by one.
const TOLD: usize = 8;

/// In which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
}

impl Language {
    /// The first of a person's languages that there are words in.
    pub fn of(languages: &[String]) -> Self {
        let german = |tag: &String| tag == "de" || tag.starts_with("de-");
        let first = languages.iter().find(|tag| german(tag) || *tag == "en" || tag.starts_with("en-"));
        if first.is_some_and(german) { Self::De } else { Self::En }
    }
}

/// What is told of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// About what.
    pub concern: Concern,
    /// The rule.
    pub rule: &'a str,
    /// Of which version.
    pub version: &'a str,
    /// No person had a part in it.
    pub automated: bool,
    /// What was noticed.
    pub facts: &'a [Fact],
    /// Reports that were looked at; never by whom.
    pub reports: u32,
    /// Of a suspension: its end.
    pub until: Option<Timestamp>,
    /// In the words of whoever decided.
    pub note: Option<&'a str>,
    /// Until then an appeal is possible.
    pub appeal_until: Timestamp,
}

/// The note of a decision by rule of which nothing could be kept.
pub const UNKEPT: &str = "Nothing that shows this could be kept: it rests on what the machine noticed alone.";
const UNKEPT_DE: &str = "Nichts, was das zeigt, konnte aufbewahrt werden: Es beruht allein auf dem, was die Maschine bemerkt hat.";

/// Paragraphs in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// What was done.
    pub decision: String,
    /// What it rests on.
    pub facts: Vec<String>,
    /// By which rule.
    pub rule: String,
    /// Whether a person had a part in it.
    pub automated: String,
    /// How long it holds.
    pub duration: String,
    /// What can be done about it.
    pub appeal: String,
    /// In the words of whoever decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Statement {
    /// As the text of a mail.
    pub fn text(&self) -> String {
        let facts = self.facts.iter().map(|fact| format!("- {fact}")).collect::<Vec<_>>().join("\n");
        let note = self.note.iter().cloned();
        let parts = [self.decision.clone(), facts].into_iter().chain(note).chain([
            self.rule.clone(),
            self.automated.clone(),
            self.duration.clone(),
            self.appeal.clone(),
        ]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

/// The words for it.
pub fn statement(told: &Told<'_>, language: Language) -> Statement {
    let en = language == Language::En;
    let at = minute(told.at);
    let what = action(told.action, told.automated, en);
    let about = concern(told.concern, en);
    let decision = if en {
        format!("On {at} we decided: {what} The reason is {about}.")
    } else {
        format!("Am {at} haben wir entschieden: {what} Der Grund: {about}.")
    };
    let rule = match (en, told.concern) {
        (true, _) => format!(
            "This is against our rules for everybody here: rule \"{}\", version {}. We decide by our rules, not by a law.",
            told.rule, told.version
        ),
        (false, _) => format!(
            "Das ist gegen unsere Regeln für alle hier: Regel „{}“, Fassung {}. Wir entscheiden nach unseren Regeln, nicht \
             nach einem Gesetz.",
            told.rule, told.version
        ),
    };
    let automated = match (en, told.automated) {
        (true, true) => "A machine noticed this and decided by itself; no person has looked at it yet.",
        (true, false) => "A person looked at this and decided.",
        (false, true) => {
            "Eine Maschine hat das bemerkt und selbst entschieden; noch hat kein Mensch es angesehen."
        }
        (false, false) => "Ein Mensch hat sich das angesehen und entschieden.",
    };
    Statement {
        decision,
        facts: facts(told, en),
        rule,
        automated: automated.to_owned(),
        duration: duration(told, en),
        appeal: appeal(told, en),
        note: told.note.map(|note| if note == UNKEPT && !en { UNKEPT_DE } else { note }.to_owned()),
    }
}

fn facts(told: &Told<'_>, en: bool) -> Vec<String> {
    let one = |fact: &Fact| {
        // Rounded as the console rounds.
        let (at, how, sure) = (minute(fact.at), modality(fact.modality, en), (fact.score + 5) / 10);
        if en {
            format!("{at}: noticed in {how}; the models were {sure} of 100 sure.")
        } else {
            format!("{at}: bemerkt in {how}; die Modelle waren zu {sure} von 100 sicher.")
        }
    };
    let mut all: Vec<String> = told.facts.iter().take(TOLD).map(one).collect();
    match (told.reports, en) {
        (0, _) => {}
        (1, true) => all.push("Somebody you met reported it.".to_owned()),
        (n, true) => all.push(format!("{n} people you met reported it.")),
        (1, false) => all.push("Jemand, den du getroffen hast, hat es gemeldet.".to_owned()),
        (n, false) => all.push(format!("{n} Menschen, die du getroffen hast, haben es gemeldet.")),
    }
    all
}

/// How long it holds, and what else it does: what costs trust, and what counts when something is decided again, says so.
fn duration(told: &Told<'_>, en: bool) -> String {
    let holds = match (told.until, told.action, en) {
        (Some(until), _, true) => {
            format!("It ends by itself on {}. Until then you can't meet anybody here.", minute(until))
        }
        (Some(until), _, false) => {
            format!("Es endet von selbst am {}. Bis dahin kannst du hier niemanden treffen.", minute(until))
        }
        (None, Action::Warn, true) => "You can still meet people here.".to_owned(),
        (None, Action::Warn, false) => "Du kannst hier weiter Menschen treffen.".to_owned(),
        (None, _, true) => "It is about that call only.".to_owned(),
        (None, _, false) => "Es geht nur um dieses Gespräch.".to_owned(),
    };
    let costs = match (cost(told.action, told.automated) > 0, en) {
        (false, _) => None,
        (true, true) => Some(
            "It costs you some reputation, which comes back after 90 days, or at once when this is taken back.",
        ),
        (true, false) => Some(
            "Es kostet dich etwas Ruf, der nach 90 Tagen zurückkommt, oder sofort, wenn das hier zurückgenommen wird.",
        ),
    };
    let counts = match (told.action >= Action::Remove, en) {
        (false, _) => None,
        (true, true) => Some(
            "It counts for 90 days: if something like it happens again, you can be suspended, each time for longer.",
        ),
        (true, false) => Some(
            "Es zählt 90 Tage lang: Geschieht so etwas wieder, kannst du gesperrt werden, jedes Mal länger.",
        ),
    };
    [Some(holds.as_str()), costs, counts].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn appeal(told: &Told<'_>, en: bool) -> String {
    let until = minute(told.appeal_until);
    if en {
        format!(
            "If you think this is wrong, appeal until {until}: on your profile, at no cost. Somebody who had no part in it \
             decides. You can also turn to a certified body for settling disputes out of court, or to a court."
        )
    } else {
        format!(
            "Wenn du das für falsch hältst, widersprich bis {until}: auf deinem Profil, kostenlos. Es entscheidet jemand, der \
             daran nicht beteiligt war. Du kannst dich auch an eine zertifizierte Schlichtungsstelle oder an ein Gericht wenden."
        )
    }
}

/// A person finds that a removal is right, also where nobody was removed.
const fn action(action: Action, automated: bool, en: bool) -> &'static str {
    match (action, en) {
        (Action::Remove, true) if !automated => "for this, somebody is rightly taken out of a call.",
        (Action::Remove, false) if !automated => "Dafür wird jemand zu Recht aus einem Gespräch genommen.",
        (Action::Warn, true) => "you are warned.",
        (Action::Blur, true) => "others saw your picture blurred.",
        (Action::Mute, true) => "others couldn't hear you.",
        (Action::Remove, true) => "you had to leave the call.",
        (Action::Suspend, true) => "your account is suspended.",
        (Action::Warn, false) => "Du wirst verwarnt.",
        (Action::Blur, false) => "Andere haben dein Bild unscharf gesehen.",
        (Action::Mute, false) => "Andere konnten dich nicht hören.",
        (Action::Remove, false) => "Du musstest das Gespräch verlassen.",
        (Action::Suspend, false) => "Dein Konto ist gesperrt.",
    }
}

const fn concern(concern: Concern, en: bool) -> &'static str {
    match (concern, en) {
        (Concern::Nudity, true) => "nudity or sexual acts",
        (Concern::Weapon, true) => "something that looks like a weapon",
        (Concern::Violence, true) => "violence",
        (Concern::Harassment, true) => "insults, threats or hate",
        (Concern::Spam, true) => "advertising or fraud",
        (Concern::Minor, true) => "that you seem to be under 18",
        (Concern::Other, true) => "something else against the rules",
        (Concern::Evasion, true) => "that a suspension seems to have been evaded",
        (Concern::Nudity, false) => "Nacktheit oder sexuelle Handlungen",
        (Concern::Weapon, false) => "etwas, das wie eine Waffe aussieht",
        (Concern::Violence, false) => "Gewalt",
        (Concern::Harassment, false) => "Beleidigungen, Drohungen oder Hass",
        (Concern::Spam, false) => "Werbung oder Betrug",
        (Concern::Minor, false) => "Du scheinst unter 18 zu sein",
        (Concern::Other, false) => "etwas anderes, das gegen die Regeln ist",
        (Concern::Evasion, false) => "eine Sperre scheint umgangen worden zu sein",
    }
}

const fn modality(modality: Modality, en: bool) -> &'static str {
    match (modality, en) {
        (Modality::Picture, true) => "a picture of your camera or screen",
        (Modality::Speech, true) => "what was said",
        (Modality::Sound, true) => "what was heard",
        (Modality::Text, true) => "what was written",
        (Modality::Picture, false) => "einem Bild deiner Kamera oder deines Bildschirms",
        (Modality::Speech, false) => "dem, was gesagt wurde",
        (Modality::Sound, false) => "dem, was zu hören war",
        (Modality::Text, false) => "dem, was geschrieben wurde",
    }
}

/// A day and a minute, in UTC: `2026-11-27 20:15 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(facts: &[Fact]) -> Told<'_> {
        Told {
            at: Timestamp::from_millis(1_800_000_000_000),
            action: Action::Suspend,
            concern: Concern::Nudity,
            rule: "nudity-picture",
            version: "default-3",
            automated: true,
            facts,
            reports: 2,
            until: Some(Timestamp::from_millis(1_800_086_400_000)),
            note: None,
            appeal_until: Timestamp::from_millis(1_815_000_000_000),
        }
    }

    #[test]
    fn it_says_what_why_by_which_rule_by_whom_how_long_and_how_to_appeal() {
        let fact =
            Fact { at: Timestamp::from_millis(1_799_999_990_000), modality: Modality::Picture, score: 934 };
        let facts = [fact];
        let text = statement(&told(&facts), Language::En).text();
        for words in [
            "2027-01-15 08:00 UTC",
            "your account is suspended",
            "nudity or sexual acts",
            "93 of 100",
            "2 people you met reported it",
            "\"nudity-picture\", version default-3",
            "no person has looked",
            "2027-01-16 08:00 UTC",
            "appeal until 2027-07-07",
            "at no cost",
        ] {
            assert!(text.contains(words), "{words} in:\n{text}");
        }
        let german = statement(&told(&facts), Language::De).text();
        for words in ["Dein Konto ist gesperrt", "Nacktheit", "kein Mensch", "kostenlos", "93 von 100"] {
            assert!(german.contains(words), "{words} in:\n{german}");
        }
        let human = Told { automated: false, until: None, note: Some("Please read the rules."), ..told(&[]) };
        let text = statement(&human, Language::En).text();
        assert!(text.contains("A person looked") && text.contains("Please read the rules."));
    }

    #[test]
    fn it_says_what_else_follows_and_says_of_nobody_that_they_were_taken_out_who_were_not() {
        let of = |action, automated, language| {
            statement(&Told { action, automated, until: None, ..told(&[]) }, language).text()
        };
        for (language, costs, counts) in [
            (Language::En, "costs you some reputation", "counts for 90 days"),
            (Language::De, "kostet dich etwas Ruf", "zählt 90 Tage lang"),
        ] {
            for automated in [true, false] {
                for action in [Action::Warn, Action::Blur, Action::Mute, Action::Remove, Action::Suspend] {
                    let text = of(action, automated, language);
                    assert_eq!(
                        text.contains(costs),
                        cost(action, automated) > 0,
                        "{action:?} {automated}:\n{text}"
                    );
                    assert_eq!(
                        text.contains(counts),
                        action >= Action::Remove,
                        "{action:?} {automated}:\n{text}"
                    );
                }
            }
        }
        assert!(of(Action::Remove, true, Language::En).contains("you had to leave the call"));
        assert!(!of(Action::Remove, false, Language::En).contains("you had to leave"));
        assert!(!of(Action::Remove, false, Language::De).contains("Du musstest"));
        assert!(of(Action::Warn, true, Language::En).contains("still meet people"));
    }

    #[test]
    fn a_score_is_rounded_as_those_who_decide_see_it() {
        let at = Timestamp::from_millis(1_799_999_990_000);
        for (score, shown) in [(999, "100 of 100"), (994, "99 of 100"), (995, "100 of 100"), (4, "0 of 100")]
        {
            let facts = [Fact { at, modality: Modality::Text, score }];
            let text = statement(&told(&facts), Language::En).text();
            assert!(text.contains(shown), "{score}: {text}");
        }
    }

    #[test]
    fn every_word_is_there_in_both_languages() {
        use Concern::{Evasion, Harassment, Minor, Nudity, Other, Spam, Violence, Weapon};
        for concern in [Nudity, Weapon, Violence, Harassment, Spam, Minor, Other, Evasion] {
            for action in [Action::Warn, Action::Blur, Action::Mute, Action::Remove, Action::Suspend] {
                let of = |language| statement(&Told { action, concern, ..told(&[]) }, language);
                assert_ne!(of(Language::En).decision, of(Language::De).decision);
            }
        }
    }

    #[test]
    fn the_first_language_that_there_are_words_in_counts() {
        let of = |tags: &[&str]| Language::of(&tags.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(
            [of(&[]), of(&["fr", "de-AT", "en"]), of(&["en", "de"])],
            [Language::En, Language::De, Language::En]
        );
    }
}
