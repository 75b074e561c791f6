//! How matrix products with weights of a format are computed: in which numbers and by which tiles. What is fastest differs
//! from adapter to adapter, so it is measured (prepare.rs).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Mutex;

use super::device::Capabilities;
use crate::quant::Format;

/// The part of a matrix product that a workgroup computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub rows: u32,
    /// Panels of eight columns.
    pub panels: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinearVariant {
    /// In int8; otherwise in f16 or f32.
    pub int8: bool,
    pub tile: Tile,
}

impl Tile {
    /// Invocations of the workgroup: each makes 8 x 4 results.
    pub fn threads(self) -> u32 {
        self.rows / 8 * 2 * self.panels
    }
}

/// Of 64, 128 and 256 invocations.
const TILES: [Tile; 3] = [Tile { rows: 32, panels: 8 }, Tile { rows: 64, panels: 8 }, Tile { rows: 64, panels: 16 }];

/// Bytes of workgroup memory that every device supports.
pub(super) const WORKGROUP_MEMORY: u32 = 16384;

impl LinearVariant {
    /// What is good enough everywhere, until others are measured.
    pub fn default(capabilities: &Capabilities, format: Format) -> Self {
        LinearVariant { int8: capabilities.dot8 && quantized(format), tile: TILES[0] }
    }

    /// All variants that this device supports for the format.
    pub fn candidates(capabilities: &Capabilities, format: Format) -> Vec<Self> {
        let variants =
            TILES.iter().flat_map(|&tile| [LinearVariant { int8: true, tile }, LinearVariant { int8: false, tile }]);
        variants.filter(|variant| variant.fits(capabilities, format)).collect()
    }

    fn fits(&self, capabilities: &Capabilities, format: Format) -> bool {
        (!self.int8 || capabilities.dot8 && quantized(format)) && self.memory(capabilities, format) <= WORKGROUP_MEMORY
    }

    /// Bytes of workgroup memory that the kernel declares.
    pub fn memory(&self, capabilities: &Capabilities, format: Format) -> u32 {
        let Tile { rows, panels } = self.tile;
        let vector = if capabilities.f16 && format != Format::F32 { 8 } else { 16 };
        match self.int8 {
            true => 16 * (8 * (rows / 4 + 1) + 8 * (2 * panels + 1) + rows / 4 + 2 * panels),
            false => vector * (9 * rows + 32 * (2 * panels + 1)),
        }
    }
}

fn quantized(format: Format) -> bool {
    matches!(format, Format::Q8 | Format::Q4)
}

impl Display for LinearVariant {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}-{}x{}", if self.int8 { "int8" } else { "float" }, self.tile.rows, 8 * self.tile.panels)
    }
}

impl FromStr for LinearVariant {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let variants =
            TILES.iter().flat_map(|&tile| [LinearVariant { int8: true, tile }, LinearVariant { int8: false, tile }]);
        variants.into_iter().find(|variant| variant.to_string() == text).ok_or(())
    }
}

/// The variant for each format, by its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Tuning(pub BTreeMap<&'static str, LinearVariant>);

impl Tuning {
    /// Parses text made by [`Display`]. Skips what this device does not support.
    pub fn parse(text: &str, capabilities: &Capabilities) -> Self {
        let variant = |entry: &str| {
            let (name, variant) = entry.split_once('=')?;
            let format = Format::ALL.into_iter().find(|format| format.name() == name)?;
            let variant = variant.parse::<LinearVariant>().ok().filter(|variant| variant.fits(capabilities, format))?;
            Some((format.name(), variant))
        };
        Tuning(text.split_whitespace().filter_map(variant).collect())
    }
}

impl Display for Tuning {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let entries: Vec<String> = self.0.iter().map(|(format, variant)| format!("{format}={variant}")).collect();
        f.write_str(&entries.join(" "))
    }
}

/// What was measured in this process, by adapter: an engine that replaces a lost one need not measure again.
static FOUND: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

pub(super) fn remembered(adapter: &str) -> String {
    let found = FOUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    found.get(adapter).cloned().unwrap_or_default()
}

pub(super) fn remember(adapter: &str, tuning: &Tuning) {
    let mut found = FOUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    found.insert(adapter.into(), tuning.to_string());
}
