//! The project's own commands: `cargo xtask help` lists them.
//!
//! Nothing but `std`, so that the first `cargo xtask` is ready in seconds. What each command installs it says, with the
//! reason, before it does; it never needs a person at the keyboard, and never waits without a deadline.

use std::{fmt::Write as _, process::ExitCode};

mod bench;
mod clock;
mod cluster;
mod command;
mod deny;
mod fuzz;
mod install;
mod models;
mod mutants;
mod proc;
mod run;
mod services;
mod setup;
mod stamp;
mod steps;
mod test;
mod tidy;
mod tree;
mod unpack;
mod web;

/// What every fallible thing here returns: the error is a sentence for a person.
type Outcome<T = ()> = Result<T, String>;

/// One line of the list of commands.
struct Entry {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    go: fn(&[String]) -> Outcome,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "run",
        usage: "run [-- ARGS]",
        about: "set up what is missing, build all, start the server in development mode (data in ./data)",
        go: run::run,
    },
    Entry {
        name: "test",
        usage: "test [FILTER]",
        about: "everything CI runs: format, lints, web, unit, integration and browser tests; a filter leaves the checks out",
        go: test::test,
    },
    Entry {
        name: "ci-fast",
        usage: "ci-fast",
        about: "the inner loop: format, lints, tidy, unit tests of the crates",
        go: test::ci_fast,
    },
    Entry {
        name: "web",
        usage: "web",
        about: "build web/dist, if its sources changed since the last time",
        go: web::command,
    },
    Entry {
        name: "tidy",
        usage: "tidy",
        about: "the rules of the house that no compiler knows (ARCHITECTURE.md)",
        go: tidy::command,
    },
    Entry {
        name: "cluster",
        usage: "cluster up [ADDRESS:PORT]|down|status",
        about: "the product apart on this machine: Postgres, Redis and twelve processes behind one address",
        go: cluster::command,
    },
    Entry {
        name: "services",
        usage: "services up|down|status",
        about: "throw-away Postgres and Redis for tests, on free loopback ports (`up` prints their addresses for eval)",
        go: services::command,
    },
    Entry {
        name: "models",
        usage: "models",
        about: "fetch, check and convert the models that moderation looks with, into models/ (200 MB, once)",
        go: models::command,
    },
    Entry {
        name: "mutants",
        usage: "mutants",
        about: "which edits of the queue, code and limit machines no test notices (at most 30 minutes)",
        go: mutants::mutants,
    },
    Entry {
        name: "fuzz",
        usage: "fuzz [TARGET] [SECONDS]",
        about: "bytes that nobody would think of, for every parser that strangers reach (30 s each)",
        go: fuzz::fuzz,
    },
    Entry {
        name: "deny",
        usage: "deny",
        about: "licences, bans and sources of every dependency",
        go: deny::deny,
    },
    Entry {
        name: "bench",
        usage: "bench NAME",
        about: "print figures beside their goals: queue (P11), http (P10), socket (P9), idle (P14), rpc (the hop between processes), all",
        go: bench::bench,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let name = args.first().map_or("help", String::as_str);
    if matches!(name, "help" | "--help" | "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
        eprintln!("cargo xtask: no command named {name:?}\n\n{}", help());
        return ExitCode::from(2);
    };
    match (entry.go)(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\ncargo xtask {name}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let width = ENTRIES.iter().map(|entry| entry.usage.len()).max().unwrap_or(0);
    let mut text = String::from("cargo xtask COMMAND\n\n");
    for Entry { usage, about, .. } in ENTRIES {
        let _ = writeln!(text, "  {usage:width$}  {about}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        for entry in ENTRIES {
            assert!(help().contains(entry.usage) && entry.usage.starts_with(entry.name));
        }
    }
}
