//! Ten rounds, alternated, the first dropped, medians: what a shared machine allows one to say.

use crate::Outcome;

/// Rounds of each side; the first warms caches and compilers up and is dropped.
pub const ROUNDS: usize = 10;

/// The medians of two sides measured in turn: A B A B.
pub fn alternate(
    mut a: impl FnMut() -> Outcome<f64>,
    mut b: impl FnMut() -> Outcome<f64>,
) -> Outcome<(f64, f64)> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_a.push(a()?);
        of_b.push(b()?);
    }
    Ok((median(&of_a[1..]), median(&of_b[1..])))
}

/// The median of one side alone.
pub fn repeat(mut a: impl FnMut() -> Outcome<f64>) -> Outcome<f64> {
    let values = (0..ROUNDS).map(|_| a()).collect::<Outcome<Vec<_>>>()?;
    Ok(median(&values[1..]))
}

/// The middle one; of an even number, the mean of the middle two. Nothing measured is not a number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_wild_value() {
        assert!((median(&[3.0, 1.0, 1000.0]) - 3.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn sides_take_turns_and_the_first_round_is_dropped() {
        let order = std::cell::RefCell::new(String::new());
        let side = |name: char, first: f64, rest: f64| {
            let order = &order;
            let mut rounds = 0;
            move || {
                order.borrow_mut().push(name);
                rounds += 1;
                Ok(if rounds == 1 { first } else { rest })
            }
        };
        let (a, b) = alternate(side('A', 900.0, 1.0), side('B', 900.0, 2.0)).expect("both answer");
        assert!((a - 1.0).abs() < 1e-9 && (b - 2.0).abs() < 1e-9);
        assert_eq!(*order.borrow(), "AB".repeat(ROUNDS));
        assert!(alternate(|| Err("gone".to_owned()), || Ok(1.0)).is_err(), "a failed round fails the bench");
    }
}
