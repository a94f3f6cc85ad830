//! The command line: what to do, and the few settings that are worth a flag.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use visavis_domain::{id::JobId, wire::Role};

/// Visavis: meet people face to face, on your own server.
#[derive(Debug, Parser)]
#[command(name = "visavis", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until SIGTERM.
    Serve(Flags),
    /// Changes something of a place, whether it runs or not.
    Admin {
        /// Which place.
        #[command(flatten)]
        place: Place,
        /// What.
        #[command(subcommand)]
        command: Admin,
    },
    /// About the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Flags of `serve`; they win over every other source.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// A TOML file with settings (see `visavis config example`).
    #[arg(long, value_name = "FILE", env = "VISAVIS_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder for everything that is kept.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Where people reach this place; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// What this process does, separated by commas.
    #[arg(long, value_name = "LIST")]
    pub roles: Option<String>,
    /// A developer's machine: mails can be read at /dev/outbox of the private address.
    #[arg(long)]
    pub dev: bool,
}

/// Where a place is.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE", env = "VISAVIS_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// The folder for everything that is kept.
    #[arg(long, value_name = "FOLDER", global = true)]
    pub data: Option<PathBuf>,
}

impl From<Place> for Flags {
    fn from(place: Place) -> Self {
        Self { config: place.config, data: place.data, ..Self::default() }
    }
}

/// What can be changed.
#[derive(Debug, Clone, Subcommand)]
pub enum Admin {
    /// Gives an account a role; the account is made when there is none.
    Grant {
        /// The address the person signs in with.
        email: String,
        /// `user`, `moderator` or `admin`.
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Makes a new signing key; tokens of the old one stay good until they end.
    RotateKeys,
    /// What is still to be done, like mails that couldn't be sent.
    #[command(subcommand)]
    Jobs(Jobs),
}

/// About jobs.
#[derive(Debug, Clone, Subcommand)]
pub enum Jobs {
    /// Shows the newest ones: never what they hold.
    List,
    /// Lets a parked or waiting one be tried now.
    Retry {
        /// Its id, as `list` shows it.
        id: JobId,
    },
    /// Forgets one: it will not be done.
    Drop {
        /// Its id, as `list` shows it.
        id: JobId,
    },
}

/// About the settings.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Prints every setting with its meaning and default.
    Example,
    /// Says whether the settings can be used; 2 when not.
    Check(Flags),
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| "must be user, moderator or admin".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_reads_as_documented() {
        Cli::command().debug_assert();
        let line = |text: &str| Cli::try_parse_from(text.split(' '));
        let Ok(Cli { command: Command::Serve(flags) }) =
            line("visavis serve --data d --listen 127.0.0.1:0 --dev")
        else {
            panic!("serve");
        };
        assert!(flags.dev && flags.listen.as_deref() == Some("127.0.0.1:0"));
        let Ok(Cli { command: Command::Admin { place, command: Admin::Grant { email, role } } }) =
            line("visavis admin grant a@b.example admin --data d")
        else {
            panic!("grant");
        };
        assert_eq!((email.as_str(), role, place.data), ("a@b.example", Role::Admin, Some("d".into())));
        assert!(line("visavis admin grant a@b.example root").is_err());
        let id = JobId::from_bits(7);
        for jobs in ["list".to_owned(), format!("retry {id}"), format!("drop {id} --data d")] {
            assert!(line(&format!("visavis admin jobs {jobs}")).is_ok(), "{jobs}");
        }
        assert!(line("visavis admin jobs drop 7").is_err() && line("visavis admin jobs").is_err());
        assert!(line("visavis admin rotate-keys").is_ok() && line("visavis config example").is_ok());
        assert!(line("visavis config check --config x").is_ok() && line("visavis").is_err());
    }
}
