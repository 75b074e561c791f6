//! The tables of the paper once more, on a user's files: every system over several seeds, measured on `test`, beside the
//! published figures.

pub mod ablation;
mod contender;
mod html;
mod markdown;
mod measured;
mod plan;
mod published;
mod run;
mod runs;
mod table;

pub use contender::{Contender, Job};
pub use measured::{Comparison, Measured};
pub use plan::{Answered, Plan, Section, Step};
pub use run::Run;
pub use table::{Outcome, Report, Row, Table};
