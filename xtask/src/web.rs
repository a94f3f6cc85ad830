//! The page: checked, tested and built by npm, before cargo embeds `web/dist` into the binary.

use std::{path::PathBuf, time::Duration};

use crate::{Outcome, install::Apt, setup::Tools, stamp, tree};

/// Vite takes seconds; minutes mean that something waits for an answer.
const BUILD: Duration = Duration::from_mins(5);
/// What the page isn't made of.
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "e2e", "test-results"];

pub fn command(_: &[String]) -> Outcome {
    let tools = Tools::for_building(&Apt::new())?;
    if build(&tools)? {
        eprintln!("web/dist is built");
    } else {
        eprintln!("web/dist is up to date: nothing to do");
    }
    Ok(())
}

/// Builds `web/dist` unless it is what the sources make. True when it built.
pub fn build(tools: &Tools) -> Outcome<bool> {
    tools.npm_ci("web")?;
    let now = stamp::fingerprint(&sources())?;
    stamp::unless_done("web-dist", &now, &tree::absolute("web/dist/index.html"), || script(tools, "build"))
}

/// Types, lints and unit tests of the page, and the size of what was built against its budget.
pub fn check(tools: &Tools) -> Outcome {
    script(tools, "check")?;
    script(tools, "test")?;
    script(tools, "budget")
}

fn script(tools: &Tools, name: &str) -> Outcome {
    tools.npm().args(["run", "--silent", name]).within("web").run(BUILD)
}

fn sources() -> Vec<PathBuf> {
    stamp::below(&tree::absolute("web"), NOT_SOURCES)
}
