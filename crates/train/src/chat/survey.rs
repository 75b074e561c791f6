//! Asks about the memes of a data set, one after the other.

use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::answers::{Answer, Answers};
use super::client::Client;
use super::endpoint::Endpoint;
use super::request::{Settings, body};
use super::sent_image::SentImage;
use crate::data::{Row, Skipped};
use crate::{Error, Result};
use memeclip::pack::hash::hex;
use memeclip::preprocess;
use memeclip::task::Task;

/// So many memes in a row without an answer end the run: the endpoint answers none.
const HOPELESS: usize = 10;

/// The memes to ask about, and how.
pub struct Survey<'a> {
    pub rows: &'a [&'a Row],
    pub tasks: &'a [&'a Task],
    /// The directory that the rows' names are relative to.
    pub images: &'a Path,
    pub settings: &'a Settings,
}

/// What a run will ask and send.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Memes to ask about.
    pub memes: usize,
    /// Memes that have an answer.
    pub answered: usize,
    /// As OpenAI counts them for GPT-4 Turbo and GPT-4o; other models count differently.
    pub image_tokens: usize,
    /// Of all requests, without those that have to be repeated.
    pub bytes: usize,
}

/// A step of a run.
pub enum Event<'a> {
    /// The meme has an answer; `asked` unless the file had it.
    Answer { asked: bool },
    /// The meme has no answer, because of its image or the endpoint.
    Skipped(&'a Skipped),
    /// The server does not take this parameter, and is asked without it.
    LeftOut(&'a str),
}

impl Survey<'_> {
    /// Reads each image, and counts what would be sent for the memes without an answer. Images that cannot be read are left to
    /// [`Survey::run`].
    pub fn estimate(&self, answers: &Answers) -> Estimate {
        let one = |row: &&Row| {
            let found = self.find(row).ok()?;
            if answers.get(&found.meme).is_some() {
                return Some((found.meme, Estimate { answered: 1, ..Estimate::default() }));
            }
            let image = found.image(row).ok()?;
            let image_tokens = self.settings.detail.tokens(image.width, image.height);
            let bytes = self.body(row, &image.data_uri(), &[]).to_string().len();
            Some((found.meme, Estimate { memes: 1, image_tokens, bytes, ..Estimate::default() }))
        };
        let mut each: Vec<(String, Estimate)> = self.rows.par_iter().filter_map(one).collect();
        // Equal memes are asked about once.
        each.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        each.dedup_by(|a, b| a.0 == b.0);
        each.into_iter().fold(Estimate::default(), |sum, (_, one)| Estimate {
            memes: sum.memes + one.memes,
            answered: sum.answered + one.answered,
            image_tokens: sum.image_tokens + one.image_tokens,
            bytes: sum.bytes + one.bytes,
        })
    }

    /// Asks about the memes without an answer, and adds each answer to the file as it comes. Returns the answer on each row;
    /// `None` where there is none, which `watch` is told.
    ///
    /// # Errors
    /// [`Error::Chat`] if the endpoint answers nothing: see [`Fault::stops`](super::Fault::stops). Those of [`Answers::add`].
    pub fn run(
        &self,
        endpoint: &Endpoint,
        client: &mut Client,
        answers: &mut Answers,
        mut watch: impl FnMut(Event),
    ) -> Result<Vec<Option<Answer>>> {
        let mut failures = 0;
        let mut answer = |row: &Row| {
            let found = match self.find(row) {
                Ok(found) => found,
                Err(skipped) => return Ok(skip(&skipped, &mut watch)),
            };
            if let Some(answer) = answers.get(&found.meme) {
                watch(Event::Answer { asked: false });
                return Ok(Some(answer.clone()));
            }
            let image = match found.image(row) {
                Ok(image) => image.data_uri(),
                Err(skipped) => return Ok(skip(&skipped, &mut watch)),
            };
            let known = client.left_out().len();
            match client.ask(|left_out| self.body(row, &image, left_out)) {
                Ok(reply) => {
                    failures = 0;
                    client.left_out()[known..].iter().for_each(|name| watch(Event::LeftOut(name)));
                    let answer = Answer::new(&row.meme.name, found.meme, reply, self.tasks);
                    answers.add(answer.clone())?;
                    watch(Event::Answer { asked: true });
                    Ok(Some(answer))
                }
                Err(fault) => {
                    failures += 1;
                    if fault.stops() || failures == HOPELESS {
                        return Err(Error::Chat { endpoint: endpoint.to_string(), fault });
                    }
                    Ok(skip(&skipped(row, format!("{endpoint}: {fault}")), &mut watch))
                }
            }
        };
        self.rows.iter().map(|row| answer(row)).collect()
    }

    /// Reads a meme's image.
    fn find(&self, row: &Row) -> Result<Found, Skipped> {
        let file = preprocess::read(&self.images.join(&row.meme.name)).map_err(|e| skipped(row, e.to_string()))?;
        // The text's hash first: it has one length.
        let parts = [&Sha256::digest(&row.meme.text)[..], &file];
        Ok(Found { meme: hex(&Sha256::digest(parts.concat())), file })
    }

    fn body(&self, row: &Row, image: &str, left_out: &[&str]) -> Value {
        body(self.settings, self.tasks, &row.meme.text, image, left_out)
    }
}

/// A meme's image, and what identifies the meme.
struct Found {
    /// The hash of text and image.
    meme: String,
    file: Vec<u8>,
}

impl Found {
    fn image(&self, row: &Row) -> Result<SentImage, Skipped> {
        SentImage::new(&row.meme.name, &self.file).map_err(|e| skipped(row, e.to_string()))
    }
}

fn skipped(row: &Row, reason: String) -> Skipped {
    // Errors of images name the file, those of endpoints do not.
    let name = &row.meme.name;
    let reason = if reason.contains(name) { reason } else { format!("{name}: {reason}") };
    Skipped { place: row.place.clone(), label: None, reason }
}

fn skip(skipped: &Skipped, watch: &mut impl FnMut(Event)) -> Option<Answer> {
    watch(Event::Skipped(skipped));
    None
}
