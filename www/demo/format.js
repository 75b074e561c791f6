const seconds = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const milliseconds = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** @param {number} ms */
export function duration(ms) {
  return ms < 1000 ? `${milliseconds.format(ms)} ms` : `${seconds.format(ms / 1000)} s`;
}

/**
 * `cpu (relaxed-simd)` as people say it.
 * @param {string} device
 */
export function deviceName(device) {
  return device.replace(/^cpu/, 'the CPU').replace(/^gpu/, 'WebGPU');
}
