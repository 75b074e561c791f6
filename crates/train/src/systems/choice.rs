use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{System, memory};
use crate::data::{Feature, Features};
use crate::engine::{Burn, DropoutRates};
use crate::training::hateclipper::{Fusion, HateClipper};
use crate::training::issues::{Issues, Stage};
use crate::training::momenta::Momenta;
use crate::training::{Architecture, HeadModel, Recipe, Settings, at_once};
use memeclip::task::Task;
use memeclip::{Error, Result};

/// A system and the sizes that it leaves to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub system: System,
    /// Width of the space that both features are mapped into. HateCLIPper's paper has 1024, CLIP ViT-L/14's vision width.
    pub map: usize,
    /// Hidden layers between fusion and classifier: of HateCLIPper 1, or 3 as in the paper's best row; of others 1.
    pub hidden: usize,
    /// Whether it reads the text feature before the text projection in place of [`Feature::TextJoint`], which only momenta
    /// reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unprojected: bool,
}

impl System {
    /// The authors' hyper-parameters. MemeCLIP's say none of BERT and ViT: theirs are those with which BERT is usually
    /// fine-tuned. Linear classifiers on their features have ten times MemeCLIP's rate. The plain heads have MemeCLIP's.
    /// HateCLIPper's are its paper's; that says nothing of dropout, so the rates are its code's, as for MOMENTA's attention,
    /// which its paper trains alike. MOMENTA's are its code's, which has rates of dropout of its own. ISSUES' are those of its
    /// code for Hateful Memes. RGCL's are its paper's, with MemeCLIP's dropout and weight decay.
    pub fn settings(self) -> Settings {
        match self {
            System::Bert | System::Vit => Settings {
                epochs: 4,
                learning_rate: 2e-5,
                weight_decay: 0.01,
                clip: Some(1.0),
                warm_up: Some(0.1),
                ..Settings::default()
            },
            System::HateclipperAlign | System::HateclipperCross | System::MomentaCmaf => Settings {
                epochs: 20,
                batch: 64,
                dropout: DropoutRates { projection: 0.1, fusion: 0.4, output: 0.2 },
                clip: Some(0.1),
                ..Settings::default()
            },
            System::Issues | System::IssuesFixed => Settings {
                epochs: 60,
                batch: 64,
                dropout: DropoutRates { projection: 0.2, fusion: 0.4, output: 0.1 },
                clip: Some(0.1),
                ..Settings::default()
            },
            System::BertFrozen | System::VitFrozen => Settings { learning_rate: 1e-3, ..Settings::default() },
            System::Momenta => Settings {
                epochs: 25,
                batch: 64,
                learning_rate: 1e-3,
                weight_decay: 1e-5,
                coupled: true,
                ..Settings::default()
            },
            System::MemeclipRgcl => {
                Settings { epochs: 30, batch: 64, clip: Some(0.1), retrieval: true, ..Settings::default() }
            }
            System::ClipImage | System::ClipText | System::Clip | System::Memeclip => Settings::default(),
        }
    }

    /// The system with these sizes, for a vision tower of the given width, which is the width of the map unless chosen.
    ///
    /// # Errors
    /// [`Error::Argument`] for a size that the system does not leave to choose, or that is 0.
    pub fn choose(self, vision: usize, map: Option<usize>, hidden: Option<usize>) -> Result<Choice> {
        let argument = |reason: String| Err(Error::Argument { reason });
        if self.is_encoder() {
            return argument(format!("{self} is an encoder of its own and has no head on features"));
        }
        let linear = self.features().iter().any(|feature| feature.is_encoders());
        let fixed = self.ships() || linear || self == System::Momenta;
        if let (true, Some((size, _))) =
            (fixed, [("map", map), ("hidden layers", hidden)].iter().find(|s| s.1.is_some()))
        {
            let why = if linear { "its head is one layer" } else { "its head has the published sizes" };
            return argument(format!("{self} has no choice of {size}: {why}"));
        }
        let (map, hidden) = (map.unwrap_or(vision), hidden.unwrap_or(1));
        if map == 0 || hidden == 0 {
            return argument(format!("map {map}, hidden layers {hidden}: both must be at least 1"));
        }
        if self == System::MomentaCmaf && map < 4 {
            return argument(format!(
                "map {map}: queries and keys have a quarter of its width, so it must be at least 4"
            ));
        }
        Ok(Choice { system: self, map, hidden, unprojected: false })
    }
}

