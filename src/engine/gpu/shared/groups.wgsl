// Weights as kernels see them, in any format. `decode` returns columns 4i..4i+3 and 16+4i..16+4i+3 of a block of
// 32, for the four rows of one half of a panel: matrix column j holds those rows at column j. A matrix is stored as
// [panel][block], so `block` counts from the first panel's first one.
struct Groups {
    low: mat4x4<real>,
    high: mat4x4<real>,
}
