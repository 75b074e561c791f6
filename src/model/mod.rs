//! The network, defined once over [`crate::engine::Engine`]: two CLIP towers and the heads.
//!
//! A network is a chain of *stages* (embedding, each transformer block, pooling; a head is one stage), and each stage
//! loads when it is first reached. So a block can compute while the next one is still loading.

mod any_head;
mod block;
mod config;
pub(crate) mod domain;
mod fimif;
mod head;
mod layers;
mod rollout;
mod text;
mod vision;
mod weights;

pub use any_head::AnyHead;
pub use block::Block;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use config::openai;
pub use config::{AnyHeadConfig, BlockConfig, ClipConfig, FimifConfig, Fusion, HeadConfig, TextConfig, VisionConfig};
pub use domain::{Domain, Modality, Ppca};
pub use fimif::Fimif;
pub use head::{Dropout, Head, Mapping, PreOutput};
pub use layers::{LayerNorm, Linear};
pub use text::{TextTower, load_tokenizer};
pub use vision::{VisionTower, patches};
pub(crate) use weights::Lazy;
pub use weights::{Packed, Stages, Tensors, Weights};
