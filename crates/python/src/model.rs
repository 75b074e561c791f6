//! A session, and what reads text for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memeclip::classifier::Answer;
use memeclip::ocr::{Reader, text_of};
use memeclip::pack::directory::Directory;
use memeclip::pack::source::Source;
use memeclip::preprocess::{Image, Rgb};
use memeclip::task::{self, Task};
use memeclip::{Error, Notice, Result, Session, session, tokenizer};
use pollster::block_on;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::actor::Options;
use crate::error::{argument, internal};
use crate::input::{Meme, Place};

/// Images that are loaded and decoded at a time, for each thread.
const AHEAD: usize = 2;

/// The process that opened a reader first. The threads that load one do not outlive a fork, and cannot be started again.
static FIRST_READER: AtomicU32 = AtomicU32::new(0);

pub struct Model {
    session: Session<Directory>,
    source: Directory,
    reader: Option<Reader>,
    threads: usize,
    tasks: Vec<Task>,
    identity: String,
}

/// A meme that can be judged.
struct Prepared {
    name: String,
    image: Image,
    text: String,
    notices: Vec<Notice>,
}

impl Model {
    pub fn open(options: &Options) -> Result<Self> {
        let source = Directory::mapped(&options.pack);
        let session = block_on(Session::open(options.device, source.clone(), session::nothing))?;
        let tasks = task::select(&session.manifest().tasks, &options.tasks)?.into_iter().cloned().collect();
        let manifest = block_on(source.manifest())?;
        let identity = format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(manifest)));
        Ok(Model { session, source, reader: None, threads: options.threads, tasks, identity })
    }

    /// The tasks that are judged.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// What `memeclip inspect` prints as the pack's integrity.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn device(&self) -> String {
        self.session.device()
    }

    /// An answer for each of the memes, or why there is none. The memes are asked for a few at a time.
    ///
    /// # Errors
    /// Those of the pack and of the device, which every meme would have; [`Error::Aborted`] if `stop` is set.
    pub fn answers(
        &mut self,
        memes: usize,
        meme: impl Fn(usize) -> Meme + Sync,
        stop: &AtomicBool,
    ) -> Result<Vec<Result<Answer>>> {
        let together = self.session.batch().max(AHEAD * self.threads);
        let mut answers = Vec::with_capacity(memes);
        for start in (0..memes).step_by(together) {
            let some = load((start..memes.min(start + together)).map(&meme).collect());
            if some.iter().any(|meme| meme.text.is_none()) {
                self.open_reader()?;
            }
            let decoded: Vec<_> = some
                .into_par_iter()
                .map(|meme| {
                    let image = meme.image?.decode(&meme.name)?;
                    tokenizer::check_bytes(meme.text.as_deref().unwrap_or_default())?;
                    Ok((meme.name, image, meme.text))
                })
                .collect();
            let mut prepared = Vec::with_capacity(decoded.len());
            for meme in decoded {
                stopped(stop)?;
                prepared.push(meme.and_then(|(name, image, text)| self.prepare(name, image, text)));
            }
            for memes in chunks(prepared, self.session.batch()) {
                stopped(stop)?;
                answers.extend(self.judge(memes)?);
            }
        }
        Ok(answers)
    }

    /// Once, if the pack has one.
    fn open_reader(&mut self) -> Result<()> {
        if self.reader.is_none() && self.session.manifest().ocr().is_ok() {
            let process = std::process::id();
            let first = FIRST_READER.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed);
            if first.is_err_and(|first| first != process) {
                return Err(argument(
                    "this process was forked from one that had read text from images, and cannot read any. Start processes \
                     with the method 'spawn' or 'forkserver', or give the texts.",
                ));
            }
            let mut reader = block_on(Reader::open(&self.source))?;
            reader.use_threads(self.threads);
            self.reader = Some(reader);
        }
        Ok(())
    }

    fn prepare(&self, name: String, image: Image, text: Option<String>) -> Result<Prepared> {
        let (text, notices) = text_of(&image, text.as_deref(), self.reader.as_ref())?;
        Ok(Prepared { name, image, text, notices })
    }

    fn judge(&mut self, memes: Vec<Result<Prepared>>) -> Result<Vec<Result<Answer>>> {
        let sound = || memes.iter().flatten();
        let images: Vec<_> = sound().map(|meme| meme.image.for_classifier()).collect();
        let pairs: Vec<(&Rgb, &str)> =
            images.iter().zip(sound()).map(|(image, meme)| (&**image, &*meme.text)).collect();
        let tasks: Vec<&str> = self.tasks.iter().map(|task| &*task.name).collect();
        let mut verdicts = block_on(self.session.classify(&pairs, &tasks))?.into_iter();
        let device = self.session.device();
        let took_over: Vec<Notice> = self.session.notice().cloned().into_iter().collect();
        let answers = memes.into_iter().map(|meme| {
            let Prepared { name, text, mut notices, .. } = meme?;
            let verdict = verdicts.next().ok_or_else(|| internal("a verdict is missing"))?;
            notices.extend(verdict.notices);
            notices.extend(took_over.clone());
            Ok(Answer {
                image: name,
                text,
                device: device.clone(),
                tasks: verdict.tasks,
                features: None,
                explanation: None,
                notices,
            })
        });
        Ok(answers.collect())
    }
}

/// Has the files and addresses read, all at a time: most of that is waiting.
fn load(memes: Vec<Meme>) -> Vec<Meme> {
    let load = |meme: Meme| Meme { image: meme.image.and_then(Place::load), ..meme };
    if !memes.iter().any(|meme| matches!(meme.image, Ok(Place::Address(..)))) {
        return memes;
    }
    thread::scope(|scope| {
        let threads: Vec<_> =
            memes.into_iter().map(|meme| (meme.name.clone(), scope.spawn(move || load(meme)))).collect();
        let lost = |name| Meme { name, image: Err(internal("the thread that fetched it has ended")), text: None };
        threads.into_iter().map(|(name, thread)| thread.join().unwrap_or_else(|_| lost(name))).collect()
    })
}

fn chunks<T>(items: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || Some(items.by_ref().take(size).collect::<Vec<_>>()).filter(|chunk| !chunk.is_empty()))
}

fn stopped(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::Aborted) } else { Ok(()) }
}
