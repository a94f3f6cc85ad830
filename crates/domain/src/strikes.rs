//! From what models noticed about one person to what is done about it. Pure; one per person who is looked at.
//!
//! Models err. So one signal warns, blurs or mutes at most; who is taken out of a call or kept away was noticed twice, at two
//! moments or in two ways ([`Strikes::agreeing`]), and by what the server itself received: a picture that another viewer sent
//! in is a hint to look, and no more. The same signals and rules give the same acts, whenever and however often they are
//! told: that is what lets a decision be recomputed for whoever it is about.

mod rules;

use std::{collections::VecDeque, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use rules::{BadRules, LEAST_OF_PICTURES, MIN_APART_S, Rule, Rules};

use crate::{Timestamp, id::SignalId};

/// The rules that come along, as a file of rules is written.
pub const DEFAULT_RULES: &str = include_str!("strikes/default.toml");
/// Signals that are remembered: an hour of one every five seconds in each modality is cut to the newest.
const MAX_SIGNALS: usize = 256;
/// A blur ends when nothing was noticed for so long.
const CALM_MS: i64 = 30_000;
/// What was recorded so soon after somebody was taken out belongs to what they were taken out for.
pub const AFTERMATH_MS: i64 = 10_000;

/// What a signal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// Nudity or sexual acts.
    Nudity,
    /// Something that looks like a weapon.
    Weapon,
    /// Violence.
    Violence,
    /// Insults, threats, hate.
    Harassment,
    /// Advertising or fraud.
    Spam,
    /// Seems to be under 18. Only people say so: no model guesses an age.
    Minor,
    /// Something else, said by people.
    Other,
    /// Came back in spite of a suspension.
    Evasion,
}

impl Concern {
    /// What only people, or the records of a suspension, can find.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::Minor | Self::Other | Self::Evasion)
    }
}

/// How it was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    /// A key frame of a camera or screen.
    Picture,
    /// What was said, as text.
    Speech,
    /// What was heard that isn't speech.
    Sound,
    /// What was written.
    Text,
}

/// What can be done, from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The person is told.
    Warn,
    /// Others see their picture blurred until it is calm.
    Blur,
    /// Others don't hear them.
    Mute,
    /// They leave the call.
    Remove,
    /// They leave, and stay away for a time.
    Suspend,
}

/// Something that was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Names it in decisions.
    pub id: SignalId,
    /// About what.
    pub concern: Concern,
    /// How.
    pub modality: Modality,
    /// What it was noticed in began then; of a picture, when it was taken.
    pub from: Timestamp,
    /// And ended then.
    pub until: Timestamp,
    /// How sure the models are together, in thousandths.
    pub score: u16,
    /// Whether the server received it itself. Else another viewer sent it in.
    pub server: bool,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Something was noticed. May come late, and more than once.
    Signal(Signal),
    /// When the strikes were that stand: known at the start, and told again when one was overturned or decided by a person.
    Standing(Vec<Timestamp>),
    /// What was noticed by somebody else and hasn't led to anybody being taken out: it agrees with what is noticed here, and by
    /// itself nothing follows of it any more.
    Known(Vec<Signal>),
    /// What decisions rest on that were taken back: it was nothing.
    Nothing(Vec<SignalId>),
    /// Other rules hold from now on. What was noticed by the old ones stays noticed.
    Rules(Arc<Rules>),
    /// A picture of theirs was looked at, taken then. What was noticed in it has been told before.
    Looked(Timestamp),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A viewer's hint: the server should look for itself.
    Look(Signal),
    /// Do this, write it down, and tell the person.
    Act(Act),
    /// The blur ends.
    Clear,
    /// Call `handle(Tick)` then.
    WakeAt(Timestamp),
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What.
    pub action: Action,
    /// Of a suspension: how many hours.
    pub hours: Option<u32>,
    /// About what.
    pub concern: Concern,
    /// The rule it rests on, and of which version.
    pub rule: String,
    /// Of the rules.
    pub version: String,
    /// The signals it rests on, the latest last.
    pub facts: Vec<SignalId>,
    /// Days that what shows it is kept.
    pub keep_days: u8,
    /// Only written down.
    pub dry_run: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Strikes {
    rules: Arc<Rules>,
    standing: Vec<Timestamp>,
    /// What counted, by when it was.
    signals: Vec<Signal>,
    /// Ids of those and of what didn't count, so that nothing counts twice.
    seen: VecDeque<SignalId>,
    /// The last time that somebody was taken out.
    settled: Option<Timestamp>,
    /// Since when nothing more was noticed, while others see a blur.
    blurred: Option<Timestamp>,
    /// When the newest picture was taken that was looked at.
    looked: Option<Timestamp>,
    out: VecDeque<Output>,
}

