//! Which crate may name which: read from the manifests.

use super::File;

/// The map of ARCHITECTURE.md: a package of ours and those of ours it may name, tests included.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("visavis-domain", &[]),
    ("visavis-platform", &["visavis-domain", "visavis-testkit"]),
    ("visavis-testkit", &["visavis-domain", "visavis-platform"]),
    ("visavis-services", &["visavis-domain", "visavis-platform", "visavis-testkit"]),
    ("visavis-sfu", &["visavis-domain", "visavis-platform", "visavis-testkit"]),
    ("visavis-edge", &["visavis-domain", "visavis-platform", "visavis-testkit"]),
    ("visavis-workers", &["visavis-domain", "visavis-platform", "visavis-testkit"]),
    (
        "visavis",
        &[
            "visavis-domain",
            "visavis-platform",
            "visavis-services",
            "visavis-sfu",
            "visavis-edge",
            "visavis-workers",
            "visavis-testkit",
        ],
    ),
    ("xtask", &["visavis-domain"]),
];

/// What brings a runtime, a clock, dice or I/O with it: starts of names.
const NOT_PURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "axum",
    "hyper",
    "sqlx",
    "socketioxide",
    "str0m",
    "rand",
    "getrandom",
    "lettre",
];

/// Packages of ours name only those below them.
pub fn between_crates(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in manifests(files) {
        let Some(package) = package(&file.text) else { continue };
        let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == package) else {
            findings.push(format!(
                "{}: {package} has no line in MAY_NAME of xtask/src/tidy/arrows.rs",
                file.path
            ));
            continue;
        };
        for (line, name) in dependencies(&file.text) {
            if name.starts_with("visavis") && name != package && !may.contains(&name) {
                findings.push(format!("{}:{line}: {package} names {name}", file.path));
            }
        }
    }
    findings
}

/// The domain's dependencies are pure.
pub fn pure_domain(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in manifests(files).filter(|file| package(&file.text) == Some("visavis-domain")) {
        for (line, name) in dependencies(&file.text) {
            let word = |start: &&&str| {
                name.strip_prefix(**start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            if NOT_PURE.iter().any(|start| word(&start)) {
                findings.push(format!("{}:{line}: the domain names {name}", file.path));
            }
        }
    }
    findings
}

fn manifests(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with("/Cargo.toml") && !file.path.starts_with("fuzz/"))
}

fn package(manifest: &str) -> Option<&str> {
    let name = manifest.lines().find_map(|line| line.trim().strip_prefix("name"))?;
    name.trim_start().strip_prefix('=')?.trim().strip_prefix('"')?.split('"').next()
}

/// The names in every table of dependencies (of tests and builds too), each with its line. `x.workspace = true`,
/// `x = …` and `[dependencies.x]` are how they are written here.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(manifest.lines().map(str::trim)) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let (before, last) = table.rsplit_once('.').unwrap_or(("", table));
            inside = last.ends_with("dependencies");
            if before.ends_with("dependencies") {
                found.push((number, last));
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            found.push((number, line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"')));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    const SERVICES: &str =
        "[package]\nname = \"visavis-services\"\n\n[dependencies]\nvisavis-domain.workspace = true\n";

    #[test]
    fn a_sibling_is_found_however_it_is_written() {
        let path = "crates/services/Cargo.toml";
        assert!(between_crates(&[file(path, SERVICES)]).is_empty());
        for more in [
            "visavis-edge.workspace = true",
            "visavis-edge = { path = \"../edge\" }",
            "[dev-dependencies]\nvisavis-edge.workspace = true",
            "[dependencies.visavis-edge]\npath = \"../edge\"",
            "[target.'cfg(unix)'.dependencies]\nvisavis-edge.workspace = true",
            "[build-dependencies]\n\"visavis-edge\" = \"1\"",
        ] {
            let findings = between_crates(&[file(path, &format!("{SERVICES}{more}\n"))]);
            assert_eq!(findings.len(), 1, "{more}: {findings:?}");
            assert!(findings[0].contains("visavis-services names visavis-edge"), "{findings:?}");
        }
    }

    #[test]
    fn a_feature_or_lint_of_that_name_is_no_dependency() {
        let text = format!("{SERVICES}[features]\nvisavis-edge = []\n[lints]\nworkspace = true\n");
        assert!(between_crates(&[file("crates/services/Cargo.toml", &text)]).is_empty());
    }

    #[test]
    fn a_crate_that_the_map_doesnt_know_is_found() {
        let findings =
            between_crates(&[file("crates/new/Cargo.toml", "[package]\nname = \"visavis-new\"\n")]);
        assert!(findings.len() == 1 && findings[0].contains("visavis-new"), "{findings:?}");
    }

    #[test]
    fn a_domain_with_a_runtime_is_found() {
        let manifest = |line: &str| {
            file(
                "crates/domain/Cargo.toml",
                &format!("[package]\nname = \"visavis-domain\"\n[dependencies]\n{line}\n"),
            )
        };
        assert!(pure_domain(&[manifest("serde.workspace = true")]).is_empty());
        assert_eq!(pure_domain(&[manifest("tokio.workspace = true")]).len(), 1);
        assert_eq!(pure_domain(&[manifest("tokio-util = \"1\"")]).len(), 1);
        assert_eq!(between_crates(&[manifest("visavis-platform.workspace = true")]).len(), 1);
    }
}
