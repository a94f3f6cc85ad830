//! `cargo xtask run`: from a bare clone to a server that answers, in one command.

use crate::{Outcome, command::Cmd, install::Apt, models, setup::Tools, test::COMPILE, tree, web};

pub fn run(args: &[String]) -> Outcome {
    let more = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let apt = Apt::new();
    let tools = Tools::for_building(&apt)?;
    // Without models calls are made all the same; the server says that nobody looks at them.
    if let Err(why) = models::bring(&apt, &tools) {
        eprintln!("models: {why}; going on without them");
    }
    web::build(&tools)?;
    Cmd::cargo().args(["build", "--package", "visavis"]).run(COMPILE)?;
    Err(Cmd::new(tree::target("debug/visavis"))
        .env("VISAVIS_WATCH__MODELS", tree::absolute("models"))
        .args(["serve", "--dev"])
        .args(more)
        .become_it())
}
