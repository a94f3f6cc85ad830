//! `cargo xtask test`: all that must hold before a change lands; and `ci-fast`, the part worth running at every save.
//!
//! Nothing is tried twice: a test that fails now and then has failed.

use std::{env, path::PathBuf, time::Duration};

use crate::{
    Outcome,
    command::Cmd,
    install::{self, Apt},
    models,
    services::{self, Services},
    setup::{TestTools, Tools},
    steps::Steps,
    tidy, tree, web,
};

/// Compiling everything from nothing took minutes on two cores; more than this is a hang.
pub const COMPILE: Duration = Duration::from_mins(25);
/// All tests of one runner.
const RUN: Duration = Duration::from_mins(15);

/// Tests that node runs: where they lie, how many files at a time two cores can take, and what all of them may take.
struct Suite {
    folder: &'static str,
    at_once: u32,
    within: Duration,
}

/// In browsers, by Playwright: each file starts two to four of them. They took thirteen minutes on two cores.
const BROWSER: Suite = Suite { folder: "web/e2e", at_once: 1, within: Duration::from_mins(25) };
/// By a real `socket.io-client`, without our page's code: they mostly wait.
const STORIES: Suite = Suite { folder: "tests/node", at_once: 3, within: RUN };
/// The same against seven processes in place of one.
const APART: Suite = Suite { folder: "tests/node", at_once: 2, within: RUN };
/// Tells them which: `one` process, or `split` into several.
const SHAPE: &str = "VISAVIS_SHAPE";

pub fn test(args: &[String]) -> Outcome {
    let mut steps = Steps::new();
    let stopped = match args {
        [] => everything(&mut steps),
        [filter] => only(&mut steps, filter),
        _ => return Err("at most one FILTER".to_owned()),
    };
    // What stopped the run is among the steps; their verdict is the result.
    steps.end().and(stopped)
}

pub fn ci_fast(_: &[String]) -> Outcome {
    let mut steps = Steps::new();
    let stopped = fast(&mut steps);
    steps.end().and(stopped)
}

fn everything(steps: &mut Steps) -> Outcome {
    let (tools, tests) = steps.need("set-up", || {
        let apt = Apt::new();
        components()?;
        Ok((Tools::for_building(&apt)?, TestTools::find_or_install(&apt)?))
    })?;
    steps.check("format", format);
    steps.check("tidy", || tidy::command(&[]));
    steps.need("models", || models::bring(&Apt::new(), &tools))?;
    steps.need("page: build", || web::build(&tools))?;
    steps.check("page: types, tests, budget", || web::check(&tools));
    steps.check("lints", lints);
    compile_and_run(steps, &tools, &tests, None)
}

fn only(steps: &mut Steps, filter: &str) -> Outcome {
    let (tools, tests) = steps.need("set-up", || {
        let apt = Apt::new();
        Ok((Tools::for_building(&apt)?, TestTools::find_or_install(&apt)?))
    })?;
    steps.need("models", || models::bring(&Apt::new(), &tools))?;
    steps.need("page: build", || web::build(&tools))?;
    compile_and_run(steps, &tools, &tests, Some(filter))
}

fn fast(steps: &mut Steps) -> Outcome {
    steps.need("set-up", components)?;
    steps.check("format", format);
    steps.check("tidy", || tidy::command(&[]));
    if !tree::absolute("web/dist/index.html").exists() {
        steps.need("page: build", || web::build(&Tools::for_building(&Apt::new())?))?;
    }
    steps.check("lints", lints);
    let parts = ["--lib", "--bins"];
    steps.check("unit tests", || {
        if nextest() { nextest_run().args(parts).run(RUN) } else { cargo_test().args(parts).run(RUN) }
    });
    Ok(())
}

