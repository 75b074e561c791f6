use std::env;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::HumanBytes;
use memeclip::task::{self, Task};
use memeclip::{Error, Result};
use memeclip_train::chat::{Answers, Client, Detail, Endpoint, Estimate, Event, Score, Settings, Survey, score};
use memeclip_train::data::{self, Column, DataFile, Row, Split};
use memeclip_train::evaluation::Figure;
use xtask::{note, say, warn};

use crate::exit_status::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::tasks;

/// The environment's variable with the key.
const KEY: &str = "OPENAI_API_KEY";

/// Ask a chat model about each meme of a data set, as a zero-shot classifier.
///
/// The model may be behind any endpoint with OpenAI's chat completions; a key is taken from the environment's OPENAI_API_KEY.
/// Every answer is kept as a line of --out. A run that is started again asks only about memes without an answer. Memes that
/// could not be asked about are listed in a report beside that file.
#[derive(clap::Args)]
pub struct Chat {
    /// [SPLIT=]FILE; may be repeated. As for `extract`.
    #[arg(long, required = true)]
    data: Vec<DataFile>,
    /// FIELD=COLUMN; may be repeated. As for `extract`.
    #[arg(long)]
    column: Vec<Column>,
    /// Directory of the images.
    #[arg(long)]
    images: PathBuf,
    /// A JSON file with tasks, as for `convert` [default: the four of PrideMM].
    #[arg(long, value_name = "FILE")]
    tasks: Option<PathBuf>,
    /// Tasks to ask about, all in one question, separated by commas; may be repeated. If not given, all tasks that have
    /// labels.
    #[arg(long, value_delimiter = ',', value_parser = tasks::name)]
    task: Vec<String>,
    /// train, val or test. Memes with a label of the tasks are asked about.
    #[arg(long, default_value_t = Split::Test)]
    split: Split,
    /// Only the first memes; the paper asked about 100.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Base address of the endpoint, as in http://127.0.0.1:8080/v1.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Allow an endpoint on another machine, to which images and texts are then sent.
    #[arg(long)]
    send_images: bool,
    /// Name of the model, as the endpoint knows it.
    #[arg(long)]
    model: String,
    /// How closely the model looks at an image: low, high or auto.
    #[arg(long, default_value_t = Detail::High)]
    detail: Detail,
    /// Seed of the model's randomness, where the server has one.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Most tokens of an answer. Models that reason need more.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: u32,
    /// Seconds until a request is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// JSONL file of the answers; its first line says what was asked.
    #[arg(long)]
    out: PathBuf,
}

impl Chat {
    pub fn run(self) -> Result<(), Failure> {
        let endpoint: Endpoint = self.endpoint.parse()?;
        if !endpoint.is_loopback() && !self.send_images {
            return Err(memeclip_train::Error::SendImages { endpoint: endpoint.to_string() }.into());
        }
        let key = env::var_os(KEY).unwrap_or_default();
        let mut client = Client::new(&endpoint, &key.to_string_lossy(), Duration::from_secs(self.timeout))?;

        let mut report = Report::default();
        let outcome = self.ask(&endpoint, &mut client, &mut report);
        if outcome.is_ok() || !report.is_empty() {
            report.finish(&self.out.with_extension("report.txt"))?;
        }
        let (scores, unanswered, memes) = outcome?;
        scores.iter().try_for_each(|score| say!("{}", text(score)))?;
        match unanswered {
            0 => Ok(()),
            _ => Err(memeclip_train::Error::Unanswered { unanswered, memes }.into()),
        }
    }

