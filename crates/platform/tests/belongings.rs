//! Whoever adds a table says what becomes of it when a person goes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeSet, fs};

use visavis_platform::db::belongings::{CASCADES, ERASED, NOBODYS};

fn migrations() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// Of each table its name and its columns.
fn tables(sql: &str) -> Vec<(&str, &str)> {
    let all = sql.split("CREATE TABLE ").skip(1);
    all.map(|rest| rest.split_once(" (").unwrap())
        .map(|(name, rest)| (name, rest.split_once(");").unwrap().0))
        .collect()
}

#[test]
fn every_table_is_erased_goes_with_the_account_or_holds_nobody() {
    let sql = migrations();
    let there: BTreeSet<&str> = tables(&sql).into_iter().map(|(name, _)| name).collect();
    let known: Vec<&str> = CASCADES.into_iter().chain(ERASED).chain(NOBODYS).collect();
    assert_eq!(known.iter().copied().collect::<BTreeSet<_>>(), there);
    assert_eq!(known.len(), there.len(), "each once");
}

#[test]
fn what_goes_with_the_account_says_so_and_what_holds_nobody_names_nobody() {
    let sql = migrations();
    for (name, columns) in tables(&sql) {
        let people = columns.lines().filter(|line| line.contains("REFERENCES users"));
        let mut people = people.peekable();
        if CASCADES.contains(&name) {
            assert!(people.peek().is_some(), "{name}");
            assert!(people.all(|line| line.contains("ON DELETE CASCADE")), "{name}");
        } else if NOBODYS.contains(&name) {
            for word in ["user_id", "owner_id", "email ", "other_id", "REFERENCES users"] {
                assert!(!columns.contains(word), "{name} has {word}");
            }
        }
    }
}
