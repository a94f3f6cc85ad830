//! `visavis models`: which there should be, and whether they are what they should be.

use visavis_workers::models::{BadFolder, Models, State};

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
    }
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
