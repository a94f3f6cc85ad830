//! Figures of a place by days, for those who run it. Counted by the database (`db::figures`), told so that they name nobody.

use async_trait::async_trait;
use visavis_domain::{
    Fault, Timestamp,
    contract::{
        Caller,
        analytics::{Analytics as Contract, Day, Rule, Series, Span, Summary},
    },
    figures::{Figures, MOST_DAYS, Told},
};
use visavis_platform::{
    Clock, Db,
    db::figures::{self, OfDay},
};

/// The `analytics` role.
#[derive(Debug, Clone)]
pub struct Analytics {
    db: Db,
    clock: Clock,
}

impl Analytics {
    /// The role over this database.
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    async fn days(&self, span: Span) -> Result<Vec<OfDay>, Fault> {
        if !(1..=MOST_DAYS).contains(&span.days) {
            return Err(Fault::field("days", format!("must be 1 to {MOST_DAYS}")));
        }
        Ok(figures::of_days(&self.db, self.clock.now(), span.days).await?)
    }
}

/// `2026-11-29`.
fn name(day: Timestamp) -> String {
    day.to_string().chars().take_while(|c| *c != 'T').collect()
}

#[async_trait]
impl Contract for Analytics {
    async fn summary(&self, _cx: &Caller, span: Span) -> Result<Summary, Fault> {
        let days = self.days(span).await?;
        let mut all = Figures::default();
        for day in &days {
            all.merge(&day.figures);
        }
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Err(Fault::internal()) };
        let rules = figures::of_rules(&self.db, first.day).await?;
        let rule = |one: figures::OfRule| Rule {
            rule: one.rule,
            decisions: one.decisions,
            taken_back: one.taken_back,
        };
        Ok(Summary {
            from: name(first.day),
            to: name(last.day),
            told: Told::from(&all),
            rules: rules.into_iter().map(rule).collect(),
        })
    }

    async fn series(&self, _cx: &Caller, span: Span) -> Result<Series, Fault> {
        let days = self.days(span).await?;
        let day = |one: OfDay| Day { day: name(one.day), over: one.over, told: Told::from(&one.figures) };
        Ok(Series { days: days.into_iter().map(day).collect() })
    }
}
