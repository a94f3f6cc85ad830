//! The rules of the house that no compiler knows. Each check is a pure function from the files to findings, and each
//! was shown to fail in its tests.

use std::fs;

use crate::{Outcome, command::Cmd, tree};

mod arrows;
mod migrations;
mod modules;
mod text;

/// A file of the checkout: its path from the top with `/`, and what it holds.
struct File {
    path: String,
    text: String,
}

/// From the files to what is wrong with them.
type Check = fn(&[File]) -> Vec<String>;

/// Every check, with the rule it stands for.
const CHECKS: &[(&str, Check)] = &[
    ("crates see only those below them", arrows::between_crates),
    ("the domain knows no runtime, clock, dice or I/O", arrows::pure_domain),
    ("modules of services don't see one another", modules::between_services),
    ("a file over 600 lines has its reason listed", text::long_files),
    ("no registry's host is named", text::registry_hosts),
    ("npm's lock files hold no addresses", text::npm_addresses),
    ("lints are expected with a reason, never allowed", text::allowed_lints),
    ("migrations are numbered", migrations::numbered),
];

pub fn command(_: &[String]) -> Outcome {
    let files = read()?;
    let findings: Vec<String> = CHECKS
        .iter()
        .flat_map(|(rule, check)| {
            check(&files).into_iter().map(move |finding| format!("\n  {finding}\n      ({rule})"))
        })
        .collect();
    if findings.is_empty() {
        eprintln!("tidy: {} files, {} rules, all held", files.len(), CHECKS.len());
        return Ok(());
    }
    Err(format!("{} findings:{}", findings.len(), findings.concat()))
}

/// Every text file that is or would be in a commit.
fn read() -> Outcome<Vec<File>> {
    let names = Cmd::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).ask();
    let names = names.ok_or("git doesn't list the files of this checkout")?;
    // A file deleted but not yet committed is listed and not there; pictures and sounds aren't text.
    let read = |path: &str| {
        Some(File { path: path.to_owned(), text: fs::read_to_string(tree::absolute(path)).ok()? })
    };
    Ok(names.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_read() {
        let files = read().expect("git is there");
        assert!(
            files
                .iter()
                .any(|file| file.path == "xtask/src/tidy.rs" && file.text.contains("the_checkout_is_read"))
        );
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
    }
}
