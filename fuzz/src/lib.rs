//! What all targets share: the bound on the time of a run. What must hold of an input stands beside the parser it is
//! about, in the `fuzzing` module of its crate.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The longest run (goal S1).
const MOST: Duration = Duration::from_millis(10);
/// Runs of one input before it counts as slow: the first may pay for memory that the next ones find.
const TRIES: usize = 4;

/// Runs a check on an input, and again if that took long; panics when every run was too slow. Time of this thread on a
/// CPU: what else runs on the machine doesn't count.
pub fn run(check: fn(&[u8]), input: &[u8]) {
    let mut took = MOST;
    for _ in 0..TRIES {
        let before = cpu_time();
        check(input);
        took = cpu_time().saturating_sub(before);
        if took < MOST {
            return;
        }
    }
    panic!("{took:?} for {} bytes", input.len());
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The targets, each a file of two lines.
#[macro_export]
macro_rules! target {
    ($check:path) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::run($check, input));
    };
}
