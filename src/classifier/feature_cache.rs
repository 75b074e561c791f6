//! Features of recent images and texts: memes, templates and texts repeat.

use std::cell::RefCell;
use std::hash::Hash;
use std::num::NonZeroUsize;

use lru::LruCache;

use crate::Result;
use crate::engine::Engine;

/// A few KB each.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// The most recent features of one modality, by their content. They are kept as values, not as an engine's tensors, so
/// that they do not depend on a device.
pub struct FeatureCache<K: Hash + Eq>(RefCell<LruCache<K, Vec<f32>>>);

impl<K: Hash + Eq> Default for FeatureCache<K> {
    fn default() -> Self {
        FeatureCache(RefCell::new(LruCache::new(CAPACITY)))
    }
}

impl<K: Hash + Eq> FeatureCache<K> {
    /// The feature [1, width], if it is known.
    pub fn tensor<E: Engine>(&self, engine: &E, key: &K) -> Result<Option<E::Tensor>> {
        self.0.borrow_mut().get(key).map(|values| engine.tensor(1, values.len(), values)).transpose()
    }

    pub fn keep(&self, key: K, feature: &[f32]) {
        self.0.borrow_mut().get_or_insert(key, || feature.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::Cpu;

    #[test]
    fn the_oldest_goes_first() {
        let (engine, recent) = (Cpu::new(), FeatureCache::default());
        let known = |key: &usize| recent.tensor(&engine, key).unwrap().is_some();
        for key in 0..CAPACITY.get() {
            recent.keep(key, &[1.0, 2.0]);
        }
        // Asked for, so no longer the oldest.
        assert!(known(&0));
        recent.keep(CAPACITY.get(), &[3.0]);
        assert!(known(&0) && known(&CAPACITY.get()) && !known(&1));
    }
}
