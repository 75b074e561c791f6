use std::path::{Path, PathBuf};

use crate::device::DeviceName;
use crate::exit_status::{EXIT_STATUS, Failure};
use crate::images::{Images, name};
use crate::{tasks, why};
use memeclip::classifier::{Answer, Features};
use memeclip::ocr::{Reader, text_of};
use memeclip::pack::directory::Directory;
use memeclip::preprocess::Image;
use memeclip::{Error, Notice, Result, Session, task};
use pollster::block_on;
use xtask::warn;

/// Classify memes.
#[derive(Clone, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub struct Classify {
    #[command(flatten)]
    images: Images,
    /// Directory of the pack [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The text on the image, the same for all images. If not given, it is read from each image.
    #[arg(long)]
    text: Option<String>,
    /// Tasks of the pack, separated by commas; may be repeated. If not given, all tasks.
    #[arg(long, value_delimiter = ',', value_parser = tasks::name)]
    task: Vec<String>,
    /// What to do with an image without words: the model was trained on images with words.
    #[arg(long, value_enum, default_value_t = NoWords::Judge)]
    no_words: NoWords,
    #[arg(long, value_enum, default_value_t = DeviceName::Auto)]
    device: DeviceName,
    /// Explain the verdicts: each modality alone, which words matter, and where in the image.
    #[arg(long)]
    why: bool,
    /// Print one JSON object per image, on a line of its own.
    #[arg(long)]
    json: bool,
    /// With --json: print the image and text features too.
    #[arg(long, requires = "json")]
    features: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum NoWords {
    /// Judge the image alone, as the reference does.
    Judge,
    /// Print that it has none.
    Skip,
}

impl Classify {
    pub fn run(self) -> Result<(), Failure> {
        let pack = xtask::pack(self.weights.as_deref())?;
        let mut session = block_on(self.device.open(&pack))?;
        // Once, rather than for each image.
        task::select(&session.manifest().tasks, &self.task)?;
        let reader = match self.text {
            None if session.manifest().ocr().is_ok() => Some(block_on(Reader::open(&Directory::mapped(&pack)))?),
            _ => None,
        };
        let answered =
            self.images.answer(|path, image| block_on(self.classify(&mut session, reader.as_ref(), path, image)));
        if let Some(notice) = session.notice() {
            warn!("memeclip: {notice}");
        }
        answered
    }

    /// The answer to print.
    async fn classify(
        &self,
        session: &mut Session<Directory>,
        reader: Option<&Reader>,
        path: &Path,
        image: &Image,
    ) -> Result<String> {
        let (text, mut notices) = text_of(image, self.text.as_deref(), reader)?;
        if self.no_words == NoWords::Skip && Notice::wordless(&text, notices.iter().map(Notice::code)) {
            notices.push(Notice::NoWords { judged: false });
            let answer = Answer {
                image: path.display().to_string(),
                text,
                device: session.device(),
                tasks: Vec::new(),
                features: None,
                explanation: None,
                notices,
            };
            return self.print(path, &answer);
        }
        let image = image.for_classifier();
        let tasks: Vec<&str> = self.task.iter().map(String::as_str).collect();
        // First: the verdict then finds its features in the cache.
        let explanation = match self.why {
            true => Some(session.explain(&image, &text, &tasks).await?),
            false => None,
        };
        let verdict = session.classify(&[(&image, &text)], &tasks).await?.remove(0);
        notices.extend(verdict.notices);
        let features = Features { image: verdict.image_feature, text: verdict.text_feature };
        self.print(
            path,
            &Answer {
                image: path.display().to_string(),
                text,
                device: session.device(),
                tasks: verdict.tasks,
                features: self.features.then_some(features),
                explanation,
                notices,
            },
        )
    }

    fn print(&self, path: &Path, answer: &Answer) -> Result<String> {
        match self.json {
            true => serde_json::to_string(answer).map_err(|e| Error::Internal { reason: e.to_string() }),
            false => Ok(self.lines(path, answer).join("\n")),
        }
    }

    fn lines(&self, path: &Path, Answer { text, device, tasks, explanation, notices, .. }: &Answer) -> Vec<String> {
        let mut lines = vec![format!("{} on {device}", name(path))];
        if self.text.is_none() && !text.is_empty() {
            lines.push(format!("  reads   {text}"));
        }
        for task in tasks {
            if !task.outside.is_empty() {
                lines.push(format!("  {:<7} outside what this pack knows", task.task.name));
                continue;
            }
            let zero_shot = if task.zero_shot { "  (zero-shot)" } else { "" };
            let unsure = if task.unsure() { "  (unsure)" } else { "" };
            lines.push(format!("  {:<7} {}{zero_shot}{unsure}", task.task.name, task.label()));
            for (label, p) in task.task.labels.iter().zip(&task.probabilities) {
                lines.push(format!("          {:>5.1} %  {label}", 100.0 * p));
            }
        }
        if let Some(explanation) = explanation {
            lines.extend(why::lines(tasks, explanation));
        }
        lines.extend(notices.iter().map(|notice| format!("  {notice}")));
        lines
    }
}
