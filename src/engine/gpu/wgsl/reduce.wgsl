// Sums over a workgroup of 64, in workgroup memory.
const LANES = 64u;

struct Thread {
    @builtin(local_invocation_index) index: u32,
}

var<workgroup> partial: array<f32, 64>;

// The sum of `value` over the workgroup, for all of it.
fn workgroup_sum(thread: Thread, value: f32) -> f32 {
    partial[thread.index] = value;
    for (var half = 32u; half > 0u; half /= 2u) {
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
