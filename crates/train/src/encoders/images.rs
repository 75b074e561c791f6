//! What a ViT does with images.

use super::config::{only, side};
use memeclip::Result;
use memeclip::model::VisionConfig;
use memeclip::pack::json_file::JsonFile;
use memeclip::preprocess::{Filter, Rgb, normalize, resize, resize_by};

/// How an image is resized to a square. The aspect ratio is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    Bilinear,
    Bicubic,
}

/// Pillow's `BILINEAR`, antialiased.
pub struct Bilinear;

impl Filter for Bilinear {
    const SUPPORT: f64 = 1.0;

    fn weight(x: f64) -> f64 {
        (1.0 - x.abs()).max(0.0)
    }
}

impl Resample {
    /// Reads `preprocessor_config.json`, with mean and deviation into `config`. What it leaves out is as in
    /// `ViTImageProcessor`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](memeclip::Error::Checkpoint) for steps that are not supported, or another size than the model's.
    pub fn read(file: &JsonFile, config: &mut VisionConfig) -> Result<Self> {
        ["do_resize", "do_rescale", "do_normalize"].iter().try_for_each(|step| only(file, step, true))?;
        only(file, "rescale_factor", 1f32 / 255.0)?;
        only(file, "do_center_crop", false)?;
        let size = side(file, "size", config.image_size)?;
        if size != config.image_size {
            let reason = format!("size is {size}, but the model takes images of {} pixels", config.image_size);
            return Err(file.invalid(reason));
        }
        config.mean = file.field(&["image_mean"], [0.5; 3])?;
        config.std = file.field(&["image_std"], [0.5; 3])?;
        if config.std.iter().any(|std| *std <= 0.0) {
            return Err(file.invalid(format!("image_std is {:?}, expected positive numbers", config.std)));
        }
        // Pillow's numbers.
        match file.field(&["resample"], 2)? {
            2 => Ok(Resample::Bilinear),
            3 => Ok(Resample::Bicubic),
            other => Err(file.invalid(format!("resample is {other}, expected 2 or 3, which are bilinear and bicubic"))),
        }
    }

    /// The normalised pixels [3, size, size] of an image.
    pub fn pixels(self, config: &VisionConfig, image: &Rgb) -> Vec<f32> {
        let size = config.image_size;
        let resized = match self {
            Resample::Bilinear => resize_by::<Bilinear>(image, size, size),
            Resample::Bicubic => resize(image, size),
        };
        normalize(&resized, &config.mean, &config.std)
    }
}
