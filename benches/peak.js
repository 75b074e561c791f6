// Measures the peak speed of one thread in this browser: a loop of a single instruction on independent accumulators.

import wabt from 'wabt';

/** By name: the WebAssembly on an accumulator `$x`, and the number of multiplications and additions that count. */
const INSTRUCTIONS = {
  // The accumulator is also the operand, so that the compiler cannot move a constant product out of the loop.
  'i16x8.relaxed_dot + i16x8.add': [
    '(i16x8.add (local.get $x) (i16x8.relaxed_dot_i8x16_i7x16_s (local.get $x) (local.get $a)))',
    32,
  ],
  'i32x4.relaxed_dot_add': ['(i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $a) (local.get $a) (local.get $x))', 32],
  'f32x4.relaxed_madd': ['(f32x4.relaxed_madd (local.get $a) (local.get $a) (local.get $x))', 8],
};
const ACCUMULATORS = 12;

async function compile() {
  const each = (text) => Array.from({ length: ACCUMULATORS }, (_, i) => text(i)).join('\n');
  const functions = Object.values(INSTRUCTIONS).map(
    ([step], i) => `(func (export "${i}") (param $n i32) (result i32) (local $a v128) ${each((k) => `(local $x${k} v128)`)}
      (local.set $a (i32x4.splat (i32.const 0x01010101)))
      ${each((k) => `(local.set $x${k} (i32x4.splat (i32.const ${k})))`)}
      (loop $again
        ${each((k) => `(local.set $x${k} ${step.replaceAll('$x', `$x${k}`)})`)}
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $again (local.get $n)))
      ${each((k) => `(local.set $a (v128.xor (local.get $a) (local.get $x${k})))`)}
      (i32x4.extract_lane 0 (local.get $a)))`,
  );
  const text = `(module ${functions.join('\n')})`;
  const module = (await wabt()).parseWat('peak.wat', text, { simd: true, relaxed_simd: true });
  return [...module.toBinary({}).buffer];
}

/** Giga-operations per second, by instruction: the best of several tries on the page. */
export async function peaks(page) {
  const operations = Object.values(INSTRUCTIONS).map(([, operations]) => operations * ACCUMULATORS);
  const found = await page.evaluate(
    async ([bytes, operations]) => {
      const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
      return operations.map((operations, i) => {
        const run = instance.exports[i];
        let best = 0;
        for (let attempt = 0; attempt < 8; attempt++) {
          const [n, start] = [5e6, performance.now()];
          run(n);
          best = Math.max(best, (n * operations) / (performance.now() - start) / 1e6);
        }
        return best;
      });
    },
    [await compile(), operations],
  );
  return Object.fromEntries(Object.keys(INSTRUCTIONS).map((name, i) => [name, found[i]]));
}
