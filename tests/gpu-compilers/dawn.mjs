// Compiles kernels, from stdin, as Chrome does: Dawn is its WebGPU. Started by check.mjs.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { create, globals } = createRequire(`${process.argv[2]}/`)('webgpu');
Object.assign(globalThis, globals);

// Dawn crashes if this is collected.
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
const requiredFeatures = ['shader-f16', 'subgroups'].filter((feature) => adapter.features.has(feature));
const device = await adapter.requestDevice({ requiredFeatures });
for (const { name, wgsl } of JSON.parse(readFileSync(0))) {
  console.error(`@kernel ${name}\n@wgsl\n${wgsl}@end`);
  // naga, for which the WGSL is, has no such directive.
  const enable = /subgroup|quadSwap/.test(wgsl) ? 'enable subgroups;\n' : '';
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code: enable + wgsl });
  device.createComputePipeline({ layout: 'auto', compute: { module } });
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
}
process.exit();
