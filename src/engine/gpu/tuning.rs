//! How matrix products with weights of a format are computed: in which numbers and by which tiles. What is fastest differs
//! from adapter to adapter, so it is measured (prepare.rs).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Mutex;

use super::device::Capabilities;
use super::kernels::Kernel;
use crate::quant::Format;

/// The part of a matrix product that a workgroup computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub rows: u32,
    /// Panels of eight columns.
    pub panels: u32,
    /// Rows that an invocation computes, of four columns.
    pub each: u32,
}

impl Tile {
    /// Invocations of the workgroup.
    pub fn threads(self) -> u32 {
        self.rows / self.each * 2 * self.panels
    }
}

/// More rows for each invocation make more of what is read; fewer fit the registers of Intel's and ARM's GPUs. Small tiles
/// keep every core of a large GPU busy. 24 and 88 rows leave little over of ViT-L/14's 257.
const TILES: [Tile; 7] = [
    Tile { rows: 32, panels: 8, each: 4 },
    Tile { rows: 32, panels: 8, each: 8 },
    Tile { rows: 24, panels: 8, each: 4 },
    Tile { rows: 64, panels: 8, each: 4 },
    Tile { rows: 64, panels: 8, each: 8 },
    Tile { rows: 88, panels: 8, each: 8 },
    Tile { rows: 64, panels: 16, each: 8 },
];

/// What is multiplied. Sums beyond a block of 32 are in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Int8,
    F16,
    F32,
}

impl Numbers {
    const ALL: [Numbers; 3] = [Numbers::Int8, Numbers::F16, Numbers::F32];

    fn name(self) -> &'static str {
        match self {
            Numbers::Int8 => "int8",
            Numbers::F16 => "f16",
            Numbers::F32 => "f32",
        }
    }

    /// Whether the device has them, and weights in this format gain by them.
    fn suit(self, capabilities: &Capabilities, format: Format) -> bool {
        match self {
            Numbers::Int8 => capabilities.dot8 && matches!(format, Format::Q8 | Format::Q4),
            Numbers::F16 => capabilities.f16 && format != Format::F32,
            Numbers::F32 => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinearVariant {
    pub numbers: Numbers,
    pub tile: Tile,
}

/// Bytes of workgroup memory that every device supports.
pub(super) const WORKGROUP_MEMORY: u32 = 16384;

impl LinearVariant {
    /// What is good enough everywhere, until others are measured.
    pub fn default(capabilities: &Capabilities, format: Format) -> Self {
        Self::all(capabilities, format).next().expect("every device multiplies in f32")
    }

    /// Those that this device supports for the format: all tiles for each kind of numbers.
    pub fn all(capabilities: &Capabilities, format: Format) -> impl Iterator<Item = Self> {
        Self::every().filter(move |variant| variant.fits(capabilities, format))
    }

    fn every() -> impl Iterator<Item = Self> {
        Numbers::ALL.into_iter().flat_map(|numbers| TILES.map(|tile| LinearVariant { numbers, tile }))
    }

    fn fits(&self, capabilities: &Capabilities, format: Format) -> bool {
        self.numbers.suit(capabilities, format) && self.memory() <= WORKGROUP_MEMORY
    }

    /// Bytes of workgroup memory that the kernel declares.
    pub fn memory(&self) -> u32 {
        let Tile { rows, panels, .. } = self.tile;
        match self.numbers {
            Numbers::Int8 => 16 * 9 * (rows / 4 + 1 + 2 * panels + 1),
            Numbers::F16 => 8 * (9 * rows + 32 * (2 * panels + 1)),
            Numbers::F32 => 16 * (9 * rows + 32 * (2 * panels + 1)),
        }
    }

    pub fn kernel(&self, format: Format) -> Kernel {
        match self.numbers {
            Numbers::Int8 => Kernel::LinearDot8(format, self.tile),
            Numbers::F16 => Kernel::LinearF16(format, self.tile),
            Numbers::F32 => Kernel::Linear(format, self.tile),
        }
    }
}

impl Display for LinearVariant {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Tile { rows, panels, each } = self.tile;
        write!(f, "{}-{rows}x{}-{each}", self.numbers.name(), 8 * panels)
    }
}

impl FromStr for LinearVariant {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::every().find(|variant| variant.to_string() == text).ok_or(())
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
