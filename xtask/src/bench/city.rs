//! P12: waits in simulated days. The simulation is a test; here its figures are shown.

use crate::{Outcome, bench::Bench, command::Cmd, test::COMPILE};

pub fn bench(_: &Bench) -> Outcome {
    let test = [
        "test",
        "--quiet",
        "--package",
        "visavis-domain",
        "--test",
        "city",
        "--",
        "--nocapture",
        "in_a_city",
    ];
    Cmd::cargo().args(test).run(COMPILE)
}
