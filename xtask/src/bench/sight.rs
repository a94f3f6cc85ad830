//! P13: what looking and listening cost, with the real models, in CPU time of the process.

use std::time::Duration;

use super::Bench;
use crate::{Outcome, command::Cmd, models, test::COMPILE};

/// The bench runs for about half a minute of CPU time.
const RUN: Duration = Duration::from_mins(5);

pub fn bench(bench: &Bench) -> Outcome {
    models::bring(&bench.apt, &bench.tools)?;
    let cmd = || Cmd::cargo().args(["bench", "--package", "visavis-workers", "--bench", "sight"]);
    cmd().arg("--no-run").run(COMPILE)?;
    cmd().run(RUN)
}
