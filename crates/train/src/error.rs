//! The errors of this crate: the library's, and those of data sets, features and training. A function that can fail with
//! the library's alone returns those.

use memeclip::Cause;

#[cfg(feature = "chat")]
use crate::chat::Fault;
use crate::data::{Feature, Skipped};

/// A result with [`Error`] as the error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. As in the library, each message names the input and ends with the remedy.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An error of the library.
    #[error(transparent)]
    Library(#[from] memeclip::Error),
    /// A table or an image of a data set that cannot be used.
    #[error("{file}: {reason}. {}", self.remedy())]
    DataSet {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// No row of a data set can be used.
    #[error("{file}: no row can be used, {} cannot. {}", skipped.len(), self.remedy())]
    NoRows {
        /// The path of its first file.
        file: String,
        /// The rows, each with its line and what is wrong with it. The message does not repeat them.
        skipped: Vec<Skipped>,
    },
    /// Every meme of a data set was skipped.
    #[error("{images}: no image of the data set can be used. {}", self.remedy())]
    NoImages {
        /// The folder of the images.
        images: String,
    },
    /// A file that does not hold the features of a data set.
    #[error("{file}: not the features of a data set ({reason}). {}", self.remedy())]
    Features {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// A file of regions and entities that cannot be used.
    #[error("{file}: {reason}. {}", self.remedy())]
    Regions {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// Features without a column that a system reads.
    #[error("{features}: the features have no '{column}', which {system} reads. {}", self.remedy())]
    MissingColumn {
        /// The folder of the features.
        features: String,
        /// The tensor.
        column: &'static str,
        /// The system's name.
        system: &'static str,
    },
    /// A system that reads images lacks some.
    #[error("{reason}. {}", self.remedy())]
    MissingImages {
        /// What is missing.
        reason: String,
    },
    /// Features made by towers other than those of the pack.
    #[error("{features}: features of the towers {found}, but {pack} has the towers {expected}. {}", self.remedy())]
    Towers {
        /// The file of features.
        features: String,
        /// The identity of the towers that made them.
        found: String,
        /// The name of the model.
        pack: String,
        /// The identity of the towers of the pack.
        expected: String,
    },
    /// A φ of another CLIP than the pack's.
    #[error(
        "{file}: φ makes embeddings of {} values from image features of {}, but {pack} has embeddings of {} and image features of {}. {}",
        found[1], found[0], expected[1], expected[0], self.remedy()
    )]
    Phi {
        /// The path.
        file: String,
        /// Width of the image features that it reads, and of the embeddings that it makes.
        found: [usize; 2],
        /// The name of the model.
        pack: String,
        /// The same widths of the pack.
        expected: [usize; 2],
    },
    /// A saved state of training that cannot be used.
    #[error("{file}: {reason}. {}", self.remedy())]
    State {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// A chat model on another machine, to which images may not be sent.
    #[error(
        "{endpoint}: on another machine, so the memes' images and texts would leave this one. {}", self.remedy()
    )]
    SendImages {
        /// Its base address.
        endpoint: String,
    },
    /// A chat model gives no answers.
    #[cfg(feature = "chat")]
    #[error("{endpoint}: {fault}. {}", self.remedy())]
    Chat {
        /// Its base address.
        endpoint: String,
        /// Why.
        fault: Fault,
    },
    /// A file of a chat model's answers that cannot be used.
    #[error("{file}: {reason}. {}", self.remedy())]
    Answers {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Some memes have no answer; each was named.
    #[error("{unanswered} of {memes} memes have no answer. {}", self.remedy())]
    Unanswered {
        /// How many.
        unanswered: usize,
        /// Of how many.
        memes: usize,
    },
}

impl Error {
    /// A stable identifier for programs, as [`memeclip::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            Error::Library(error) => error.code(),
            Error::DataSet { .. } | Error::NoRows { .. } | Error::NoImages { .. } => "data-set",
            Error::Features { .. } => "features",
            Error::Regions { .. } => "regions",
            Error::MissingColumn { .. } => "features/column",
            Error::MissingImages { .. } => "images",
            Error::Towers { .. } => "features/towers",
            Error::Phi { .. } => "phi",
            Error::State { .. } => "checkpoint",
            Error::SendImages { .. } => "chat/send-images",
            #[cfg(feature = "chat")]
            Error::Chat { fault, .. } => fault.code(),
            Error::Answers { .. } => "chat/answers",
            Error::Unanswered { .. } => "chat/unanswered",
        }
    }

    /// What to do about it, as [`memeclip::Error::remedy`].
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Error::Library(error) => return error.remedy(),
            Error::DataSet { .. } | Error::NoRows { .. } => {
                "Expected a data set with the columns that `memeclip extract --help` names."
            }
            Error::NoImages { .. } => "Check that the folder has the images that the data set names.",
            Error::Features { .. } => "Make them with `memeclip extract`.",
            Error::MissingColumn { column: "inversion", .. } => {
                "Run the same `memeclip extract` again with --phi and a file of φ, and with the systems that it had."
            }
            Error::Regions { .. } => {
                r#"Expected a line such as {"name": "a.png", "boxes": [[0, 0.2, 0.5, 1]], "entities": ["a cat"]} for each meme."#
            }
            Error::MissingColumn { system, column, .. } => {
                let clip = if *column == Feature::TextJoint.name() { " and --text-projection" } else { "" };
                return format!("Run the same `memeclip extract` again with --system {system}{clip}.");
            }
            Error::MissingImages { .. } => {
                "Give the folder of the images that the features were made from with --images."
            }
            Error::Towers { .. } => {
                "Give the pack that the features were made with, or make them again with `memeclip extract` and this pack."
            }
            Error::Phi { .. } => {
                "Give a φ that was trained for the CLIP of this pack, or train one with `memeclip phi`."
            }
            Error::State { .. } => "Remove the file to start again.",
            Error::SendImages { .. } => "Give --send-images to allow it, or the address of a model on this machine.",
            #[cfg(feature = "chat")]
            Error::Chat { fault, .. } => fault.remedy(),
            Error::Answers { .. } => "Ask as before, or name another file with --out.",
            Error::Unanswered { .. } => "Run the same command again: it asks about these memes only.",
        };
        remedy.into()
    }
}
