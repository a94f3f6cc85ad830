//! The `visavis` binary: reads the command line and the settings, and runs one command. A setting that can't be used ends
//! with 2 and says which; any other failure with 1.

mod admin;
mod cli;
mod config;
mod descriptors;
mod doctor;
mod load_test;
mod media;
mod models;
mod moderation;
mod serve;
mod shared;
mod undertaker;
mod wire;

use std::{io, net::SocketAddr, process::ExitCode};

use clap::Parser;
use visavis_domain::Fault;
use visavis_edge::tls::TlsError;
use visavis_platform::{
    db::OpenError, folder::FolderError, mail, redis_link, rpc, secret::SecretError, telemetry::TelemetryError,
};

use cli::{Cli, Command, ConfigCommand, Flags, LoadTest};
use config::{ConfigError, Loaded};

/// Why the process ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A part has failed that the others need.
    #[error("a part of this process has failed: the log says which; start it again")]
    Broken,
    /// A port can't be had.
    #[error("{key} = {at}: {cause}; is another server running there?")]
    Bind {
        /// The setting.
        key: &'static str,
        /// Its value.
        at: SocketAddr,
        /// The system's word.
        cause: io::Error,
    },
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database can't be opened.
    #[error("the database can't be opened: {0}")]
    Database(#[from] OpenError),
    /// Redis can't be used.
    #[error(transparent)]
    Redis(#[from] redis_link::OpenError),
    /// A command is about a place that isn't there.
    #[error(transparent)]
    NoPlace(#[from] shared::NoPlace),
    /// A database and a secret key of two places.
    #[error(transparent)]
    OtherSecret(#[from] shared::OtherSecret),
    /// The rules of moderation can't be taken.
    #[error("watch.rules: {0}")]
    Rules(#[from] visavis_workers::rules::BadFile),
    /// Something would break.
    #[error("it would break: {0} of these lines say where")]
    Ill(usize),
    /// The secret key can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Mail can't be set up.
    #[error("mail can't be set up: {0}")]
    Mail(#[from] mail::SetupError),
    /// Logs or metrics can't be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificates between processes can't be used.
    #[error(transparent)]
    RpcTls(#[from] rpc::tls::TlsError),
    /// A role has refused.
    #[error("{}", .0.detail)]
    Fault(#[from] Fault),
    /// A load test couldn't be run, or has found something missing.
    #[error(transparent)]
    LoadTest(#[from] load_test::Trouble),
    /// Models can't be used.
    #[error(transparent)]
    Models(#[from] models::Trouble),
    /// Something of moderation isn't as it should be.
    #[error(transparent)]
    Moderation(#[from] moderation::Trouble),
    /// The system has refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Telemetry(_) => 2,
            _ => 1,
        }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("visavis: {failure}");
            failure.exit_code().into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(flags) => runtime()?.block_on(serve::run(load(&flags)?)),
        Command::Doctor(flags) => runtime()?.block_on(doctor::run(load(&flags))),
        Command::Admin { place, command } => {
            let Loaded { config, .. } = load(&place.into())?;
            runtime()?.block_on(admin::run(&config, command))
        }
        Command::LoadTest(LoadTest::Room(room)) => Ok(runtime()?.block_on(load_test::run(room))?),
        Command::Models(command) => Ok(models::run(&command)?),
        Command::Evidence { place, command } => {
            let Loaded { config, .. } = load(&place.into())?;
            runtime()?.block_on(moderation::evidence(&config, command))
        }
        Command::Moderation { place, command } => {
            let Loaded { config, .. } = load(&place.into())?;
            runtime()?.block_on(moderation::decisions(&config, command))
        }
        Command::Config(ConfigCommand::Example) => {
            print!("{}", config::example());
            Ok(())
        }
        Command::Config(ConfigCommand::Check(flags)) => {
            let Loaded { warnings, unreadable, config } = load(&flags)?;
            for warning in warnings.into_iter().chain(config.lacks_models()) {
                println!("warning: {warning}");
            }
            if let Some(first) = unreadable.into_iter().next() {
                return Err(first.into());
            }
            println!("the settings can be used");
            Ok(())
        }
    }
}

fn load(flags: &Flags) -> Result<Loaded, ConfigError> {
    config::load(flags, std::env::vars())
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
