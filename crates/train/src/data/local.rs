use super::cache::{Cache, key};
use super::crop;
use super::meme::Meme;
use super::regions::{Local, Regions};
use memeclip::pack::source::Source;
use memeclip::preprocess::Rgb;
use memeclip::{Result, Session};

/// The side of the square in the middle of an image without boxes, as in the code of MOMENTA's authors.
const SIDE: usize = 512;

/// Computes [`Feature::Regions`](super::Feature) and [`Feature::Entities`](super::Feature).
pub(super) struct LocalFeatures<'a> {
    pub regions: &'a Regions,
    /// Of the means over an image's regions, by the image and its boxes.
    pub cache: Cache,
}

/// Those of a meme that the cache has.
pub(super) struct FoundLocal {
    pub regions: Option<Vec<f32>>,
    pub entities: Option<Vec<f32>>,
}

impl LocalFeatures<'_> {
    /// `image`: the key of the meme's image; `texts`: the cache of text features.
    pub fn find(&self, meme: &Meme, image: &str, texts: &Cache) -> FoundLocal {
        let local = self.regions.of(&meme.name);
        let entities: Option<Vec<_>> = entities(meme, local).map(|text| texts.get(&key(text.as_bytes()))).collect();
        FoundLocal { regions: self.cache.get(&regions_key(image, local)), entities: entities.map(mean) }
    }

    /// The mean of the image features of the meme's boxes or, without any, that of the middle of its image.
    pub async fn regions<S: Source + Clone + 'static>(
        &self,
        meme: &Meme,
        key: &str,
        image: &Rgb,
        session: &mut Session<S>,
    ) -> Result<Vec<f32>> {
        let local = self.regions.of(&meme.name);
        let mut features = Vec::new();
        for &region in &local.boxes {
            features.push(session.image_features(&crop::region(image, region)).await?.projected);
        }
        if local.boxes.is_empty() {
            features.push(session.image_features(&crop::centre(image, SIDE)).await?.projected);
        }
        let mean = mean(features);
        self.cache.put(&regions_key(key, local), &mean)?;
        Ok(mean)
    }

    /// The mean of the text features of the meme's entities or, without any, that of its text.
    pub async fn entities<S: Source + Clone + 'static>(
        &self,
        meme: &Meme,
        texts: &Cache,
        session: &mut Session<S>,
    ) -> Result<Vec<f32>> {
        let mut features = Vec::new();
        for text in entities(meme, self.regions.of(&meme.name)) {
            let key = key(text.as_bytes());
            features.push(match texts.get(&key) {
                Some(feature) => feature,
                None => {
                    let feature = session.text_feature(text).await?;
                    texts.put(&key, &feature)?;
                    feature
                }
            });
        }
        Ok(mean(features))
    }
}

/// What the entities of a meme are.
fn entities<'a>(meme: &'a Meme, local: &'a Local) -> impl Iterator<Item = &'a str> {
    let own = local.entities.is_empty().then_some(&meme.text);
    local.entities.iter().chain(own).map(String::as_str)
}

/// The identity of what the mean over an image's regions is computed from.
fn regions_key(image: &str, local: &Local) -> String {
    let corners = local.boxes.as_flattened().iter().flat_map(|corner| corner.to_le_bytes());
    key(&image.bytes().chain(corners).collect::<Vec<u8>>())
}

/// The mean of vectors of one width, at least one.
fn mean(vectors: Vec<Vec<f32>>) -> Vec<f32> {
    let count = vectors.len() as f32;
    let sum = |mut sum: Vec<f32>, vector: Vec<f32>| {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        sum
    };
    let sum = vectors.into_iter().reduce(sum).unwrap_or_default();
    sum.into_iter().map(|sum| sum / count).collect()
}