impl Strikes {
    /// Nothing was noticed yet. The rules must have been checked ([`Rules::check`]).
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        Self {
            rules: rules.into(),
            standing: Vec::new(),
            signals: Vec::new(),
            seen: VecDeque::new(),
            settled: None,
            blurred: None,
            looked: None,
            out: VecDeque::new(),
        }
    }

    /// Whether what is decided is only written down.
    pub fn is_dry_run(&self) -> bool {
        self.rules.dry_run
    }

    /// Whether a decision may still rest on it.
    pub fn counts(&self, id: SignalId) -> bool {
        self.signals.iter().any(|signal| signal.id == id)
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Signal(signal) => self.notice(now, signal),
            Input::Standing(strikes) => self.standing = strikes,
            Input::Known(signals) => signals.into_iter().for_each(|signal| self.know(signal)),
            Input::Nothing(ids) => self.signals.retain(|signal| !ids.contains(&signal.id)),
            Input::Rules(rules) => self.rules = rules,
            Input::Looked(at) => self.looked = self.looked.max(Some(at)),
            Input::Tick => {}
        }
        self.calm(now);
    }

    fn know(&mut self, signal: Signal) {
        if self.counting(&signal).is_some() && signal.server {
            self.keep(signal);
        }
    }

    /// The rule by which it counts, if it does: once, and not when it is about what was settled.
    fn counting(&mut self, signal: &Signal) -> Option<Rule> {
        if self.seen.contains(&signal.id) {
            return None;
        }
        if self.seen.len() >= MAX_SIGNALS {
            self.seen.pop_front();
        }
        self.seen.push_back(signal.id);
        let rule = self.rules.of(signal.concern, signal.modality).cloned()?;
        let over = self.settled.is_some_and(|at| signal.from.as_millis() - at.as_millis() < AFTERMATH_MS);
        (signal.score >= rule.at_least && !over).then_some(rule)
    }

    fn keep(&mut self, signal: Signal) {
        if self.signals.len() >= MAX_SIGNALS {
            self.signals.remove(0);
        }
        let at = self.signals.partition_point(|other| other.from <= signal.from);
        self.signals.insert(at, signal);
    }

    fn notice(&mut self, now: Timestamp, signal: Signal) {
        let Some(rule) = self.counting(&signal) else { return };
        if !signal.server {
            self.out.push_back(Output::Look(signal));
            return;
        }
        let before = self.agreeing(&signal, &rule).map(|other| other.id);
        let alone = !self.signals.iter().any(|other| is_near(other, &signal, &rule));
        if self.blurred.is_some() {
            self.blurred = Some(now);
        }
        if let Some(other) = before {
            // What somebody was taken out for has counted: it agrees with nothing any more.
            if self.strike(now, &rule, vec![other, signal.id]) {
                return;
            }
        } else if alone {
            for action in rule.first.clone() {
                self.mild(now, &rule, action, vec![signal.id]);
            }
        }
        self.keep(signal);
    }

    /// An earlier signal that noticed the same at another moment or in another way. Two models about one frame, and two
    /// windows of sound that overlap, are one observation.
    fn agreeing(&self, signal: &Signal, rule: &Rule) -> Option<&Signal> {
        self.signals
            .iter()
            .rev()
            .find(|other| is_near(other, signal, rule) && agree(other, signal, rule.apart_s))
    }

    /// Two agree. Whether they are settled with it: somebody was taken out.
    fn strike(&mut self, now: Timestamp, rule: &Rule, facts: Vec<SignalId>) -> bool {
        if rule.agreed < Action::Remove {
            self.mild(now, rule, rule.agreed, facts);
            return false;
        }
        let memory_ms = i64::from(self.rules.memory_days) * 24 * 3_600_000;
        self.standing.retain(|at| now.as_millis() - at.as_millis() < memory_ms);
        let step = self.standing.len().min(self.rules.suspension_h.len() - 1);
        let hours = self.rules.suspension_h.get(step).copied().filter(|hours| *hours > 0);
        let action = if hours.is_some() { Action::Suspend } else { rule.agreed };
        self.act(rule, action, hours, facts);
        if !self.rules.dry_run {
            self.standing.push(now);
        }
        (self.settled, self.blurred) = (Some(now), None);
        self.signals.clear();
        true
    }

    /// An act that takes nobody out. A blur lasts until it is calm, whatever it rests on.
    fn mild(&mut self, now: Timestamp, rule: &Rule, action: Action, facts: Vec<SignalId>) {
        self.act(rule, action, None, facts);
        if action == Action::Blur && !self.rules.dry_run {
            self.blurred = Some(now);
        }
    }

    fn act(&mut self, rule: &Rule, action: Action, hours: Option<u32>, facts: Vec<SignalId>) {
        self.out.push_back(Output::Act(Act {
            action,
            hours,
            concern: rule.concern,
            rule: rule.id.clone(),
            version: self.rules.version.clone(),
            facts,
            keep_days: rule.keep_days,
            dry_run: self.rules.dry_run,
        }));
    }

    /// Time alone doesn't end a blur: whoever gives no more pictures to look at would be rid of it.
    fn calm(&mut self, now: Timestamp) {
        let Some(since) = self.blurred else { return };
        if now.as_millis() - since.as_millis() < CALM_MS {
            self.out.push_back(Output::WakeAt(Timestamp::from_millis(since.as_millis() + CALM_MS)));
        } else if self.looked.is_some_and(|at| at > since) {
            self.blurred = None;
            self.out.push_back(Output::Clear);
        }
    }
}