    /// Asks; returns the scores, and how many of how many memes have no answer.
    fn ask(
        &self,
        endpoint: &Endpoint,
        client: &mut Client,
        report: &mut Report,
    ) -> memeclip_train::Result<(Vec<Score>, usize, usize)> {
        let known = match &self.tasks {
            Some(file) => {
                let json = std::fs::read(file).map_err(|e| Error::io(file, e))?;
                task::parse(&file.display().to_string(), &json)?
            }
            None => task::pridemm().to_vec(),
        };
        let data = data::read(&self.data, &known, &self.column).inspect_err(|error| {
            if let memeclip_train::Error::NoRows { skipped, .. } = error {
                skipped.iter().for_each(|row| report.skipped(row, Report::print));
            }
        })?;
        std::fs::read_dir(&self.images).map_err(|e| Error::io(&self.images, e))?;
        data.notices.iter().for_each(|notice| warn!("memeclip: {notice}"));
        data.skipped.iter().for_each(|row| report.skipped(row, Report::print));

        let of_split = || data.rows.iter().filter(|row| row.meme.split == self.split);
        let has_label = |row: &Row, task: &Task| row.meme.class(&task.name).is_some();
        let mut tasks = task::select(&known, &self.task)?;
        if self.task.is_empty() {
            tasks.retain(|task| of_split().any(|row| has_label(row, task)));
        }
        let labelled = of_split().filter(|row| tasks.iter().any(|task| has_label(row, task)));
        let rows: Vec<&Row> = labelled.take(self.limit.unwrap_or(usize::MAX)).collect();
        if rows.is_empty() {
            let reason = format!("no meme of the split {} has a label to compare an answer with", self.split);
            return Err(Error::Argument { reason: format!("{reason}. Give another --split or --task.") }.into());
        }

        let settings =
            Settings { model: self.model.clone(), detail: self.detail, seed: self.seed, max_tokens: self.max_tokens };
        let survey = Survey { rows: &rows, tasks: &tasks, images: &self.images, settings: &settings };
        let mut answers = Answers::open(&self.out, &settings, &tasks)?;
        tell(&survey.estimate(&answers), endpoint, &settings);

        let mut progress = Progress::new(self.model.clone());
        progress.begin(rows.len());
        let watch = |event: Event| match event {
            Event::Answer { asked } => progress.meme(asked),
            Event::Skipped(meme) => {
                report.skipped(meme, |line| progress.say(line));
                progress.step();
            }
            Event::LeftOut(name) => {
                progress.say(&format!("memeclip: {endpoint}: asked without {name}, which it does not take"))
            }
        };
        let outcome = survey.run(endpoint, client, &mut answers, watch);
        progress.finish();
        let all = outcome?;
        let scores = tasks.iter().map(|task| score(task, &rows, &all)).collect::<Result<_>>()?;
        Ok((scores, all.iter().filter(|answer| answer.is_none()).count(), rows.len()))
    }
}

/// Says what will be sent, before it is.
fn tell(estimate: &Estimate, endpoint: &Endpoint, settings: &Settings) {
    let Estimate { memes, answered, image_tokens, bytes } = estimate;
    let open =
        if endpoint.is_loopback() || endpoint.is_encrypted() { "" } else { ", which others on the way can read" };
    note!("{memes} memes to send to {} at {endpoint}; {answered} have an answer", settings.model);
    note!("{} in all{open}", HumanBytes(*bytes as u64));
    note!("{image_tokens} tokens of images at detail {}, as OpenAI counts them for GPT-4o", settings.detail);
}

fn text(score: &Score) -> String {
    let Score { task, memes, unparsed, refused, all, answered, auroc } = score;
    let mut lines = vec![format!("{task}: {memes} memes, {unparsed} unparsed, {refused} refused")];
    let mut add = |what: &str, figure: Figure| lines.push(format!("  {what:<26} {figure}"));
    if let Some(figures) = all {
        add("accuracy", figures.accuracy);
        add("macro-F1", figures.macro_f1);
    }
    if let Some(figures) = answered.filter(|_| unparsed + refused > 0) {
        add("accuracy of the answered", figures.accuracy);
        add("macro-F1 of the answered", figures.macro_f1);
    }
    if let Some(figure) = auroc {
        add("AUROC of the answered", *figure);
    }
    lines.join("\n")
}
