//! The models that moderation looks with: `models/fetch.py` brings them, in the Python environment made here.

use std::time::Duration;

use crate::{
    Outcome,
    command::Cmd,
    install::{self, Apt},
    setup::Tools,
    stamp, tree,
};

/// Two hundred megabytes over a slow line, and a minute of converting.
const FETCH: Duration = Duration::from_mins(30);
/// What converters need, with exact versions.
const NEEDS: &str = "models/convert/requirements.txt";

pub fn command(_: &[String]) -> Outcome {
    let apt = Apt::new();
    bring(&apt, &Tools::for_building(&apt)?)
}

/// Brings what is missing; nothing to do the second time.
pub fn bring(apt: &Apt, tools: &Tools) -> Outcome {
    let python = install::venv(apt)?;
    let needs = tree::absolute(NEEDS);
    let now = stamp::fingerprint(std::slice::from_ref(&needs))?;
    stamp::unless_done("models-python", &now, &python, || {
        install::pip(apt, &format!("--requirement={}", needs.display()), "weights are converted to ONNX")
    })?;
    Cmd::new(&python).arg("models/fetch.py").arg(tree::target("models")).path(tools.folders()).run(FETCH)
}
