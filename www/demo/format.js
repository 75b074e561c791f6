const megabytes = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const milliseconds = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/**
 * Never “0 %” or “100 %”: the model is never certain.
 * @param {number} share 0 to 1.
 */
export function percent(share) {
  if (share < 0.005) return '< 1 %';
  if (share > 0.995) return '> 99 %';
  return `${Math.round(share * 100)} %`;
}

/** @param {number} count */
export function bytes(count) {
  return `${megabytes.format(count / 1e6)} MB`;
}

/** @param {number} ms */
export function duration(ms) {
  return ms < 1000 ? `${milliseconds.format(ms)} ms` : `${megabytes.format(ms / 1000)} s`;
}

/**
 * `cpu (relaxed-simd)` as people say it.
 * @param {string} device
 */
export function deviceName(device) {
  return device.replace(/^cpu/, 'the CPU').replace(/^gpu/, 'WebGPU');
}
