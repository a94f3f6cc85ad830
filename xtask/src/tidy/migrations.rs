//! Migrations run in the order of their numbers, on two databases.

use std::collections::BTreeMap;

use super::File;

/// Each is called `NNNN_what_it_does.sql`, and no number is used twice.
pub fn numbered(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("migrations/") else { continue };
        let Some(number) = number(name) else {
            findings.push(format!("{}: not NNNN_what_it_does.sql", file.path));
            continue;
        };
        if let Some(other) = seen.insert(number, name) {
            findings.push(format!("{}: number {number} is also {other}'s", file.path));
        }
    }
    findings
}

fn number(name: &str) -> Option<&str> {
    let (number, words) = name.strip_suffix(".sql")?.split_once('_')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (number.len() == 4
        && number.chars().all(|c| c.is_ascii_digit())
        && !words.is_empty()
        && words.chars().all(plain))
    .then_some(number)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_migration_out_of_order_is_found() {
        assert!(
            numbered(&[file("migrations/0001_users.sql", ""), file("migrations/0002_calls.sql", "")])
                .is_empty()
        );
        for bad in [
            "1_users.sql",
            "0001-users.sql",
            "0001_users.txt",
            "00a1_users.sql",
            "0001_.sql",
            "old/0001_users.sql",
            "0001_Users.sql",
        ] {
            assert_eq!(numbered(&[file(&format!("migrations/{bad}"), "")]).len(), 1, "{bad}");
        }
        let twice = [file("migrations/0001_users.sql", ""), file("migrations/0001_calls.sql", "")];
        assert_eq!(numbered(&twice).len(), 1);
    }
}
