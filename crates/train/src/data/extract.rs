//! Runs the towers once per meme: from a data set and its images to [`Features`].
//!
//! Each feature goes into a cache below the output directory, named by the content that it was computed from:
//! `cache/<towers>/image/<sha256 of the file>` and `cache/<towers>/text/<sha256 of the text>`; `image_pre` is as `image`, of
//! the features before the visual projection, `inversion/<sha256 of φ>` has the features of inverted prompts, and `regions` the
//! means over an image's regions by the sha256 of image and boxes, if these are wanted. Entities are texts as any. A file there is
//! whole or not there, so a killed process resumes when it is started again. Any number of processes, on machines that share the
//! directory, can split the work without knowing of each other. The result is a function of the data, the images and the cache:
//! the process that finds the cache complete writes it, and two such processes write the same bytes.
//!
//! Engines differ in the last bits, so those that share an output directory should run on the same kind of device.

use std::cell::OnceCell;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use super::cache::{Cache, key};
use super::duplicates::{self, Duplicate};
use super::feature::Feature;
use super::features::{Features, MEMES, TENSORS};
use super::inversion::{Inversion, Inverted};
use super::local::{FoundLocal, LocalFeatures};
use super::regions::Regions;
use super::row::{Row, Skipped};
use super::text_projection::TextProjection;
use memeclip::classifier::ImageFeatures;
use memeclip::files::sweep;
use memeclip::pack::source::Source;
use memeclip::preprocess::{self, Image};
use memeclip::{Error, Notice, Result, Session};

/// One process's part of the work: every `count`-th row from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    fn has(self, row: usize) -> bool {
        row % self.count == self.index
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    /// `2/3`: the second of three.
    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((i, count)) if (1..=count).contains(&i) => Ok(Shard { index: i - 1, count }),
            _ => Err(Error::Argument { reason: format!("shard '{text}': expected i/n with i from 1 to n, as in 2/3") }),
        }
    }
}

/// The data and the share of it to extract.
pub struct Extraction<'a> {
    pub rows: &'a [Row],
    /// The directory that the rows' names are relative to.
    pub images: &'a Path,
    pub out: &'a Path,
    pub shard: Shard,
    /// Those of [`Feature::FURTHER`] to keep, too.
    pub further: &'a [Feature],
    /// What makes [`Feature::Inversion`], to keep that, too.
    pub inversion: Option<&'a Inversion>,
    /// The inputs of [`Feature::Regions`] and [`Feature::Entities`].
    pub regions: &'a Regions,
    /// Makes [`Feature::TextJoint`], which is left out without it.
    pub projection: Option<&'a TextProjection>,
}