fn compile_and_run(steps: &mut Steps, tools: &Tools, tests: &TestTools, filter: Option<&str>) -> Outcome {
    // With the tests' features, as the runners below build it: the dependencies are compiled once.
    steps.need("compile", || Cmd::cargo().args(["build", "--workspace", "--all-targets"]).run(COMPILE))?;
    let (browser, stories) = (node_tests(&BROWSER, filter), node_tests(&STORIES, filter));
    let elsewhere = !browser.is_empty() || !stories.is_empty();
    // Kept to the end of this run, and ended with it, also when a step fails.
    let services = steps.need("services", || Services::for_this_run(&Apt::new()))?;
    let servers =
        |cmd: Cmd| cmd.env(services::POSTGRES, &services.postgres).env(services::REDIS, &services.redis);
    steps.check("rust tests", || {
        let run = if nextest() {
            // A filter that means a browser test matches no Rust test; one that matches nothing at all is a mistake.
            let none = if filter.is_some() && elsewhere { "pass" } else { "fail" };
            nextest_run().arg(format!("--no-tests={none}"))
        } else {
            cargo_test()
        };
        servers(with_tools(run.args(filter), tests)).run(RUN)
    });
    // Without nextest, cargo test has run them.
    if filter.is_none() && nextest() {
        steps.check("doc tests", || Cmd::cargo().args(["test", "--quiet", "--workspace", "--doc"]).run(RUN));
    }
    let node = |suite, files: &[PathBuf], shape| {
        let cmd = |cmd| servers(with_tools(cmd, tests)).env(SHAPE, shape);
        run_node(tools, suite, files, cmd)
    };
    if filter.is_none() || !stories.is_empty() {
        steps.check("stories in one process", || node(&STORIES, &stories, "one"));
        steps.check("stories in several processes", || node(&APART, &stories, "split"));
    }
    if filter.is_none() || !browser.is_empty() {
        let shape = in_turn();
        eprintln!("\nin browsers, this time in the shape {shape:?}:");
        steps.check("stories in browsers", || node(&BROWSER, &browser, shape));
    }
    Ok(())
}

fn components() -> Outcome {
    install::component("rustfmt", "fmt")?;
    install::component("clippy", "clippy")
}

fn format() -> Outcome {
    Cmd::cargo().args(["fmt", "--all", "--check"]).run(RUN)
}

fn lints() -> Outcome {
    Cmd::cargo()
        .args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
        .run(COMPILE)
}

fn nextest() -> bool {
    Cmd::cargo().args(["nextest", "--version"]).ask().is_some()
}

fn nextest_run() -> Cmd {
    Cmd::cargo().args([
        "nextest",
        "run",
        "--workspace",
        "--config-file",
        "xtask/nextest.toml",
        "--show-progress=none",
    ])
}

fn cargo_test() -> Cmd {
    Cmd::cargo().args(["test", "--workspace", "--no-fail-fast"])
}

/// The test files of that folder whose name holds the filter.
fn node_tests(suite: &Suite, filter: Option<&str>) -> Vec<PathBuf> {
    let mut files = tree::files(&tree::absolute(suite.folder), ".test.mjs");
    files.retain(|file| filter.is_none_or(|filter| tree::name(file).contains(filter)));
    files
}

/// Browsers are slow: each commit they see one of the two shapes, the next one the other.
fn in_turn() -> &'static str {
    let commits = Cmd::new("git").args(["rev-list", "--count", "HEAD"]).ask();
    let commits = commits.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    if commits.is_multiple_of(2) { "one" } else { "split" }
}

fn run_node(tools: &Tools, suite: &Suite, files: &[PathBuf], with: impl Fn(Cmd) -> Cmd) -> Outcome {
    let Suite { folder, at_once, within } = suite;
    if files.is_empty() {
        eprintln!("skipped: there is no {folder}/*.test.mjs yet");
        return Ok(());
    }
    // The browser tests stand on the other suite's harness; what the page needs came with its build.
    tools.npm_ci(STORIES.folder)?;
    with(tools.node().arg("--test").arg(format!("--test-concurrency={at_once}")).args(files)).run(*within)
}

/// What tests may ask the environment for.
fn with_tools(cmd: Cmd, tests: &TestTools) -> Cmd {
    let binary = env::var_os("VISAVIS_BIN").map_or_else(|| tree::target("debug/visavis"), PathBuf::from);
    cmd.env("VISAVIS_BIN", binary)
        .env("CHROMIUM", &tests.chromium)
        .env("FIREFOX", &tests.firefox)
        .env("AIOSMTPD_PYTHON", &tests.smtp_python)
        .env("ESPEAK", &tests.speaker)
        .env("NGINX", &tests.nginx)
        .env("COTURN", &tests.coturn)
}
