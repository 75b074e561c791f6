use indexmap::IndexMap;

use super::{Classifier, ImageKey};
use crate::Result;
use crate::classifier::ByClass;
use crate::classifier::{Explanation, Modalities, PARTS, Regions, Word};
use crate::engine::Engine;
use crate::pack::source::Source;
use crate::preprocess::{self, Rgb};

/// The towers' values that an explanation needs.
struct MemeFeatures {
    image: Vec<f32>,
    neutral: Vec<f32>,
    /// The attention rollout of the image, one value per patch.
    shares: Vec<f32>,
    text: Vec<f32>,
    no_text: Vec<f32>,
    /// One text feature per part: of the text without that part.
    without: Vec<f32>,
}

impl<E: Engine, S: Source> Classifier<E, S> {
    /// The reasons for the verdicts of [`Classifier::classify`], which has the same arguments. It takes one pass of the image
    /// unless that was explained recently, and one pass of the texts that lack a word.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn explain(&self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Explanation> {
        let tasks = self.prepare([text], tasks).await?;
        let (vision, words) = (&self.loader.manifest().clip.vision, &self.loader.manifest().clip.text);
        let parts = parts(text, words.context);
        let features = self.features(image, text, &parts).await?;

        let MemeFeatures { image, neutral, text: whole, no_text, .. } = &features;
        let mut rows = vec![(image, &whole[..]), (image, no_text), (neutral, whole)];
        rows.extend(features.without.chunks_exact(words.width).map(|without| (image, without)));
        let images: Vec<f32> = rows.iter().flat_map(|(image, _)| *image).copied().collect();
        let texts: Vec<f32> = rows.iter().flat_map(|(_, text)| *text).copied().collect();
        let images = self.engine.tensor(rows.len(), image.len(), &images)?;
        let texts = self.engine.tensor(rows.len(), words.width, &texts)?;
        let mut logits = Vec::new();
        for task in &tasks {
            logits.push(self.head(task).await?.0.logits(&self.engine, &images, &texts));
        }
        let logits = self.engine.read(&logits.iter().collect::<Vec<_>>()).await?;

        let words = parts.into_iter().map(|Part { words, .. }| Word { word: words, tasks: IndexMap::new() });
        let mut words: Vec<Word> = words.collect();
        let mut modalities = IndexMap::new();
        for (task, logits) in tasks.into_iter().zip(logits) {
            let rows = logits.chunks_exact(task.labels.len()).map(|row| self.verdict(task, row.to_vec()));
            let mut rows = rows.collect::<Result<Vec<_>>>()?.into_iter().map(|verdict| verdict.probabilities);
            let mut next = || ByClass { task: task.clone(), values: rows.next().unwrap_or_default() };
            let alone = Modalities { both: next(), image: next(), text: next() };
            for (word, without) in words.iter_mut().zip(rows) {
                let change = alone.both.values.iter().zip(without).map(|(with, without)| with - without);
                word.tasks.insert(task.name.clone(), ByClass { task: task.clone(), values: change.collect() });
            }
            modalities.insert(task.name.clone(), alone);
        }
        let side = vision.image_size / vision.patch_size;
        let regions = Regions::new(side, side, &features.shares);
        Ok(Explanation { text: text.into(), tasks: modalities, words, regions })
    }

    async fn features(&self, image: &Rgb, text: &str, parts: &[Part]) -> Result<MemeFeatures> {
        let (key, image, shares) = self.look(image).await?;
        let neutral = preprocess::neutral(&self.loader.manifest().clip.vision.mean);
        let (neutral_key, neutral) = self.encode_images(&[&neutral]).await?.remove(0);
        let mut outputs = vec![image, neutral, shares];
        let texts = self.encode_texts(&[text, ""]).await?;
        outputs.extend(texts.iter().map(|(_, feature)| feature.clone()));
        if !parts.is_empty() {
            let tokenizer = self.tokenizer().await?;
            let ids = parts.iter().map(|part| tokenizer.ids(&part.without)).collect::<Result<Vec<_>>>()?;
            let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
            outputs.push(self.text.features(&self.engine, &self.loader, &ids).await?);
        }

        let values = self.engine.read(&outputs.iter().collect::<Vec<_>>()).await?.into_iter();
        // Checked before they enter the caches.
        let mut values =
            values.map(|values| self.finite("features and attention", values)).collect::<Result<Vec<_>>>()?.into_iter();
        let mut next = || values.next().unwrap_or_default();
        let (image, neutral, mut shares) = (next(), next(), next());
        let (text, no_text, without) = (next(), next(), next());
        // After the patches comes padding.
        shares.truncate(self.loader.manifest().clip.vision.patches());
        self.images.keep(key, &image);
        self.images.keep(neutral_key, &neutral);
        self.shares.keep(key, &shares);
        for ((key, _), feature) in texts.into_iter().zip([&text, &no_text]) {
            self.texts.keep(key, feature);
        }
        Ok(MemeFeatures { image, neutral, shares, text, no_text, without })
    }

    /// An image's key, its feature and its attention rollout.
    async fn look(&self, image: &Rgb) -> Result<(ImageKey, E::Tensor, E::Tensor)> {
        let (key, image) = self.resize(image);
        if let Some(feature) = self.images.tensor(&self.engine, &key)?
            && let Some(shares) = self.shares.tensor(&self.engine, &key)?
        {
            return Ok((key, feature, shares));
        }
        let pixels = self.normalize(&image);
        let (feature, shares) = self.vision.rollout(&self.engine, &self.loader, &pixels).await?;
        Ok((key, feature, shares))
    }
}

/// Some neighbouring words of a text, and the text without them.
struct Part {
    words: String,
    without: String,
}

/// The text cut into at most [`PARTS`] parts of about the same number of words. Words after the first `context` are left
/// out: each word has at least one token, so the model does not see them.
fn parts(text: &str, context: usize) -> Vec<Part> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let read = words.len().min(context);
    let count = read.min(PARTS);
    let part = |i: usize| {
        let (start, end) = (i * read / count, (i + 1) * read / count);
        Part { words: words[start..end].join(" "), without: [&words[..start], &words[end..]].concat().join(" ") }
    };
    (0..count).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_read_is_left_out_once() {
        for count in [0, 1, 2, PARTS, PARTS + 1, 3 * PARTS - 1, 500] {
            let words: Vec<String> = (0..count).map(|word| format!("w{word}")).collect();
            let parts = parts(&words.join(" \n"), 77);
            assert_eq!(parts.len(), count.min(PARTS));
            let left_out: Vec<&str> = parts.iter().flat_map(|part| part.words.split(' ')).collect();
            assert_eq!(left_out, words[..count.min(77)]);
            for Part { words: left_out, without } in &parts {
                let left_out: Vec<&str> = left_out.split(' ').collect();
                let rest: Vec<&str> = words.iter().map(String::as_str).filter(|w| !left_out.contains(w)).collect();
                assert_eq!(without.split_whitespace().collect::<Vec<_>>(), rest);
            }
        }
    }
}
