//! Ten people in a room: one real browser on the page, nine load clients. Nothing may be lost at the nine, and all nine
//! pictures must move in the browser; how often they stood still is printed. No figure of speed: it holds or it doesn't.

use std::time::Duration;

use super::Bench;
use crate::{Outcome, setup::TestTools, tree, web};

/// As the issue of groups asks; the same story is told by every test run, for some seconds.
const SECONDS: &str = "60";
/// All of it, a slow start of the browser included.
const RUN: Duration = Duration::from_mins(6);

pub fn bench(bench: &Bench) -> Outcome {
    let tests = TestTools::find_or_install(&bench.apt)?;
    web::build(&bench.tools)?;
    bench.tools.npm_ci("tests/node")?;
    let binary = std::env::var_os("VISAVIS_BIN")
        .map_or_else(|| tree::target("release/visavis"), std::path::PathBuf::from);
    let story = tree::absolute("web/e2e/rooms.test.mjs");
    bench
        .tools
        .node()
        .args(["--test", "--test-name-pattern", "ten people"])
        .arg(story)
        .env("VISAVIS_TEN_SECONDS", SECONDS)
        .env("VISAVIS_BIN", binary)
        .env("CHROMIUM", &tests.chromium)
        .run(RUN)
}
