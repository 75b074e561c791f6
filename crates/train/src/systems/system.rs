use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::Feature;
use memeclip::{Error, Result};

/// A system of the paper's tables 3 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// BERT (Devlin et al., NAACL 2019) on the text, trained in full.
    Bert,
    /// ViT (Dosovitskiy et al., ICLR 2021) on the image, trained in full.
    Vit,
    /// A linear classifier on BERT's feature.
    BertFrozen,
    /// A linear classifier on ViT's feature.
    VitFrozen,
    /// CLIP's image feature and a plain head.
    ClipImage,
    /// CLIP's text feature and a plain head.
    ClipText,
    /// Both, one after the other, and a plain head.
    Clip,
    /// MOMENTA (Pramanick et al., Findings of EMNLP 2021) on CLIP's features of regions and entities, which stand in for those
    /// of VGG-16 and of a sentence encoder.
    Momenta,
    /// MOMENTA's attention between CLIP's two features alone, as HateCLIPper's paper compares itself with ("CMAF MOMENTA").
    MomentaCmaf,
    /// HateCLIPper (Kumar and Nandakumar, NLP4PI 2022) with the elementwise product.
    HateclipperAlign,
    /// HateCLIPper with the outer product.
    HateclipperCross,
    /// ISSUES (Burbi et al., ICCVW 2023).
    Issues,
    /// ISSUES with fixed features of inverted prompts.
    IssuesFixed,
    /// MemeCLIP (Shah et al., EMNLP 2024).
    Memeclip,
    /// MemeCLIP's head, trained with retrieval-guided contrastive learning (Mei et al., ACL 2024).
    MemeclipRgcl,
}

impl System {
    /// In the order of the tables.
    pub const ALL: [System; 15] = [
        System::Bert,
        System::BertFrozen,
        System::Vit,
        System::VitFrozen,
        System::ClipText,
        System::ClipImage,
        System::Clip,
        System::Momenta,
        System::MomentaCmaf,
        System::HateclipperCross,
        System::HateclipperAlign,
        System::Issues,
        System::IssuesFixed,
        System::Memeclip,
        System::MemeclipRgcl,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            System::Bert => "bert",
            System::Vit => "vit",
            System::BertFrozen => "bert-frozen",
            System::VitFrozen => "vit-frozen",
            System::ClipImage => "clip-image",
            System::ClipText => "clip-text",
            System::Clip => "clip",
            System::Momenta => "momenta",
            System::MomentaCmaf => "momenta-cmaf",
            System::HateclipperAlign => "hateclipper-align",
            System::HateclipperCross => "hateclipper-cross",
            System::Issues => "issues",
            System::IssuesFixed => "issues-fixed",
            System::Memeclip => "memeclip",
            System::MemeclipRgcl => "memeclip-rgcl",
        }
    }

    /// Whether an encoder is trained in full, and not a head on features.
    pub fn is_encoder(self) -> bool {
        matches!(self, System::Bert | System::Vit)
    }

    /// Whether its head is MemeCLIP's, which a pack can hold.
    pub fn ships(self) -> bool {
        matches!(self, System::Memeclip | System::MemeclipRgcl)
    }

    /// The features that it reads, in the order of its inputs.
    pub fn features(self) -> Vec<Feature> {
        match self {
            System::Bert | System::Vit => vec![],
            System::BertFrozen => vec![Feature::Bert],
            System::VitFrozen => vec![Feature::Vit],
            System::HateclipperAlign | System::HateclipperCross | System::MomentaCmaf | System::Issues => {
                vec![Feature::ImagePre, Feature::Text]
            }
            System::IssuesFixed => vec![Feature::ImagePre, Feature::Inversion],
            System::Momenta => vec![Feature::Image, Feature::Regions, Feature::TextJoint, Feature::Entities],
            System::ClipImage | System::ClipText | System::Clip => vec![Feature::Image, Feature::Text],
            System::Memeclip | System::MemeclipRgcl => vec![Feature::Image, Feature::Text],
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for System {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = || System::ALL.map(System::name).join(", ");
        let unknown = || Error::Argument { reason: format!("unknown system '{name}'. There are: {}.", known()) };
        System::ALL.into_iter().find(|system| system.name() == name).ok_or_else(unknown)
    }
}
