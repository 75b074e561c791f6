//! BERT and ViT: the encoders of the paper's comparisons by text alone and by image alone. They are computed as Hugging
//! Face's `transformers` does, from the files that it writes, and all of their parameters can be trained.

mod bert;
mod config;
mod images;
mod parameters;
mod vit;
mod wordpiece;

pub use bert::{Bert, BertConfig, BertDropout};
pub use images::{Bilinear, Resample};
pub use parameters::Classifier;
pub use vit::Vit;
pub use wordpiece::WordPiece;