/// A step of the extraction.
pub enum Event<'a> {
    /// The number of memes in this process's share.
    Begin(usize),
    /// One of them is done; `computed` unless all of its features were in the cache.
    Meme { computed: bool },
    /// What to know about an image that was computed.
    Noticed(&'a Row, &'a Notice),
    /// An image is missing or cannot be decoded.
    Skipped(&'a Skipped),
    /// Images with equal bytes and different names are in several splits.
    Duplicate(&'a Duplicate),
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The features are written.
    Complete { memes: usize },
    /// This share is done, but memes of other shards are missing. The last shard to finish writes the features.
    Pending { memes: usize },
}

impl Extraction<'_> {
    /// Computes the missing features of this share, and writes the result if the other shares are complete.
    ///
    /// # Errors
    /// [`Error::MissingComponent`] for a pack without class prompts, [`NoImages`](crate::Error::NoImages) if no image can be
    /// used, [`Error::Io`], and the pack's and the engine's own.
    pub async fn run<S: Source + Clone + 'static>(
        &self,
        session: &mut Session<S>,
        mut watch: impl FnMut(Event),
    ) -> crate::Result<Outcome> {
        fs::read_dir(self.images).map_err(|e| Error::io(self.images, e))?;
        // First: without them the features are useless.
        let prompts = session.prompts().await?;
        let manifest = session.manifest().clone();
        let cache = self.out.join("cache").join(manifest.towers_id());
        let cache = Caches {
            image: Cache::open(cache.join("image"), manifest.clip.projection)?,
            text: Cache::open(cache.join("text"), manifest.clip.text.width)?,
            image_pre: match self.further.contains(&Feature::ImagePre) {
                true => Some(Cache::open(cache.join(Feature::ImagePre.name()), manifest.clip.vision.width)?),
                false => None,
            },
            inversion: match self.inversion {
                Some(inversion) => Some(Inverted::open(inversion, &cache, manifest.clip.text.width)?),
                None => None,
            },
            local: match [Feature::Regions, Feature::Entities].iter().any(|local| self.further.contains(local)) {
                true => {
                    let cache = Cache::open(cache.join(Feature::Regions.name()), manifest.clip.projection)?;
                    Some(LocalFeatures { regions: self.regions, cache })
                }
                false => None,
            },
        };

        let (own, others): (Vec<usize>, Vec<usize>) = (0..self.rows.len()).partition(|&row| self.shard.has(row));
        watch(Event::Begin(own.len()));
        let mut encoded: Vec<Option<Encoded>> = self.rows.iter().map(|_| None).collect();
        for row in own {
            match self.encode(&self.rows[row], &cache, session).await {
                Ok((features, computed, notices)) => {
                    notices.iter().for_each(|notice| watch(Event::Noticed(&self.rows[row], notice)));
                    encoded[row] = Some(features);
                    watch(Event::Meme { computed });
                }
                Err(Failure::Meme(skipped)) => watch(Event::Skipped(&skipped)),
                Err(Failure::All(error)) => return Err(error.into()),
            }
        }

        let mut missing = Vec::new();
        for row in others {
            match self.find(&self.rows[row], &cache) {
                Ok(found) => match found.complete() {
                    Some(complete) => encoded[row] = Some(complete),
                    None => missing.push(row),
                },
                Err(skipped) => watch(Event::Skipped(&skipped)),
            }
        }
        // Reading the image shows whether it is broken or still waits for its shard.
        for row in missing.iter().map(|&row| &self.rows[row]) {
            match self.find(row, &cache).and_then(|found| found.image(row).map(drop)) {
                Ok(_) => return Ok(Outcome::Pending { memes: missing.len() }),
                Err(skipped) => watch(Event::Skipped(&skipped)),
            }
        }

        let images =
            self.rows.iter().zip(&encoded).filter_map(|(row, encoded)| Some((&*encoded.as_ref()?.image_key, row)));
        duplicates::by_content(images).iter().for_each(|duplicate| watch(Event::Duplicate(duplicate)));

        let mut features =
            Features { towers: manifest.towers_id(), tasks: manifest.tasks, prompts, ..Features::default() };
        for (row, encoded) in self.rows.iter().zip(encoded) {
            if let Some(Encoded { images, text, inversion, local, .. }) = encoded {
                features.memes.push(row.meme.clone());
                features.image.extend(images.projected);
                features.text.extend(text);
                if cache.image_pre.is_some() {
                    features.further.entry(Feature::ImagePre).or_default().extend(images.pooled);
                }
                if cache.inversion.is_some() {
                    features.further.entry(Feature::Inversion).or_default().extend(inversion);
                }
                for (feature, values) in local.into_iter().filter(|(feature, _)| self.further.contains(feature)) {
                    features.further.entry(feature).or_default().extend(values);
                }
            }
        }
        if features.memes.is_empty() {
            return Err(crate::Error::NoImages { images: self.images.display().to_string() });
        }
        if let Some(projection) = self.projection {
            features.further.insert(Feature::TextJoint, projection.apply(&features.text));
        }
        features.write(self.out)?;
        let result = self.out.join(TENSORS);
        // Others may keep drafts of their own in the folder; the cache is ours.
        sweep(self.out, &result, |name| {
            [TENSORS, MEMES].iter().any(|file| name.starts_with(format!("{file}.").as_bytes()))
        })?;
        let further =
            [cache.inversion.as_ref().map(|inverted| &inverted.cache), cache.local.as_ref().map(|local| &local.cache)];
        for cache in
            [&cache.image, &cache.text].into_iter().chain(&cache.image_pre).chain(further.into_iter().flatten())
        {
            sweep(&cache.dir, &result, |_| true)?;
        }
        Ok(Outcome::Complete { memes: features.memes.len() })
    }

    /// All features, whether any of them had to be computed, and what to know about the image if it was decoded for that.
    async fn encode<S: Source + Clone + 'static>(
        &self,
        row: &Row,
        cache: &Caches<'_>,
        session: &mut Session<S>,
    ) -> Result<(Encoded, bool, Vec<Notice>), Failure> {
        let found = self.find(row, cache)?;
        if let Some(complete) = found.complete() {
            return Ok((complete, false, Vec::new()));
        }
        let images = match &found.images {
            Some(images) => images.clone(),
            None => {
                let images = session.image_features(&found.image(row)?.for_classifier()).await?;
                cache.put_images(&found.image_key, &images)?;
                images
            }
        };
        let text = match &found.text {
            Some(text) => text.clone(),
            None => {
                let text = session.text_feature(&row.meme.text).await?;
                cache.text.put(&found.text_key, &text)?;
                text
            }
        };
        let inversion = match (&found.inversion, &cache.inversion) {
            (None, Some(inverted)) => {
                let keys = [&*found.image_key, &found.text_key];
                inverted.compute(session, keys, &images.projected, &row.meme.text).await?
            }
            (inversion, _) => inversion.clone().unwrap_or_default(),
        };
        let mut local = Vec::new();
        if let (Some(of), Some(known)) = (&cache.local, &found.local) {
            let regions = match &known.regions {
                Some(regions) => regions.clone(),
                None => of.regions(&row.meme, &found.image_key, &found.image(row)?.for_classifier(), session).await?,
            };
            let entities = match &known.entities {
                Some(entities) => entities.clone(),
                None => of.entities(&row.meme, &cache.text, session).await?,
            };
            local.extend([(Feature::Regions, regions), (Feature::Entities, entities)]);
        }
        let notices = found.decoded.get().map(Image::notices).unwrap_or_default();
        Ok((Encoded { image_key: found.image_key, images, text, inversion, local }, true, notices))
    }

    /// Reads a meme's image, and the cached features of image and text.
    fn find(&self, row: &Row, cache: &Caches<'_>) -> Result<Found, Skipped> {
        let path = self.images.join(&row.meme.name);
        let bytes = preprocess::read(&path).map_err(|e| row.skipped(e.to_string()))?;
        let (image, text) = (key(&bytes), key(row.meme.text.as_bytes()));
        Ok(Found {
            images: cache.images(&image),
            text: cache.text.get(&text),
            inversion: cache.inversion(&image, &text),
            local: cache.local.as_ref().map(|local| local.find(&row.meme, &image, &cache.text)),
            image_key: image,
            text_key: text,
            bytes,
            decoded: OnceCell::new(),
        })
    }
}

