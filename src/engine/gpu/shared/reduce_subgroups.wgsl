// Sums over a workgroup, by subgroups of any size.
struct Thread {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
}

var<workgroup> partial: array<f32, THREADS>;

// The sum of `value` over the workgroup, for all of it.
fn workgroup_sum(thread: Thread, value: f32) -> f32 {
    let part = subgroupAdd(value);
    // All lanes of a subgroup write the same value.
    partial[thread.subgroup] = part;
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < thread.subgroups; i++) {
        sum += partial[i];
    }
    workgroupBarrier();
    return sum;
}
