use serde::{Deserialize, Serialize};

/// A feature of a meme that a system reads: a column of the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// CLIP's image feature, after the visual projection: MemeCLIP's.
    Image,
    /// CLIP's image feature before the visual projection (Hugging Face: `pooler_output`): HateCLIPper's.
    ImagePre,
    /// CLIP's text feature, before the text projection: MemeCLIP's.
    Text,
    /// CLIP's text feature of the meme's inverted prompt ([`prompt`](super::prompt)): ISSUES'.
    Inversion,
    /// BERT's of the text (Hugging Face: `pooler_output`).
    Bert,
    /// ViT's of the image: the first token of `last_hidden_state`.
    Vit,
    /// CLIP's text feature after the text projection, which a pack does not hold: MOMENTA's.
    TextJoint,
    /// The mean of CLIP's image features of the image's regions: see [`Regions`](super::Regions).
    Regions,
    /// The mean of CLIP's text features of the entities on the image, before the text projection.
    Entities,
}

impl Feature {
    /// Those that features have only if a system needed them.
    pub const FURTHER: [Feature; 7] = [
        Feature::ImagePre,
        Feature::Inversion,
        Feature::TextJoint,
        Feature::Regions,
        Feature::Entities,
        Feature::Bert,
        Feature::Vit,
    ];

    /// Whether it is that of an encoder other than CLIP.
    pub fn is_encoders(self) -> bool {
        matches!(self, Feature::Bert | Feature::Vit)
    }

    /// The name of its tensor.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Image => "image",
            Feature::ImagePre => "image_pre",
            Feature::Text => "text",
            Feature::Inversion => "inversion",
            Feature::Bert => "bert",
            Feature::Vit => "vit",
            Feature::TextJoint => "text_joint",
            Feature::Regions => "regions",
            Feature::Entities => "entities",
        }
    }
}
