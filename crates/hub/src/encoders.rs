//! Short names of common encoders: one table.

/// An encoder that has a short name.
#[derive(Debug)]
pub struct Encoder {
    /// The short name.
    pub name: &'static str,
    /// The repository on the hub, `owner/name`.
    pub repository: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The licence of the weights, as the publisher states it.
    pub licence: &'static str,
    /// About how large it is as a q4 pack, in MB.
    pub megabytes: u32,
}

/// The encoders by their short names.
pub const ENCODERS: [Encoder; 8] = [
    Encoder {
        name: "clip-vit-b-32",
        repository: "openai/clip-vit-base-patch32",
        what: "OpenAI's CLIP ViT-B/32",
        licence: "MIT",
        megabytes: 98,
    },
    Encoder {
        name: "clip-vit-b-16",
        repository: "openai/clip-vit-base-patch16",
        what: "OpenAI's CLIP ViT-B/16",
        licence: "MIT",
        megabytes: 98,
    },
    Encoder {
        name: "clip-vit-l-14",
        repository: "openai/clip-vit-large-patch14",
        what: "OpenAI's CLIP ViT-L/14, the encoder of the paper",
        licence: "MIT",
        megabytes: 250,
    },
    Encoder {
        name: "clip-vit-l-14-336",
        repository: "openai/clip-vit-large-patch14-336",
        what: "OpenAI's CLIP ViT-L/14 for images of 336 pixels, the encoder of FIMIF",
        licence: "MIT",
        megabytes: 250,
    },
    Encoder {
        name: "clip-vit-b-32-laion2b",
        repository: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        what: "open_clip's ViT-B/32, trained on LAION-2B",
        licence: "MIT",
        megabytes: 98,
    },
    Encoder {
        name: "clip-vit-b-32-256-datacomp",
        repository: "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        what: "open_clip's ViT-B/32 for images of 256 pixels, trained on DataComp-1B",
        licence: "MIT",
        megabytes: 98,
    },
    Encoder {
        name: "clip-vit-l-14-datacomp",
        repository: "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
        what: "open_clip's ViT-L/14, trained on DataComp-1B",
        licence: "MIT",
        megabytes: 250,
    },
    Encoder {
        name: "clip-vit-h-14",
        repository: "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
        what: "open_clip's ViT-H/14, trained on LAION-2B",
        licence: "MIT",
        megabytes: 560,
    },
];

/// The encoder of a short name.
pub fn named(name: &str) -> Option<&'static Encoder> {
    ENCODERS.iter().find(|encoder| encoder.name == name)
}