/// Whether the server noticed the same twice: at moments so many seconds apart, or in two ways.
pub fn agree(a: &Signal, b: &Signal, apart_s: u32) -> bool {
    let apart = gap_ms(a, b) >= i64::from(apart_s) * 1_000;
    a.id != b.id && a.server && b.server && a.concern == b.concern && (a.modality != b.modality || apart)
}

/// Milliseconds between the end of the one and the beginning of the other; negative when they overlap.
fn gap_ms(a: &Signal, b: &Signal) -> i64 {
    let (first, second) = if a.from <= b.from { (a, b) } else { (b, a) };
    second.from.as_millis() - first.until.as_millis()
}

/// The same concern within the window.
fn is_near(a: &Signal, b: &Signal, rule: &Rule) -> bool {
    a.concern == b.concern && gap_ms(a, b) <= i64::from(rule.window_s) * 1_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Action::{Blur, Mute, Remove, Suspend, Warn};
    use Concern::{Harassment, Nudity};
    use Modality::{Picture, Sound, Speech};

    pub(super) fn rules() -> Rules {
        let rule = |id: &str, concern, modality, first: &[Action]| Rule {
            id: id.into(),
            concern,
            modality,
            at_least: 800,
            window_s: 60,
            apart_s: 5,
            first: first.to_vec(),
            agreed: Remove,
            keep_days: 10,
        };
        Rules {
            version: "test-1".into(),
            dry_run: false,
            suspension_h: vec![0, 24, 168],
            memory_days: 90,
            rules: vec![
                rule("nudity-picture", Nudity, Picture, &[Warn, Blur]),
                rule("harassment-speech", Harassment, Speech, &[Warn, Mute]),
                rule("harassment-sound", Harassment, Sound, &[]),
            ],
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn signal(n: u128, concern: Concern, modality: Modality, from: i64, until: i64) -> Signal {
        Signal {
            id: SignalId::from_bits(n),
            concern,
            modality,
            from: at(from),
            until: at(until),
            score: 900,
            server: true,
        }
    }

    fn picture(n: u128, from: i64) -> Signal {
        signal(n, Nudity, Picture, from, from)
    }

    /// What is done when these are noticed, each half a second after it ended.
    fn acts(strikes: &mut Strikes, signals: &[Signal]) -> Vec<(Action, Option<u32>)> {
        for signal in signals {
            strikes.handle(at(signal.until.as_millis() + 500), Input::Signal(signal.clone()));
        }
        outputs(strikes).into_iter().map(|act| (act.action, act.hours)).collect()
    }

    fn outputs(strikes: &mut Strikes) -> Vec<Act> {
        let all = std::iter::from_fn(|| strikes.poll());
        all.filter_map(|o| if let Output::Act(act) = o { Some(act) } else { None }).collect()
    }

    #[test]
    fn one_picture_warns_and_blurs_and_the_second_five_seconds_later_removes() {
        let mut strikes = Strikes::new(rules());
        assert_eq!(acts(&mut strikes, &[picture(1, 0)]), [(Warn, None), (Blur, None)]);
        assert_eq!(acts(&mut strikes, &[picture(2, 4_999)]), [], "the same observation");
        assert_eq!(acts(&mut strikes, &[picture(3, 5_000)]), [(Remove, None)]);
        assert_eq!(acts(&mut strikes, &[picture(4, 12_000)]), [], "it is about what was settled");
        let again = acts(&mut strikes, &[picture(5, 100_000), picture(6, 110_000)]);
        assert_eq!(again, [(Warn, None), (Blur, None), (Suspend, Some(24))]);
        let again = acts(&mut strikes, &[picture(7, 200_000), picture(8, 210_000)]);
        assert_eq!(again.last(), Some(&(Suspend, Some(168))));
        let again = acts(&mut strikes, &[picture(9, 300_000), picture(10, 310_000)]);
        assert_eq!(again.last(), Some(&(Suspend, Some(168))), "the ladder ends");
    }

    #[test]
    fn what_somebody_was_taken_out_for_counts_once() {
        let mut strikes = Strikes::new(rules());
        let speech = |n, from| signal(n, Harassment, Speech, from, from + 5_000);
        assert_eq!(acts(&mut strikes, &[speech(1, 0), speech(2, 10_000)]).last(), Some(&(Remove, None)));
        assert_eq!(
            acts(&mut strikes, &[speech(3, 30_000)]),
            [(Warn, None), (Mute, None)],
            "the first in another call, though the last is less than a minute ago"
        );
        assert_eq!(acts(&mut strikes, &[speech(4, 40_000)]), [(Suspend, Some(24))]);
    }

    #[test]
    fn what_others_noticed_agrees_with_what_is_noticed_here_and_does_nothing_by_itself() {
        let mut strikes = Strikes::new(rules());
        let hint = Signal { server: false, ..picture(2, 1_000) };
        strikes.handle(at(2_000), Input::Known(vec![picture(1, 0), hint]));
        assert_eq!(acts(&mut strikes, &[picture(1, 0)]), [], "it is known");
        assert_eq!(acts(&mut strikes, &[picture(3, 9_000)]), [(Remove, None)]);
        strikes.handle(at(12_000), Input::Known(vec![picture(4, 10_000)]));
        assert_eq!(
            acts(&mut strikes, &[picture(5, 30_000)]),
            [(Warn, None), (Blur, None)],
            "that was settled"
        );
    }

    #[test]
    fn a_decision_names_its_rule_its_version_and_both_signals() {
        let mut strikes = Strikes::new(rules());
        for n in 1..=2 {
            strikes.handle(at(0), Input::Signal(picture(n, i64::try_from(n).unwrap() * 10_000)));
        }
        let last = outputs(&mut strikes).pop().unwrap();
        assert_eq!(
            (last.rule.as_str(), last.version.as_str(), last.keep_days),
            ("nudity-picture", "test-1", 10)
        );
        assert_eq!(last.facts, [1, 2].map(SignalId::from_bits));
    }

    #[test]
    fn two_modalities_agree_at_once_and_overlapping_windows_of_one_do_not() {
        let speech = |n, from| signal(n, Harassment, Speech, from, from + 5_000);
        let mut strikes = Strikes::new(rules());
        assert_eq!(acts(&mut strikes, &[speech(1, 0), speech(2, 4_000)]), [(Warn, None), (Mute, None)]);
        assert_eq!(acts(&mut strikes, &[signal(3, Harassment, Sound, 4_000, 6_000)]), [(Remove, None)]);
    }

    #[test]
    fn a_viewers_hint_makes_the_server_look_and_nothing_else() {
        let mut strikes = Strikes::new(rules());
        for n in 0..20 {
            let hint =
                Signal { server: false, score: 1_000, ..picture(n, i64::try_from(n).unwrap() * 10_000) };
            strikes.handle(at(0), Input::Signal(hint));
        }
        let all: Vec<_> = std::iter::from_fn(|| strikes.poll()).collect();
        assert_eq!(all.len(), 20);
        assert!(all.iter().all(|o| matches!(o, Output::Look(_))));
    }

    #[test]
    fn a_blur_ends_when_something_harmless_is_seen_and_it_is_calm_and_a_dry_run_changes_nothing() {
        let mut strikes = Strikes::new(rules());
        strikes.handle(at(0), Input::Signal(picture(1, 0)));
        strikes.handle(at(20_000), Input::Signal(picture(2, 2_000)));
        let woken = std::iter::from_fn(|| strikes.poll()).last();
        assert_eq!(woken, Some(Output::WakeAt(at(50_000))));
        for taken in [2_000, 19_000, 20_000] {
            strikes.handle(at(60_000), Input::Looked(at(taken)));
            assert_eq!(strikes.poll(), None, "what was noticed was in these, or they are older");
        }
        strikes.handle(at(90_000), Input::Tick);
        assert_eq!(strikes.poll(), None, "nothing harmless was seen");
        strikes.handle(at(95_000), Input::Looked(at(94_000)));
        assert_eq!(strikes.poll(), Some(Output::Clear));
        let mut dry = Strikes::new(Rules { dry_run: true, ..rules() });
        let all =
            acts(&mut dry, &[picture(1, 0), picture(2, 10_000), picture(3, 90_000), picture(4, 99_000)]);
        assert_eq!(
            all,
            [(Warn, None), (Blur, None), (Remove, None), (Warn, None), (Blur, None), (Remove, None)]
        );
        assert!(dry.standing.is_empty() && dry.blurred.is_none());
    }

    #[test]
    fn a_blur_that_two_agreed_on_ends_as_any_other() {
        let mut blurring = rules();
        (blurring.rules[0].first, blurring.rules[0].agreed) = (vec![Warn], Blur);
        let mut strikes = Strikes::new(blurring);
        assert_eq!(acts(&mut strikes, &[picture(1, 0), picture(2, 6_000)]), [(Warn, None), (Blur, None)]);
        strikes.handle(at(30_000), Input::Looked(at(29_000)));
        assert!(!std::iter::from_fn(|| strikes.poll()).any(|o| o == Output::Clear), "it isn't calm for long");
        strikes.handle(at(40_000), Input::Tick);
        assert_eq!(strikes.poll(), Some(Output::Clear));
    }

    #[test]
    fn what_was_overturned_or_is_long_ago_does_not_count() {
        let pair = [picture(1, 0), picture(2, 10_000)];
        let with = |standing: &[i64]| {
            let mut strikes = Strikes::new(rules());
            strikes.handle(at(0), Input::Standing(standing.iter().map(|ms| at(*ms)).collect()));
            acts(&mut strikes, &pair).pop().unwrap()
        };
        let days = |n: i64| -n * 24 * 3_600_000;
        assert_eq!(with(&[days(10)]), (Suspend, Some(24)));
        assert_eq!(with(&[days(91)]), (Remove, None));
        assert_eq!(with(&[]), (Remove, None));
    }

    fn noticed() -> impl Strategy<Value = Vec<Signal>> {
        let kinds = prop::sample::select(vec![(Nudity, Picture), (Harassment, Speech), (Harassment, Sound)]);
        let one = (kinds, 0_i64..200_000, 0_i64..8_000, 700_u16..=1_000, prop::bool::weighted(0.8));
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let make = |(n, ((concern, modality), from, length, score, server)): (u128, _)| {
                let until = if modality == Picture { from } else { from + length };
                Signal { score, server, ..signal(n, concern, modality, from, until) }
            };
            (1..).zip(all).map(make).collect()
        })
    }

    /// Written from the promise and not from the machine.
    fn do_agree(a: &Signal, b: &Signal) -> bool {
        let counts = |s: &Signal| s.server && s.score >= 800;
        let apart = (a.from.as_millis() - b.until.as_millis()).max(b.from.as_millis() - a.until.as_millis());
        counts(a) && counts(b) && a.concern == b.concern && (a.modality != b.modality || apart >= 5_000)
    }

    proptest! {
        #[test]
        fn nobody_is_taken_out_but_for_two_signals_that_agree(signals in noticed()) {
            let mut strikes = Strikes::new(rules());
            for signal in &signals {
                strikes.handle(signal.until, Input::Signal(signal.clone()));
            }
            for act in outputs(&mut strikes).iter().filter(|act| act.action >= Remove) {
                let facts: Vec<&Signal> = act.facts.iter().map(|id| signals.iter().find(|s| s.id == *id).unwrap()).collect();
                prop_assert!(facts.len() == 2 && do_agree(facts[0], facts[1]), "{facts:?}");
            }
        }

        #[test]
        fn what_is_told_twice_counts_once(signals in noticed()) {
            let run = |times: usize| {
                let mut strikes = Strikes::new(rules());
                for signal in signals.iter().flat_map(|s| std::iter::repeat_n(s, times)) {
                    strikes.handle(signal.until, Input::Signal(signal.clone()));
                }
                outputs(&mut strikes)
            };
            prop_assert_eq!(run(1), run(3));
        }
    }
}
