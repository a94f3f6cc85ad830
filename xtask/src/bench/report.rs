//! How a figure is printed: what, how much, beside what, and whether the goal is met.

/// What a figure has to be to meet its goal.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most this much.
    AtMost(f64),
    /// At least this much.
    AtLeast(f64),
    /// At most this many times the reference of the same run.
    TimesReference(f64),
    /// No goal: the figure is there to understand another one.
    None,
}

/// One measured figure.
pub struct Figure<'a> {
    /// Its number in goals.md.
    pub number: &'a str,
    pub what: &'a str,
    pub unit: &'a str,
    pub value: f64,
    /// The reference's name and figure in the same run.
    pub reference: Option<(&'a str, f64)>,
    pub goal: Goal,
}

impl Figure<'_> {
    /// Prints it on one line.
    pub fn print(&self) {
        println!("{}", self.line());
    }

    fn line(&self) -> String {
        let Self { number, what, unit, value, reference, goal } = self;
        let beside = reference.map_or(String::new(), |(name, other)| {
            format!("; {name} {} {unit}, ratio {:.2}", amount(other), value / other)
        });
        let (bound, met) = match goal {
            Goal::AtMost(most) => (format!("≤ {} {unit}", amount(*most)), value <= most),
            Goal::AtLeast(least) => (format!("≥ {} {unit}", amount(*least)), value >= least),
            Goal::TimesReference(times) => (
                format!("≤ {times:.2} × the reference"),
                reference.is_some_and(|(_, other)| *value <= times * other),
            ),
            Goal::None => return format!("{number:4} {what}: {} {unit}{beside}", amount(*value)),
        };
        let verdict = if met { "met" } else { "missed" };
        format!("{number:4} {what}: {} {unit}{beside}; goal {bound}: {verdict}", amount(*value))
    }
}

/// Three digits where that says enough, whole numbers above.
fn amount(value: f64) -> String {
    let digits = if value.abs() < 10.0 { 2 } else { usize::from(value.abs() < 100.0) };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, reference: Option<(&'static str, f64)>, goal: Goal) -> String {
        Figure { number: "P0", what: "thing", unit: "µs", value, reference, goal }.line()
    }

    #[test]
    fn met_and_missed_are_told_apart() {
        assert_eq!(line(5.0, None, Goal::AtMost(6.0)), "P0   thing: 5.00 µs; goal ≤ 6.00 µs: met");
        assert!(line(6.1, None, Goal::AtMost(6.0)).ends_with("missed"));
        assert!(line(6.1, None, Goal::AtLeast(6.0)).ends_with("met"));
        assert!(line(5.9, None, Goal::AtLeast(6.0)).ends_with("missed"));
        let beside = line(5.0, Some(("REF", 22.0)), Goal::TimesReference(0.25));
        assert_eq!(beside, "P0   thing: 5.00 µs; REF 22.0 µs, ratio 0.23; goal ≤ 0.25 × the reference: met");
        assert!(line(6.0, Some(("REF", 22.0)), Goal::TimesReference(0.25)).ends_with("missed"));
        assert!(
            line(6.0, None, Goal::TimesReference(0.25)).ends_with("missed"),
            "no reference, no verdict for us"
        );
        assert!(
            line(f64::NAN, None, Goal::AtMost(6.0)).ends_with("missed"),
            "nothing measured meets nothing"
        );
        assert_eq!(line(123.4, None, Goal::None), "P0   thing: 123 µs");
    }
}
