// Which vector instructions the WebAssembly here knows.

/** One function with v128 and i8x16.popcnt. */
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
/** One function with i8x16.relaxed_swizzle. */
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
];

export function simd() {
  return accepts(SIMD);
}

export function relaxedSimd() {
  return accepts(RELAXED_SIMD);
}

/**
 * Whether this WebAssembly module is valid here.
 * @param {number[]} module
 */
function accepts(module) {
  return globalThis.WebAssembly?.validate(new Uint8Array(module)) ?? false;
}
