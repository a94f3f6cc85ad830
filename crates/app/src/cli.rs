//! The command line: what to do, and the few settings that are worth a flag.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use visavis_domain::{
    cases::State,
    id::{CaseId, JobId},
    wire::Role,
};

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
    /// Says what would break before it does: settings, folders, database, ports, certificates, models, mail. Changes nothing.
    Doctor(Flags),
    /// Changes something of a place, whether it runs or not.
    Admin {
        /// Which place.
        #[command(flatten)]
        place: Place,
        /// What.
        #[command(subcommand)]
        command: Admin,
    },
    /// Puts load on a place, as people would, and says how it bore it.
    #[command(subcommand)]
    LoadTest(LoadTest),
    /// About the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// About the models that moderation looks with.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// What shows what was decided, and who looked at it.
    Evidence {
        /// Which place.
        #[command(flatten)]
        place: Place,
        /// What.
        #[command(subcommand)]
        command: EvidenceCommand,
    },
    /// What was decided.
    Moderation {
        /// Which place.
        #[command(flatten)]
        place: Place,
        /// What.
        #[command(subcommand)]
        command: ModerationCommand,
    },
}

/// What about evidence.
#[derive(Debug, Clone, Subcommand)]
pub enum EvidenceCommand {
    /// Whether every piece and every entry of the audit log is as it was written; fails when one isn't.
    Verify,
    /// The last entries of the audit log: number, time, who, what, with what, why, and a MAC over all of it up to there.
    Log {
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: u32,
    },
    /// Nothing of a case is deleted any more, until it is released: for a court, say.
    Hold {
        /// The case, as `visavis moderation cases` shows it.
        #[arg(value_parser = case)]
        case: CaseId,
        /// Why; written into the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// A hold ends: what is past its day is gone at once.
    Release {
        /// The case, as `visavis moderation cases` shows it.
        #[arg(value_parser = case)]
        case: CaseId,
        /// Why; written into the audit log.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// What about decisions.
#[derive(Debug, Clone, Subcommand)]
pub enum ModerationCommand {
    /// Cases in the order in which they are looked at: id, state, since when, priority, about whom, and what is in them.
    Cases {
        /// `open`, `decided`, `appealed` or `final`.
        #[arg(long, value_name = "STATE", default_value = "open", value_parser = state)]
        state: State,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Computes the decisions by rule of a case again from what was noticed; fails when one differs.
    Replay {
        /// The case, as `visavis moderation cases` shows it.
        #[arg(value_parser = case)]
        case: CaseId,
        /// Rules of the version that held then; else those that hold now.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Decisions that stand, one JSON object a line, in the shape of the EU's transparency database. Names nobody.
    Export {
        /// Those of the last so many days.
        #[arg(long, value_name = "DAYS", default_value_t = 1)]
        days: u32,
    },
}

/// What about the models.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Which there should be, from where, under which licence.
    List(ModelsFolder),
    /// Whether each file is what it should be; fails when one isn't.
    Verify(ModelsFolder),
    /// What is made of each line of the standard input: how hostile it is, in thousandths (docs/moderation.md), and the line.
    Read(ModelsFolder),
}

/// Where they are.
#[derive(Debug, Clone, Args)]
pub struct ModelsFolder {
    /// The folder with their manifest.
    #[arg(long, value_name = "FOLDER", default_value = "models")]
    pub models: PathBuf,
}

/// What kind of load.
#[derive(Debug, Clone, Subcommand)]
pub enum LoadTest {
    /// Rooms full of people without faces: real WebRTC connections that come in through the public API.
    Room(RoomLoad),
}

/// Rooms full of people.
#[derive(Debug, Clone, Args)]
pub struct RoomLoad {
    /// People in each room who send sound and pictures in three layers; they watch one another.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub publishers: u32,
    /// People in each room who only watch.
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub subscribers: u32,
    /// Rooms.
    #[arg(long, value_name = "R", default_value_t = 1)]
    pub rooms: u32,
    /// Seconds after the last has come in; Ctrl-C ends them sooner.
    #[arg(long, value_name = "S", default_value_t = 30)]
    pub duration: u64,
    /// The place, over http; without it a server of the test's own is started.
    #[arg(long, value_name = "URL", requires = "private")]
    pub url: Option<String>,
    /// Its private address, where a server in development mode shows its mails.
    #[arg(long, value_name = "URL")]
    pub private: Option<String>,
    /// A room that is there already; all come into it.
    #[arg(long, value_name = "ID")]
    pub room: Option<String>,
    /// People in that room who aren't of this test and whose pictures must come, too.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub others: u32,
    /// The server's process on this machine, to say what it costs.
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
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
    /// Gives an account a role. The person must have signed in once.
    Grant {
        /// The address the person signs in with.
        email: String,
        /// `user`, `moderator` or `admin`.
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Makes a new signing key; tokens of the old one stay good until they end.
    RotateKeys {
        /// The secret key that was there is lost for good: forgets the signing keys that it sealed. Everybody signs in anew.
        #[arg(long)]
        lost: bool,
    },
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
        #[arg(value_parser = job)]
        id: JobId,
    },
    /// Forgets one: it will not be done.
    Drop {
        /// Its id, as `list` shows it.
        #[arg(value_parser = job)]
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

fn case(text: &str) -> Result<CaseId, String> {
    text.parse().map_err(|_| {
        "must be the id of a case, like cas_01JD5V9GQ3M7T8X2K4N6P0R1SW; `visavis moderation cases` shows them".to_owned()
    })
}

fn job(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| {
        "must be the id of a job, like job_01JD5V9GQ3M7T8X2K4N6P0R1SW; `visavis admin jobs list` shows them".to_owned()
    })
}

fn state(text: &str) -> Result<State, String> {
    text.parse().map_err(|()| "must be open, decided, appealed or final".to_owned())
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
        let case = CaseId::from_bits(7);
        for right in [
            "evidence verify --data d".to_owned(),
            format!("evidence hold {case} --reason court"),
            format!("moderation replay {case} --rules r.toml"),
            "moderation export --days 7".to_owned(),
        ] {
            assert!(line(&format!("visavis {right}")).is_ok(), "{right}");
        }
        assert!(line(&format!("visavis evidence hold {case}")).is_err(), "without a reason");
        for right in
            ["evidence log --last 3", "moderation cases --state appealed --limit 9", "doctor --data d"]
        {
            assert!(line(&format!("visavis {right}")).is_ok(), "{right}");
        }
        for wrong in ["evidence release 7 --reason x", "moderation replay cas_7"] {
            let why = line(&format!("visavis {wrong}")).unwrap_err().to_string();
            assert!(why.contains("like cas_01") && why.contains("moderation cases"), "{why}");
        }
        assert!(super::case("cas_01JD5V9GQ3M7T8X2K4N6P0R1SW").is_ok(), "the example is one");
        assert!(job("job_01JD5V9GQ3M7T8X2K4N6P0R1SW").is_ok());
        let why = line("visavis admin jobs drop 7").unwrap_err().to_string();
        assert!(why.contains("like job_01"), "{why}");
        assert!(line("visavis moderation cases --state busy").is_err());
        let Ok(Cli { command: Command::LoadTest(LoadTest::Room(load)) }) =
            line("visavis load-test room --publishers 9 --subscribers 1 --rooms 2 --duration 60")
        else {
            panic!("load-test");
        };
        assert_eq!((load.publishers, load.subscribers, load.rooms, load.duration), (9, 1, 2, 60));
        assert!(
            line("visavis load-test room --url http://127.0.0.1:8080").is_err(),
            "whose mails can't be read"
        );
        assert!(line("visavis admin rotate-keys").is_ok() && line("visavis config example").is_ok());
        assert!(line("visavis config check --config x").is_ok() && line("visavis").is_err());
    }
}
