//! Images that are in more than one split. What a model saw in training, it knows in a test.

use std::collections::BTreeMap;
use std::fmt;

use super::row::Row;
use super::split::Split;

/// One image in several splits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The first row of each split that has it.
    rows: Vec<Row>,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let rows = self.rows.iter().map(|Row { place, meme }| format!("{} in {} ({place})", meme.name, meme.split));
        write!(f, "the same image is in several splits: {}", rows.collect::<Vec<_>>().join(", "))
    }
}

/// Rows whose names are equal.
pub(super) fn by_name(rows: &[Row]) -> Vec<Duplicate> {
    find(rows.iter().map(|row| (&*row.meme.name, row)))
}

/// Rows whose images have equal bytes, and names that differ. `images`: each row with the identity of its image.
pub(super) fn by_content<'a>(images: impl Iterator<Item = (&'a str, &'a Row)>) -> Vec<Duplicate> {
    let mut found = find(images);
    found.retain(|same| same.rows.iter().any(|row| row.meme.name != same.rows[0].meme.name));
    found
}

fn find<'a>(images: impl Iterator<Item = (&'a str, &'a Row)>) -> Vec<Duplicate> {
    let mut splits: BTreeMap<&str, BTreeMap<Split, &Row>> = BTreeMap::new();
    for (image, row) in images {
        splits.entry(image).or_default().entry(row.meme.split).or_insert(row);
    }
    let several = splits.into_values().filter(|splits| splits.len() > 1);
    several.map(|splits| Duplicate { rows: splits.into_values().cloned().collect() }).collect()
}
