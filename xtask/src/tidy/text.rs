//! What may not be written in a file, and how long one may be.

use super::File;

/// Over that, a file is a question to answer in review: does it hold one idea?
const LONG: usize = 600;
/// Those that are longer, each with the answer.
const LONG_WITH_REASON: &[(&str, &str)] = &[(
    "crates/domain/src/room/layers.rs",
    "one machine: sharing a link out and making up one's mind about it decide together; a third is its tests",
)];
/// What people write by hand.
const WRITTEN: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".mjs", ".css", ".html", ".sql", ".sh"];

/// No file that people write is over the limit unless listed; none is listed without need.
pub fn long_files(files: &[File]) -> Vec<String> {
    too_long(files, LONG_WITH_REASON)
}

fn too_long(files: &[File], listed: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| WRITTEN.iter().any(|end| file.path.ends_with(end))) {
        let lines = file.text.lines().count();
        let is_listed = listed.iter().any(|(path, _)| *path == file.path);
        if lines > LONG && !is_listed {
            findings.push(format!("{}: {lines} lines", file.path));
        } else if lines <= LONG && is_listed {
            findings.push(format!("{}: listed as long, and is not", file.path));
        }
    }
    findings
}

/// The clients know where their registries are; a clone elsewhere may use a mirror.
pub fn registry_hosts(files: &[File]) -> Vec<String> {
    // In two parts, so that this file isn't found.
    let hosts = [
        ("registry.", "npmjs.org"),
        ("registry.", "yarnpkg.com"),
        ("pypi.", "org"),
        ("pythonhosted", ".org"),
        ("static.", "crates.io"),
        ("index.", "crates.io"),
        ("://", "crates.io"),
        ("deb.", "debian.org"),
        ("security.", "debian.org"),
        ("archive.", "ubuntu.com"),
        ("proxy.", "golang.org"),
    ]
    .map(|(start, end)| format!("{start}{end}"));
    lines_with(files, |_| true, |line| hosts.iter().find(|host| line.contains(host.as_str())).cloned())
}

/// `omit-lockfile-registry-resolved` in an `.npmrc` keeps them out.
pub fn npm_addresses(files: &[File]) -> Vec<String> {
    let lock = |path: &str| path.ends_with("package-lock.json");
    lines_with(files, lock, |line| {
        line.contains("\"resolved\":").then(|| "an address of a package".to_owned())
    })
}

/// `#[expect(…, reason = …)]` says so when it is no longer needed; the other form stays for ever.
pub fn allowed_lints(files: &[File]) -> Vec<String> {
    let needles = ["#", "#!"].map(|start| format!("{start}[{}(", "allow"));
    let rust = |path: &str| path.rsplit_once('.').is_some_and(|(_, end)| end == "rs");
    lines_with(files, rust, |line| {
        needles
            .iter()
            .any(|needle| line.trim_start().starts_with(needle.as_str()))
            .then(|| "a lint is allowed".to_owned())
    })
}

fn lines_with(
    files: &[File],
    of: impl Fn(&str) -> bool,
    wrong: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| of(&file.path)) {
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(what) = wrong(line) {
                findings.push(format!("{}:{number}: {what}", file.path));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_long_file_is_found_unless_its_reason_is_listed() {
        let text = |lines| "x\n".repeat(lines);
        let listed = [("a.rs", "one table")];
        assert!(
            too_long(
                &[file("b.rs", &text(600)), file("a.rs", &text(601)), file("c.lock", &text(900))],
                &listed
            )
            .is_empty()
        );
        assert_eq!(too_long(&[file("b.rs", &text(601))], &listed).len(), 1);
        assert_eq!(too_long(&[file("a.rs", &text(600))], &listed).len(), 1, "a stale line of the list");
    }

    #[test]
    fn a_registry_host_is_found_anywhere() {
        let host = ["registry.", "npmjs.org"].concat();
        assert_eq!(registry_hosts(&[file("docs/a.md", &format!("one\nfrom https://{host}/x\n"))]).len(), 1);
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert!(
            registry_hosts(&[file("Cargo.lock", lock), file("a.md", "the crates.io registry")]).is_empty()
        );
    }

    #[test]
    fn an_address_in_an_npm_lock_is_found() {
        let line = "      \"resolved\": \"https://somewhere.example/x.tgz\",\n";
        assert_eq!(npm_addresses(&[file("web/package-lock.json", line)]).len(), 1);
        assert!(
            npm_addresses(&[file("web/package.json", line), file("package-lock.json", "\"version\": \"1\"")])
                .is_empty()
        );
    }

    #[test]
    fn an_allowed_lint_is_found_in_code_only() {
        let word = "allow";
        for bad in [format!("    #[{word}(dead_code)]"), format!("#![{word}(dead_code)]")] {
            assert_eq!(allowed_lints(&[file("a.rs", &bad)]).len(), 1, "{bad}");
            assert!(allowed_lints(&[file("a.md", &bad)]).is_empty());
        }
        assert!(
            allowed_lints(&[file("a.rs", "#[expect(dead_code, reason = \"soon\")]\n// never #[allow]")])
                .is_empty()
        );
    }
}
