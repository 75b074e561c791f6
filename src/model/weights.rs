//! How the weights of a stage get from a pack, or a trainer, into an engine.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::quant::{Matrix, PANEL};

/// Where a stage's tensors come from.
pub trait Stages {
    /// The tensors whose names start with `stage` and a dot, as the pack names them (`docs/pack-format.md`).
    ///
    /// # Errors
    /// Those of the implementation; for a pack, [`Error::Tensor`] and those of its source.
    async fn stage(&self, stage: &str) -> Result<Tensors>;

    /// Called before each stage. Yields to other work, such as a browser's event loop.
    ///
    /// # Errors
    /// [`Error::Aborted`] if the request was cancelled.
    async fn pause(&self) -> Result<()>;
}

/// The tensors of one stage, by the part of the name after the stage.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tensors {
    /// The name of the stage.
    pub stage: String,
    /// Rows may be padded to whole panels. The model knows the true number of rows.
    pub matrices: HashMap<String, Matrix>,
    /// Vectors, and small matrices `[rows, cols]` in row-major order.
    pub vectors: HashMap<String, Vec<f32>>,
    /// Lists of integers.
    pub integers: HashMap<String, Vec<u16>>,
}

/// Where the weights of a part of the network come from: a pack ([`Packed`]), or a trainer.
pub trait Weights<E: Engine> {
    /// The matrix `[rows, cols]`.
    ///
    /// # Errors
    /// [`Error::Tensor`] if it is missing or has another shape, and those of the engine.
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<E::Weight>;

    /// The f32 tensor `[rows, cols]`.
    ///
    /// # Errors
    /// As [`Weights::matrix`].
    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<E::Tensor>;

    /// The vector of `cols` values, as `[1, cols]`.
    ///
    /// # Errors
    /// As [`Weights::matrix`].
    fn vector(&mut self, name: &str, cols: usize) -> Result<E::Tensor> {
        self.tensor(name, 1, cols)
    }
}

/// The tensors of a stage, to be loaded into an engine.
pub struct Packed<'a, E> {
    engine: &'a E,
    tensors: Tensors,
}

impl<'a, E: Engine> Packed<'a, E> {
    /// Loads `tensors` into `engine`, each when the model asks for it.
    pub fn new(engine: &'a E, tensors: Tensors) -> Self {
        Packed { engine, tensors }
    }
}

impl<E: Engine> Weights<E> for Packed<'_, E> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<E::Weight> {
        let t = &mut self.tensors;
        let mut matrix = t.matrices.remove(name).ok_or_else(|| t.missing(name))?;
        if matrix.rows.next_multiple_of(PANEL) != rows.next_multiple_of(PANEL) || matrix.cols != cols {
            let reason = format!("shape [{}, {}], expected [{rows}, {cols}]", matrix.rows, matrix.cols);
            return Err(Error::tensor(format!("{}.{name}", t.stage), reason));
        }
        matrix.rows = rows;
        self.engine.weight(matrix)
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<E::Tensor> {
        let t = &mut self.tensors;
        let values = t.vectors.remove(name).ok_or_else(|| t.missing(name))?;
        if values.len() != rows * cols {
            let reason = format!("{} values, expected [{rows}, {cols}]", values.len());
            return Err(Error::tensor(format!("{}.{name}", t.stage), reason));
        }
        self.engine.tensor(rows, cols, &values)
    }
}

impl Tensors {
    pub(crate) fn take_integers(&mut self, name: &str) -> Result<Vec<u16>> {
        self.integers.remove(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> Error {
        Error::tensor(format!("{}.{name}", self.stage), "not in the pack")
    }
}

/// A stage that loads when it is first needed, and stays loaded.
pub(crate) struct Lazy<T>(OnceCell<T>);

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Lazy(OnceCell::new())
    }
}

impl<T> Lazy<T> {
    pub(crate) async fn get(
        &self,
        stages: &impl Stages,
        name: &str,
        build: impl FnOnce(Tensors) -> Result<T>,
    ) -> Result<&T> {
        stages.pause().await?;
        if self.0.get().is_none() {
            let built = build(stages.stage(name).await?)?;
            // Another request may have loaded it in the meantime. Either copy is fine.
            let _ = self.0.set(built);
        }
        Ok(self.0.get().expect("set above"))
    }
}
