//! Metrics of predictions, computed in f64 as scikit-learn and torchmetrics define them.

mod auroc;
mod bootstrap;
mod calibration;
mod confusion;
mod paired_test;
mod predictions;
mod temperature;
mod threshold;

pub use auroc::{Point, auroc, roc};
pub use bootstrap::{Interval, bootstrap, bootstrap_runs};
pub use calibration::{Bin, calibration_error, reliability};
pub use confusion::{accuracy, confusion, macro_f1};
pub use paired_test::paired_test;
pub use predictions::Predictions;
pub use temperature::temperature;
pub use threshold::{AtThreshold, at_threshold};