struct Caches<'a> {
    image: Cache,
    text: Cache,
    /// If wanted.
    image_pre: Option<Cache>,
    /// If wanted.
    inversion: Option<Inverted<'a>>,
    /// Likewise.
    local: Option<LocalFeatures<'a>>,
}

impl Caches<'_> {
    /// The features of the image with this key, if all that are wanted are there; `pooled` is empty if it is not wanted.
    fn images(&self, key: &str) -> Option<ImageFeatures> {
        let pooled = match &self.image_pre {
            Some(cache) => cache.get(key)?,
            None => Vec::new(),
        };
        Some(ImageFeatures { projected: self.image.get(key)?, pooled })
    }

    /// The feature of the inverted prompt of the meme with these keys, if it is there; empty if it is not wanted.
    fn inversion(&self, image: &str, text: &str) -> Option<Vec<f32>> {
        self.inversion.as_ref().map_or(Some(Vec::new()), |inverted| inverted.get(image, text))
    }

    fn put_images(&self, key: &str, images: &ImageFeatures) -> Result<()> {
        if let Some(cache) = &self.image_pre {
            cache.put(key, &images.pooled)?;
        }
        self.image.put(key, &images.projected)
    }
}

/// A meme's features.
struct Encoded {
    /// The identity of the image's bytes.
    image_key: String,
    images: ImageFeatures,
    text: Vec<f32>,
    /// Empty if it is not wanted.
    inversion: Vec<f32>,
    /// Regions and entities, if wanted.
    local: Vec<(Feature, Vec<f32>)>,
}

/// A meme's image, and those of its features that the cache has.
struct Found {
    /// The image file.
    bytes: Vec<u8>,
    image_key: String,
    text_key: String,
    images: Option<ImageFeatures>,
    text: Option<Vec<f32>>,
    inversion: Option<Vec<f32>>,
    /// If wanted.
    local: Option<FoundLocal>,
    /// The image, once it was needed.
    decoded: OnceCell<Image>,
}

impl Found {
    fn image(&self, row: &Row) -> Result<&Image, Skipped> {
        if let Some(image) = self.decoded.get() {
            return Ok(image);
        }
        let image = preprocess::decode(&row.meme.name, &self.bytes).map_err(|e| row.skipped(e.to_string()))?;
        Ok(self.decoded.get_or_init(|| image))
    }

    /// The features, if the cache has all that are wanted.
    fn complete(&self) -> Option<Encoded> {
        let local = match &self.local {
            Some(FoundLocal { regions, entities }) => {
                vec![(Feature::Regions, regions.clone()?), (Feature::Entities, entities.clone()?)]
            }
            None => Vec::new(),
        };
        let (images, text, inversion) = (self.images.clone()?, self.text.clone()?, self.inversion.clone()?);
        Some(Encoded { image_key: self.image_key.clone(), images, text, inversion, local })
    }
}

/// Why a meme has no features: its own image, or an error that stops the extraction.
enum Failure {
    Meme(Skipped),
    All(Error),
}

impl From<Skipped> for Failure {
    fn from(skipped: Skipped) -> Self {
        Failure::Meme(skipped)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::All(error)
    }
}
