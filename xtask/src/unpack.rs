//! Servers of others that tests stand beside ours: their Debian packages are fetched and unpacked below `target/`, not
//! installed. Installed they would be started as services, and listen on a developer's machine with nobody's settings.

use std::{
    env, fs,
    io::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Outcome, command::Cmd, install::Apt, setup::executable, tree};

/// One package, from the disk.
const UNPACK: Duration = Duration::from_mins(1);

/// A server, and where it is.
pub struct Server {
    /// Names another one in its place.
    variable: &'static str,
    /// Its path on a machine that has it, and in its package.
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

pub const NGINX: Server = Server {
    variable: "NGINX",
    program: "usr/sbin/nginx",
    package: "nginx",
    why: "docs/operations.md shows settings for it, which are tried as they stand there",
};
pub const COTURN: Server = Server {
    variable: "COTURN",
    program: "usr/bin/turnserver",
    package: "coturn",
    why: "docs/operations.md shows settings for it, and calls go through it in the tests",
};

impl Server {
    /// The machine's own, or one that is unpacked for the tests.
    pub fn find_or_unpack(&self, apt: &Apt) -> Outcome<PathBuf> {
        if let Some(named) = env::var_os(self.variable) {
            return Ok(named.into());
        }
        let own = Path::new("/").join(self.program);
        if own.exists() {
            return Ok(own);
        }
        let home = tree::target("unpacked").join(self.package);
        let start = home.join("start");
        if !start.exists() {
            self.unpack(apt, &home)?;
            self.lay(&home, &start).map_err(|err| format!("{}: {err}", home.display()))?;
        }
        Ok(start)
    }

    /// With all it needs that this machine doesn't have.
    fn unpack(&self, apt: &Apt, home: &Path) -> Outcome {
        let (packages, root) = (home.join("packages"), home.join("root"));
        for folder in [&packages.join("partial"), &root] {
            fs::create_dir_all(folder).map_err(|err| format!("{}: {err}", folder.display()))?;
        }
        apt.fetch(self.package, &packages, self.why)?;
        for package in tree::files(&packages, ".deb") {
            Cmd::new("dpkg-deb").arg("--extract").arg(package).arg(&root).run(UNPACK)?;
        }
        let there = root.join(self.program).exists();
        there
            .then_some(())
            .ok_or_else(|| format!("{} has no {}: install it by hand", self.package, self.program))
    }

    /// What starts it with its own libraries before the machine's.
    fn lay(&self, home: &Path, start: &Path) -> Result<(), Error> {
        let root = home.join("root");
        let mut libraries = vec![root.join("usr/lib")];
        // By the machine's kind, like usr/lib/x86_64-linux-gnu; a package may have none.
        let kinds = fs::read_dir(&libraries[0]).into_iter().flatten().flatten();
        libraries.extend(kinds.map(|kind| kind.path()).filter(|kind| kind.is_dir()));
        let path = env::join_paths(libraries).map_err(Error::other)?;
        let program = root.join(self.program);
        let words =
            format!("#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n", path.display(), program.display());
        fs::write(start, words)?;
        executable(start)
    }
}