impl Choice {
    /// The same, on what these features have: without [`Feature::TextJoint`], it reads the text feature before the projection.
    pub fn on(self, features: &Features) -> Self {
        let reads = self.system.features().contains(&Feature::TextJoint);
        Choice { unprojected: reads && features.column(Feature::TextJoint).1 == 0, ..self }
    }

    /// The name of a table's row: the system's, and what differs from the one that its authors published.
    pub fn label(&self) -> String {
        let regions = if self.system == System::Momenta { ", CLIP regions" } else { "" };
        let text = if self.unprojected { ", text before the projection" } else { "" };
        format!("{}{regions}{text}", self.system)
    }

    /// The features that it reads, in the order of its inputs.
    pub fn features(&self) -> Vec<Feature> {
        let features = self.system.features().into_iter();
        let text = if self.unprojected { Feature::Text } else { Feature::TextJoint };
        features.map(|feature| if feature == Feature::TextJoint { text } else { feature }).collect()
    }

    /// The head to train; of ISSUES the one of its first stage, whose second is no head on features.
    pub fn recipe(&self) -> Recipe {
        let &Choice { system, map, hidden, .. } = self;
        let fusion = match system {
            System::Memeclip | System::MemeclipRgcl => return Recipe::memeclip(map),
            System::BertFrozen => return Recipe::linear(Feature::Bert),
            System::VitFrozen => return Recipe::linear(Feature::Vit),
            System::Bert | System::Vit => unreachable!("`System::choose` refuses encoders"),
            System::Momenta => {
                let head = Momenta::new(self.features()[2]);
                return Recipe { architecture: Architecture::Momenta(head), semantic: false };
            }
            System::MomentaCmaf => Fusion::Attention,
            System::ClipImage => Fusion::Image,
            System::ClipText => Fusion::Text,
            System::Clip => Fusion::Concat,
            System::HateclipperAlign => Fusion::Align,
            System::HateclipperCross => Fusion::Cross,
            System::Issues | System::IssuesFixed => {
                let stage = if system == System::Issues { Stage::Adaptation } else { Stage::Inversion };
                let head = Issues { stage, map, hidden };
                return Recipe { architecture: Architecture::Issues(head), semantic: false };
            }
        };
        let binary = matches!(fusion, Fusion::Align | Fusion::Cross | Fusion::Attention);
        let head = HateClipper { hidden, image: system.features()[0], binary, ..HateClipper::new(map, None, fusion) };
        Recipe { architecture: Architecture::HateClipper(head), semantic: false }
    }

    /// Checks that the features have what the system reads. `dir` is where they are, for the error.
    ///
    /// # Errors
    /// [`MissingColumn`](crate::Error::MissingColumn).
    pub fn check(&self, features: &Features, dir: &Path) -> crate::Result<()> {
        match self.features().into_iter().find(|&feature| features.column(feature).1 == 0) {
            Some(missing) => Err(crate::Error::MissingColumn {
                features: dir.display().to_string(),
                column: missing.name(),
                system: self.system.name(),
            }),
            None => Ok(()),
        }
    }

    /// Checks that the training of these tasks' heads, as many as run together, fits into the memory that is free.
    ///
    /// # Errors
    /// [`Error::Argument`] with both figures, and those of the engine.
    pub fn check_memory(&self, engine: &Burn, features: &Features, tasks: &[&Task]) -> Result<()> {
        let recipe = self.recipe();
        let memory = |task: &&Task| memory::needed(engine, &HeadModel::new(&recipe.architecture, features, task).shape);
        let mut needed = tasks.iter().map(memory).collect::<Result<Vec<u64>>>()?;
        needed.sort_unstable();
        let together: u64 = needed.iter().rev().take(at_once(tasks.len())).sum();
        match memory::free() {
            Some(free) if together > free => Err(Error::Argument {
                reason: format!(
                    "{} with map {}: training takes {:.1} GB, and {:.1} GB are free. Give a smaller --map, or one --task at a time.",
                    self.system,
                    self.map,
                    together as f64 / 1e9,
                    free as f64 / 1e9,
                ),
            }),
            _ => Ok(()),
        }
    }
}
