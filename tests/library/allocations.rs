//! Heap memory, counted by the allocator: weights are held once, and a request allocates what its activations need.

#[path = "../common/mod.rs"]
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::{block_on, tiny_pack};
use memeclip::Classifier;
use memeclip::engine::cpu::Cpu;
use memeclip::model::AnyHeadConfig;
use memeclip::pack::directory::Directory;
use memeclip::preprocess::Rgb;

/// The system's allocator, with totals.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TOTAL.fetch_add(layout.size(), Relaxed);
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A single test, so that nothing else allocates at the same time.
#[test]
fn weights_are_held_once_and_requests_are_small() {
    let pack = tiny_pack();
    let grey_image = |grey| Rgb { width: 40, height: 30, data: vec![grey; 40 * 30 * 3] };
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);

    let classifier = block_on(Classifier::open(Cpu::new(), Directory::new(pack))).unwrap();
    block_on(classifier.classify(&grey_image(0), "when you see it", &[])).unwrap();
    let (live, peak) = (LIVE.load(Relaxed) - before, PEAK.load(Relaxed) - before);
    let manifest = classifier.manifest();
    let weights = manifest.classifier_bytes() as usize;
    let shards = manifest.components.values().flat_map(|component| &component.shards);
    let largest = shards.map(|shard| shard.bytes as usize).max().unwrap();
    println!("weights {weights}, largest shard {largest}, live {live}, peak {peak}");
    // The tokenizer's tables: each token's name twice and its merge, with the spare capacity of growing tables.
    let tables = 128 * manifest.clip.text.vocabulary;
    // A matrix is a view of its shard, and keeps the shard's header and vectors.
    assert!(live <= weights * 12 / 10 + tables, "{live} bytes held for {weights} of weights");
    // One shard may be held twice, as a file and as tensors.
    assert!(peak <= weights * 12 / 10 + largest + tables, "{peak} bytes at most for {weights} of weights");

    let requested = TOTAL.load(Relaxed);
    block_on(classifier.classify(&grey_image(255), "when you saw it", &[])).unwrap();
    let request = TOTAL.load(Relaxed) - requested;
    let (vision, text) = (&manifest.clip.vision, &manifest.clip.text);
    // A block's activations: norms, q, k and v, attention, hidden layer, two sums.
    let block = |width: usize, mlp: usize| size_of::<f32>() * (8 * width + mlp);
    // The image's bytes, pixels and patches; each task's projections, adapters, fusion and pre-output.
    let image = 3 * vision.image_size.pow(2) * (1 + 2 * size_of::<f32>());
    let maps = manifest.heads.values().map(|head| match &head.config {
        AnyHeadConfig::Memeclip(config) => config.map,
        AnyHeadConfig::Fimif(_) => panic!("not MemeCLIP's head"),
    });
    let heads = size_of::<f32>() * 13 * maps.sum::<usize>();
    let activations = vision.layers * vision.tokens() * block(vision.width, vision.mlp)
        + text.layers * 6 * block(text.width, text.mlp)
        + image
        + heads;
    println!("a request allocates {request}, its activations are {activations}");
    // The factor is for kernels, which also round activations and unpack weights.
    assert!(request <= 3 * activations, "{request} bytes for activations of {activations}");
    assert!(LIVE.load(Relaxed) - before <= live + (16 << 10), "a request may keep its features only");
}
