//! Roles that live in one crate are as apart as crates: a module of `services` names no other.

use super::File;

const TOP: &str = "crates/services/src/";
/// The modules that are roles; what else the crate holds (shared ground) may be named by all of them.
const ROLES: &[&str] = &["auth", "users", "friends", "matchmaking", "moderation", "broadcasts", "analytics"];

/// No role's file names another role's module.
pub fn between_services(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let Some(inner) = file.path.strip_prefix(TOP) else { continue };
        let own = inner.split(['/', '.']).next().unwrap_or_default();
        if !ROLES.contains(&own) {
            continue;
        }
        for (number, line) in paths(&file.text) {
            if let Some(other) = named(&line).into_iter().find(|name| *name != own && ROLES.contains(name)) {
                findings.push(format!("{}:{number}: {own} names {other}", file.path));
            }
        }
    }
    findings
}

/// The text from each `crate::` or `super::` on, comments left out, with its line number.
fn paths(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for root in ["crate::", "super::"] {
            for (column, _) in line.match_indices(root) {
                // A group in braces goes on until its statement ends.
                let rest =
                    std::iter::once(&line[column + root.len()..]).chain(lines[at + 1..].iter().copied());
                let mut path = String::new();
                for part in rest {
                    path += part.trim();
                    if !path.starts_with('{') || part.contains(';') {
                        break;
                    }
                }
                found.push((at + 1, path));
            }
        }
    }
    found
}

/// The first names after the root: one, or each of a group in braces.
fn named(path: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(group) = path.strip_prefix('{') else { return vec![&path[..word(path)]] };
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                found.push(&group[at..at + word(&group[at..])]);
                start = false;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn one_role_naming_another_is_found_however_it_is_written() {
        for text in [
            "use crate::users::Card;",
            "fn f() { crate::users::f() }",
            "use super::users;",
            "use crate::{\n    rules::Rule,\n    users::Card,\n};",
            "use crate::{auth::{Key, users}, users};",
        ] {
            let findings = between_services(&[file("crates/services/src/auth/code.rs", text)]);
            assert_eq!(findings.len(), 1, "{text}: {findings:?}");
            assert!(findings[0].contains("auth names users"), "{findings:?}");
        }
    }

    #[test]
    fn what_a_role_may_name_is_not_found() {
        for text in [
            "use crate::auth::token;",
            "use crate::{auth::{Key, users}, rules};",
            "use visavis_domain::contract::users::Users;",
            "// not crate::users",
            "use crate::users_of_the_word;",
        ] {
            let findings = between_services(&[file("crates/services/src/auth.rs", text)]);
            assert!(findings.is_empty(), "{text}: {findings:?}");
        }
        assert!(
            between_services(&[file("crates/services/src/lib.rs", "pub use crate::users::Users;")])
                .is_empty()
        );
        assert!(between_services(&[file("crates/edge/src/auth.rs", "use crate::users;")]).is_empty());
    }
}
