//! `cargo xtask run`: from a bare clone to a server that answers, in one command.

use crate::{Outcome, command::Cmd, install::Apt, setup::Tools, test::COMPILE, tree, web};

pub fn run(args: &[String]) -> Outcome {
    let more = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let tools = Tools::for_building(&Apt::new())?;
    web::build(&tools)?;
    Cmd::cargo().args(["build", "--package", "visavis"]).run(COMPILE)?;
    Err(Cmd::new(tree::target("debug/visavis")).args(["serve", "--dev"]).args(more).become_it())
}
