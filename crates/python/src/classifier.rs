//! The class `Classifier`.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::{Schema as ArrowSchema, SchemaRef};
use memeclip::Result;
use memeclip::classifier::Answer;
use memeclip::session::Device;
use memeclip::task::Task;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::actor::{Actor, Options};
use crate::answers::{Answers, Schema};
use crate::arrow::{self, foreign};
use crate::cells;
use crate::columns::Request;
use crate::error::{argument, exception, internal, raised};
use crate::input::{Meme, meme};

/// Rows of a batch of answers; longer ones are split, so that no batch becomes too large.
const ROWS: usize = 4096;

#[pyclass(frozen, module = "memeclip_classifier")]
pub struct Classifier {
    actor: Actor,
    device_name: String,
    /// The tasks that are judged.
    tasks: Vec<Task>,
    #[pyo3(get)]
    identity: String,
}

#[pymethods]
impl Classifier {
    #[new]
    #[pyo3(signature = (pack, *, device="auto", threads=None, tasks=None))]
    fn new(
        py: Python<'_>,
        pack: PathBuf,
        device: &str,
        threads: Option<usize>,
        tasks: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let device_name = device.to_string();
        let device: Device = device.parse().map_err(|error| exception(py, &error))?;
        let threads = match threads {
            Some(0) => return Err(exception(py, &argument("no threads. Give 1 or more, or None for one a core"))),
            Some(threads) => threads,
            None => available_parallelism().map_or(1, usize::from),
        };
        let options = Options { pack, device, threads, tasks: tasks.unwrap_or_default() };
        let actor = Actor::new(py, options)?;
        let (tasks, identity) = actor.ask(py, |model, _| Ok((model.tasks().to_vec(), model.identity().to_string())))?;
        Ok(Classifier { actor, device_name, tasks, identity })
    }

