//! Files that settings name: whether they are there to be read, said before they are needed.

use std::{fs::File, path::Path};

use visavis_platform::mail;

use super::{Config, Role, Wrong};

impl Config {
    /// What can't be read, of what this process would read.
    pub(super) fn unreadable(&self) -> Vec<Wrong> {
        let smtp = matches!(self.mail.backend, mail::Kind::Smtp) && self.does(Role::Auth);
        let web = self.does(Role::Gateway);
        let rules = self.watch.on && self.does(Role::Rooms);
        let files = [
            ("watch.rules", self.watch.rules.as_deref().filter(|_| rules)),
            ("tls.cert", self.tls.cert.as_deref().filter(|_| web)),
            ("tls.key", self.tls.key.as_deref().filter(|_| web)),
            ("rpc.tls.cert", self.rpc.tls.cert.as_deref()),
            ("rpc.tls.key", self.rpc.tls.key.as_deref()),
            ("rpc.tls.ca", self.rpc.tls.ca.as_deref()),
            ("mail.smtp.ca_file", self.mail.smtp.ca_file.as_deref().filter(|_| smtp)),
            ("mail.smtp.password_file", self.mail.smtp.password_file.as_deref().filter(|_| smtp)),
        ];
        let mut wrong: Vec<_> =
            files.into_iter().filter_map(|(key, file)| Some((key, cause(file?)?))).collect();
        let models = &self.watch.models;
        // Without any the place runs, and says that it doesn't look: only what was asked for is missed.
        let asked = *models != Self::default().watch.models;
        if self.watch.on && self.does(Role::Sight) && asked {
            let manifest = models.join("manifest.toml");
            wrong.extend(cause(&manifest).map(|why| {
                ("watch.models", format!("{}: {why}; `cargo xtask models` brings them", manifest.display()))
            }));
        }
        wrong
    }

    /// Nobody looks at calls where there is nothing to look with; the place runs all the same.
    pub fn lacks_models(&self) -> Option<String> {
        let models = &self.watch.models;
        let missing = self.watch.on && self.does(Role::Sight) && !models.join("manifest.toml").exists();
        missing.then(|| {
            let models = models.display();
            format!(
                "watch.models = {models}: there are no models, so calls aren't looked at; `cargo xtask models` brings them"
            )
        })
    }
}

fn cause(file: &Path) -> Option<String> {
    let opened = File::open(file).and_then(|file| file.metadata());
    match opened {
        Ok(meta) if meta.is_dir() => Some("is a folder, not a file".to_owned()),
        Ok(_) => None,
        Err(error) => Some(format!("can't be read: {error}")),
    }
}
