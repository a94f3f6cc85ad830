//! A run in steps: each named, timed and remembered, so that the end says which failed.

use std::time::Duration;

use crate::{
    Outcome,
    clock::{Watch, spoken},
};

/// What ran so far.
pub struct Steps {
    begun: Watch,
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    failed: Option<String>,
}

impl Steps {
    pub fn new() -> Self {
        Self { begun: Watch::start(), done: Vec::new() }
    }

    /// A step that others don't stand on: a failure is remembered and the run goes on.
    pub fn check(&mut self, name: impl Into<String>, step: impl FnOnce() -> Outcome) {
        let _ = self.need(name, step);
    }

    /// A step that the next ones stand on: its failure is also given back, for `?` (then call `end`).
    pub fn need<T>(&mut self, name: impl Into<String>, step: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let name = name.into();
        eprintln!("\n── {name}");
        let watch = Watch::start();
        let outcome = step();
        let took = watch.elapsed();
        if let Err(why) = &outcome {
            eprintln!("── {name}: {why}");
        }
        self.done.push(Done { name, took, failed: outcome.as_ref().err().cloned() });
        outcome
    }

    /// Prints what took how long; an error when any step failed.
    pub fn end(self) -> Outcome {
        eprintln!("\n── steps");
        for Done { name, took, failed } in &self.done {
            eprintln!("{:>13}  {name}{}", spoken(*took), if failed.is_some() { "  FAILED" } else { "" });
        }
        eprintln!("{:>13}  all together", spoken(self.begun.elapsed()));
        self.verdict()
    }

    fn verdict(&self) -> Outcome {
        let failed: Vec<String> = self
            .done
            .iter()
            .filter_map(|done| done.failed.as_ref().map(|why| format!("\n  {}: {why}", done.name)))
            .collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed:{}", failed.concat())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_run_and_is_named() {
        let mut steps = Steps::new();
        steps.check("good", || Ok(()));
        assert!(steps.verdict().is_ok());
        steps.check("bad", || Err("it broke".to_owned()));
        steps.check("good again", || Ok(()));
        assert_eq!(steps.verdict(), Err("failed:\n  bad: it broke".to_owned()));
        assert_eq!(steps.done.len(), 3, "a check lets the next step run");
    }

    #[test]
    fn a_needed_step_hands_its_failure_back() {
        let mut steps = Steps::new();
        assert_eq!(steps.need("gives", || Ok(7)), Ok(7));
        assert_eq!(steps.need("stops", || Err::<(), _>("no".to_owned())), Err("no".to_owned()));
        assert!(steps.verdict().is_err());
    }
}