    #[pyo3(signature = (image, text=None, *, fetch=false, timeout=20.0))]
    fn classify<'py>(
        &self,
        py: Python<'py>,
        image: Bound<'py, PyAny>,
        text: Option<Bound<'py, PyAny>>,
        fetch: bool,
        timeout: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fetched = fetched(py, fetch, timeout)?;
        let json = PyModule::import(py, "json")?.getattr("loads")?;
        let verdict = |answer: &Answer| {
            let line = serde_json::to_string(answer).map_err(|e| exception(py, &internal(e)))?;
            json.call1((line,))
        };
        if !image.is_instance_of::<PyList>() && !image.is_instance_of::<PyTuple>() {
            let text = text.map(|text| text.extract()).transpose()?;
            let answer = self.answers(py, vec![meme(&image, "the image", text, fetched)?])?.remove(0);
            return verdict(&answer.map_err(|error| exception(py, &error))?);
        }
        let images: Vec<Bound<PyAny>> = image.extract()?;
        let texts: Vec<Option<String>> = match text {
            None => vec![None; images.len()],
            Some(text) => match text.extract::<String>() {
                Ok(text) => vec![Some(text); images.len()],
                Err(_) => text.extract()?,
            },
        };
        if texts.len() != images.len() {
            let reason = format!("{} texts for {} images. Give one for each, or None", texts.len(), images.len());
            return Err(exception(py, &argument(reason)));
        }
        let memes = images.iter().zip(texts).enumerate();
        let memes = memes.map(|(i, (image, text))| meme(image, &format!("image {i}"), text, fetched));
        let answers = self.answers(py, memes.collect::<PyResult<_>>()?)?;
        let answers = answers.iter().map(|answer| match answer {
            Ok(answer) => verdict(answer),
            Err(error) => raised(py, error),
        });
        Ok(PyList::new(py, answers.collect::<PyResult<Vec<_>>>()?)?.into_any())
    }

    #[pyo3(signature = (data, *, image="image", text=None, keys=None, fetch=false, timeout=20.0))]
    #[expect(clippy::too_many_arguments, reason = "Python's are named")]
    fn classify_arrow(
        &self,
        py: Python<'_>,
        data: Bound<'_, PyAny>,
        image: &str,
        text: Option<String>,
        keys: Option<Vec<String>>,
        fetch: bool,
        timeout: f64,
    ) -> PyResult<Answers> {
        let request = Request { image: image.into(), text, keys, fetched: fetched(py, fetch, timeout)? };
        let (schema, batches) = arrow::read(&data)?;
        let fields = cells::fields(&self.tasks);
        let taken: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let keys = request.keys(&schema, &taken).map_err(|error| exception(py, &error))?;
        let keyed = schema.project(&keys).map_err(|e| exception(py, &foreign(e)))?;
        let schema = joined(&keyed, fields);
        let (tasks, pack, answered) = (self.tasks.clone(), self.identity.clone(), schema.clone());
        let batches = self.actor.ask(py, move |model, stop| {
            let mut answers = Vec::new();
            for batch in batches.iter().flat_map(split) {
                let columns = request.columns(&batch).ok_or_else(|| internal("a batch lacks a column"))?;
                let rows = model.answers(batch.num_rows(), |row| columns.meme(row), stop)?;
                let keys = batch.project(&keys).map_err(foreign)?;
                answers.push(cells::batch(keys, answered.clone(), &tasks, &rows, &pack).map_err(foreign)?);
            }
            Ok(answers)
        })?;
        Ok(Answers { schema, batches })
    }

    #[pyo3(signature = (keys=None))]
    fn schema(&self, keys: Option<Bound<'_, PyAny>>) -> PyResult<Schema> {
        let keys = match keys {
            Some(keys) => arrow::read_schema(&keys)?,
            None => ArrowSchema::empty(),
        };
        Ok(Schema(joined(&keys, cells::fields(&self.tasks))))
    }

    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<String> {
        self.actor.ask(py, |model, _| Ok(model.device()))
    }

    #[getter]
    fn pack(&self) -> PathBuf {
        self.actor.options().pack.clone()
    }

    #[getter]
    fn threads(&self) -> usize {
        self.actor.options().threads
    }

    #[getter]
    fn tasks(&self) -> Vec<&str> {
        self.tasks.iter().map(|task| &*task.name).collect()
    }

    /// It pickles as what it was opened with: each process opens its own.
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((PathBuf,), Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        let Options { pack, threads, tasks, .. } = self.actor.options().clone();
        named.set_item("device", &self.device_name)?;
        named.set_item("threads", threads)?;
        named.set_item("tasks", tasks)?;
        Ok(((pack,), named))
    }

    fn __repr__(&self) -> String {
        format!("Classifier({:?}, device={:?}, threads={})", self.pack(), self.device_name, self.threads())
    }
}

impl Classifier {
    fn answers(&self, py: Python<'_>, memes: Vec<Meme>) -> PyResult<Vec<Result<Answer>>> {
        // Each is taken once.
        let memes: Vec<_> = memes.into_iter().map(|meme| std::sync::Mutex::new(Some(meme))).collect();
        self.actor.ask(py, move |model, stop| {
            let take = |i: usize| {
                let meme = memes[i].lock().ok().and_then(|mut meme| meme.take());
                meme.unwrap_or_else(|| Meme {
                    name: String::new(),
                    image: Err(internal("asked for twice")),
                    text: None,
                })
            };
            model.answers(memes.len(), take, stop)
        })
    }
}

/// The key columns, and behind them those of the answers.
fn joined(keys: &ArrowSchema, answers: Vec<arrow_schema::Field>) -> SchemaRef {
    let answers = answers.into_iter().map(Arc::new);
    let fields: Vec<_> = keys.fields().iter().cloned().chain(answers).collect();
    Arc::new(ArrowSchema::new(fields))
}

fn split(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    // An empty batch is one.
    (0..rows.max(1)).step_by(ROWS).map(move |start| batch.slice(start, ROWS.min(rows - start)))
}

/// How long addresses are fetched, if they are.
fn fetched(py: Python<'_>, fetch: bool, timeout: f64) -> PyResult<Option<Duration>> {
    let timeout = Duration::try_from_secs_f64(timeout)
        .map_err(|_| exception(py, &argument(format!("timeout={timeout}: give seconds"))))?;
    Ok(fetch.then_some(timeout))
}
