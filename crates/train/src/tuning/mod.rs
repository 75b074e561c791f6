//! Trains BERT and ViT in full on the memes of a data set, and keeps them as Hugging Face's transformers does: the systems
//! [`Bert`](crate::systems::System::Bert) and [`Vit`](crate::systems::System::Vit). Or computes their features, for heads.

mod companions;
mod encoder_model;
mod frozen;
mod run;
mod tuned;

pub use encoder_model::EncoderModel;
pub use frozen::Frozen;
pub use run::Tuning;
pub use tuned::Tuned;
