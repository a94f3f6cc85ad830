//! One network in the runtime (ONNX Runtime, loaded from a file when the process starts to look).

use std::{
    borrow::Cow,
    fmt::Display,
    path::Path,
    sync::{Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    session::{Session, SessionInputValue},
    value::Tensor,
};

use crate::models::Models;

/// What can't be looked at, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime or a network can't be loaded.
    #[error("{what}: {why}")]
    Load {
        /// Which file.
        what: String,
        /// Why.
        why: String,
    },
    /// A network failed on this input.
    #[error("a model failed: {0}")]
    Run(String),
    /// The sample isn't what it says it is.
    #[error("the sample is {0}")]
    Sample(&'static str),
}

/// A network. One at a time may run it; whoever wants more opens it again.
pub(crate) struct Net(Session);

/// What goes in or comes out.
pub(crate) enum Values {
    Floats(Vec<usize>, Vec<f32>),
    Integers(Vec<usize>, Vec<i64>),
    Flags(Vec<usize>, Vec<bool>),
}

/// The runtime is loaded once in a process.
static RUNTIME: Mutex<Option<Environment>> = Mutex::new(None);

impl Net {
    pub(crate) fn open(models: &Models, file: &str) -> Result<Self, Error> {
        let environment = runtime(&models.path("runtime/libonnxruntime.so"))?;
        let path = models.path(file);
        let failed = |why: String| Error::Load { what: path.display().to_string(), why };
        // Builders give their error with themselves: its words are all that is wanted.
        let builder = Session::builder(&environment).map_err(|err| failed(err.to_string()))?;
        let builder = builder.with_intra_threads(1).map_err(|err| failed(err.to_string()))?;
        let mut builder = builder.with_inter_threads(1).map_err(|err| failed(err.to_string()))?;
        builder.commit_from_file(&path).map(Self).map_err(|err| failed(err.to_string()))
    }

    /// Runs it; gives the outputs of these names.
    pub(crate) fn run(
        &mut self,
        inputs: Vec<(&str, Values)>,
        outputs: &[&str],
    ) -> Result<Vec<Vec<f32>>, Error> {
        let failed = |err: ort::Error| Error::Run(err.to_string());
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for (name, value) in inputs {
            let value = match value {
                Values::Floats(shape, data) => Tensor::from_array((shape, data)).map_err(failed)?.into(),
                Values::Integers(shape, data) => Tensor::from_array((shape, data)).map_err(failed)?.into(),
                Values::Flags(shape, data) => Tensor::from_array((shape, data)).map_err(failed)?.into(),
            };
            values.push((name.into(), value));
        }
        let all = self.0.run(values).map_err(failed)?;
        let one = |name: &&str| {
            let value = all.get(*name).ok_or_else(|| Error::Run(format!("has no output {name}")))?;
            value.try_extract_tensor::<f32>().map(|(_, data)| data.to_vec()).map_err(failed)
        };
        outputs.iter().map(one).collect()
    }
}

fn runtime(library: &Path) -> Result<Environment, Error> {
    let mut loaded = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let failed =
        |err: &dyn Display| Error::Load { what: library.display().to_string(), why: err.to_string() };
    let builder = ort::init_from(library).map_err(|err| failed(&err))?;
    let environment = builder.with_telemetry(false).build().map_err(|err| failed(&err))?;
    Ok(loaded.insert(environment).clone())
}
