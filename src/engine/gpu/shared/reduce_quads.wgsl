// Sums over a workgroup that is one quad: for software adapters (see linear_quads.wgsl).
struct Thread {
    @builtin(subgroup_invocation_id) index: u32,
}

// The sum of `value` over the workgroup, for all of it.
fn workgroup_sum(thread: Thread, value: f32) -> f32 {
    let pair = value + quadSwapX(value);
    return pair + quadSwapY(pair);
}
