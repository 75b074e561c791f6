// Sums over a workgroup, in workgroup memory.
struct Thread {
    @builtin(local_invocation_index) index: u32,
}

var<workgroup> partial: array<f32, THREADS>;

// The sum of `value` over the workgroup, for all of it.
fn workgroup_sum(thread: Thread, value: f32) -> f32 {
    partial[thread.index] = value;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread.index < half) {
            partial[thread.index] += partial[thread.index + half];
        }
    }
    workgroupBarrier();
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}
