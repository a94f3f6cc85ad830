//! `visavis models`: which there should be, whether they are what they should be, and what they make of a text.

use std::io::BufRead as _;

use visavis_workers::{
    models::{BadFolder, Models, State},
    read::Reader,
};

use crate::cli::{ModelsCommand, ModelsFolder};

/// Why the models can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no manifest, or it isn't one.
    #[error("{0}; `cargo xtask models` brings them")]
    Folder(#[from] BadFolder),
    /// Files that aren't what they should be.
    #[error("{0} of the files aren't what they should be; `cargo xtask models` brings them")]
    Files(usize),
    /// The network for texts can't be used.
    #[error(transparent)]
    Reader(#[from] visavis_workers::Error),
    /// What there is to read.
    #[error("the standard input can't be read: {0}")]
    Input(#[from] std::io::Error),
}

pub fn run(command: &ModelsCommand) -> Result<(), Trouble> {
    match command {
        ModelsCommand::List(ModelsFolder { models }) => {
            for file in Models::open(models)?.files() {
                println!("{}\t{}\t{}", file.path, file.package, file.licence);
            }
            Ok(())
        }
        ModelsCommand::Verify(ModelsFolder { models }) => verify(&Models::open(models)?),
        ModelsCommand::Read(ModelsFolder { models }) => read(&Models::open(models)?),
    }
}

fn read(models: &Models) -> Result<(), Trouble> {
    let mut reader = Reader::open(models)?;
    println!("hostile\ttoxic\tthreat\tinsult\thate");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let read = reader.read(&line)?;
        println!("{}\t{}\t{}\t{}\t{}\t{line}", read.hostile, read.toxic, read.threat, read.insult, read.hate);
    }
    Ok(())
}

fn verify(models: &Models) -> Result<(), Trouble> {
    let mut bad = 0;
    for file in models.files() {
        let (right, word) = match models.verify(file) {
            State::Right => (true, "right"),
            State::Missing => (false, "missing"),
            State::Wrong => (false, "another file"),
        };
        bad += usize::from(!right);
        println!("{word}\t{}", file.path);
    }
    if bad == 0 { Ok(()) } else { Err(Trouble::Files(bad)) }
}
