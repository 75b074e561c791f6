//! How GPUs multiply with weights of a format: in which numbers and by what tiles. What is fastest differs from adapter to
//! adapter, so [`super::Gpu::tune`] tries.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Mutex;

use super::device::Traits;
use crate::quant::Format;

/// What a workgroup makes of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub rows: u32,
    /// Of eight columns.
    pub panels: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Products in int8; else in f16 or f32.
    pub int8: bool,
    pub tile: Tile,
}

/// An invocation makes 8 x 4 results: 64, 128 and 256 of them.
const TILES: [Tile; 3] = [Tile { rows: 32, panels: 8 }, Tile { rows: 64, panels: 8 }, Tile { rows: 64, panels: 16 }];

/// Bytes of workgroup memory that every device grants.
const WORKGROUP_MEMORY: u32 = 16384;

impl Plan {
    /// Until others are tried: what is good enough everywhere.
    pub fn default(traits: &Traits, format: Format) -> Self {
        Plan { int8: traits.dot8 && quantized(format), tile: TILES[0] }
    }

    /// What this device can do for the format.
    pub fn candidates(traits: &Traits, format: Format) -> Vec<Self> {
        let plans = TILES.iter().flat_map(|&tile| [Plan { int8: true, tile }, Plan { int8: false, tile }]);
        plans.filter(|plan| plan.fits(traits, format)).collect()
    }

    fn fits(&self, traits: &Traits, format: Format) -> bool {
        let Tile { rows, panels } = self.tile;
        let vector = if traits.f16 && format != Format::F32 { 8 } else { 16 };
        // As the kernels declare it.
        let memory = match self.int8 {
            true => 16 * (8 * (rows / 4 + 1) + 8 * (2 * panels + 1) + rows / 4 + 2 * panels),
            false => vector * (9 * rows + 32 * (2 * panels + 1)),
        };
        (!self.int8 || traits.dot8 && quantized(format)) && memory <= WORKGROUP_MEMORY
    }
}

fn quantized(format: Format) -> bool {
    matches!(format, Format::Q8 | Format::Q4)
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}-{}x{}", if self.int8 { "int8" } else { "float" }, self.tile.rows, 8 * self.tile.panels)
    }
}

impl FromStr for Plan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plans = TILES.iter().flat_map(|&tile| [Plan { int8: true, tile }, Plan { int8: false, tile }]);
        plans.into_iter().find(|plan| plan.to_string() == text).ok_or(())
    }
}

/// The plans by format.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans(pub BTreeMap<&'static str, Plan>);

impl Plans {
    /// Those of a text made by [`Display`] that this device can carry out.
    pub fn parse(text: &str, traits: &Traits) -> Self {
        let plan = |entry: &str| {
            let (name, plan) = entry.split_once('=')?;
            let format = Format::ALL.into_iter().find(|format| format.name() == name)?;
            let plan = plan.parse::<Plan>().ok().filter(|plan| plan.fits(traits, format))?;
            Some((format.name(), plan))
        };
        Plans(text.split_whitespace().filter_map(plan).collect())
    }
}

impl Display for Plans {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(|(format, plan)| format!("{format}={plan}")).collect();
        f.write_str(&entries.join(" "))
    }
}

/// What was found in this process, by adapter: an engine that replaces a lost one need not try again.
static FOUND: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

pub(super) fn remembered(adapter: &str) -> String {
    let found = FOUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    found.get(adapter).cloned().unwrap_or_default()
}

pub(super) fn remember(adapter: &str, plans: &Plans) {
    let mut found = FOUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    found.insert(adapter.into(), plans.to_string());
}
