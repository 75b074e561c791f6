// Started by `run`: compiles for each GPU, and compares with figures.json.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

const FIGURES = new URL('figures.json', import.meta.url);
const DAWN = new URL('dawn.mjs', import.meta.url).pathname;
const WORK = new URL('../../target/gpu-compilers/', import.meta.url).pathname;

const {
  values: options,
  positionals: [program, root, version],
} = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean' },
    chrome: { type: 'boolean' },
    intel: { type: 'string' },
    table: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

const LIBRARIES = `${root}/usr/lib/x86_64-linux-gnu`;
/** Debian packages no shim for Intel's GPUs, so far. */
const INTEL_SHIM = options.intel ?? `${LIBRARIES}/libintel_noop_drm_shim.so`;

// What a driver calls the figures. Occupancy is what runs at once on a core: waves on a SIMD, warps on an SM, threads; on
// Intel's, invocations of a thread, which share its registers.
const AMD = { registers: 'VGPRs', occupancy: 'Subgroups per SIMD', spills: 'Spilled VGPRs', instructions: 'Instructions' };
const NVIDIA = {
  registers: 'Number of GPRs',
  occupancy: 'Max warps/SM',
  spills: 'Spills to memory',
  instructions: 'Instruction count',
};
const APPLE = { registers: 'GPRs', occupancy: 'Threads', spills: 'Spills', instructions: 'Instructions' };
const ADRENO = {
  registers: 'Registers used',
  occupancy: 'Max Waves Per Core',
  spills: 'STP Count',
  instructions: 'Instruction Count',
};
const INTEL = {
  registers: 'Max live registers',
  occupancy: 'Max dispatch width',
  spills: 'Spills',
  instructions: 'Instructions',
};

const packaged = (driver) => `${LIBRARIES}/lib${driver}_noop_drm_shim.so`;
const amd = (id) => ({ names: AMD, shim: packaged('amdgpu'), driver: 'radeon', environment: { AMDGPU_GPU_ID: id } });
const nvidia = (chipset) => ({
  names: NVIDIA,
  shim: packaged('nouveau'),
  driver: 'nouveau',
  environment: { NOUVEAU_CHIPSET: chipset, NVK_I_WANT_A_BROKEN_VULKAN_DRIVER: '1' },
});
const adreno = (id) => ({ names: ADRENO, shim: packaged('freedreno'), driver: 'freedreno', environment: { FD_GPU_ID: id } });
const intel = (platform) => ({
  names: INTEL,
  shim: INTEL_SHIM,
  driver: 'intel',
  environment: { INTEL_STUB_GPU_PLATFORM: platform },
});
const GPUS = {
  'AMD RDNA3': amd('navi31'),
  'NVIDIA Ampere': nvidia('172'),
  'Apple M1': { names: APPLE, shim: packaged('asahi'), driver: 'asahi', environment: {} },
  'Adreno 740': adreno('740'),
};
const MORE = { 'AMD RDNA2': amd('navi21'), 'AMD RDNA4': amd('gfx1201'), 'AMD Vega': amd('vega10'), 'NVIDIA Turing': nvidia('162') };
if (options.intel || existsSync(INTEL_SHIM)) {
  Object.assign(GPUS, { 'Intel Alder Lake': intel('adl'), 'Intel Arc': intel('dg2'), 'Intel Lunar Lake': intel('lnl') });
  Object.assign(MORE, {
    'Intel Skylake': intel('skl'),
    'Intel Ice Lake': intel('icl'),
    'Intel Tiger Lake': intel('tgl'),
    'Intel Meteor Lake': intel('mtl'),
    'Intel Arrow Lake': intel('arl'),
    'Intel Battlemage': intel('bmg'),
    'Intel Panther Lake': intel('ptl'),
  });
}

/** What a command writes to stderr, with the layer and the shim of a GPU. */
function run({ shim, driver, environment }, command, input) {
  const env = {
    ...process.env,
    ...environment,
    MESA_SHADER_CACHE_DISABLE: 'true',
    VK_DRIVER_FILES: `${root}/usr/share/vulkan/icd.d/${driver}_icd.json`,
    VK_INSTANCE_LAYERS: 'VK_LAYER_MEMECLIP_statistics',
    VK_LAYER_PATH: WORK,
  };
  // A file, as Node.js does not wait for whoever reads a pipe, and the layer would lose what it prints.
  const log = `${WORK}${Object.values(environment)[0] ?? driver}.log`;
  const stderr = openSync(log, 'w');
  // The packages' own loader, as their C library may be newer than the system's.
  const loader = `${LIBRARIES}/ld-linux-x86-64.so.2`;
  const child = spawn(loader, ['--preload', shim, '--library-path', LIBRARIES, ...command], { env, stdio: ['pipe', 'ignore', stderr] });
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      closeSync(stderr);
      resolve({ code, text: readFileSync(log, 'utf8') });
    });
  });
}

/** The kernels in that: name, WGSL, statistics and assembly of each. */
function parse(text) {
  return text
    .split(/^@kernel /m)
    .slice(1)
    .map((part) => {
      const block = (name) => part.match(new RegExp(`^@${name}\\n([^]*?)^@end`, 'm'))?.[1] ?? '';
      const statistics = Object.fromEntries([...part.matchAll(/^@statistic (.*)=(.*)$/gm)].map(([, name, value]) => [name, +value]));
      return { name: readable(part.slice(0, part.indexOf('\n'))), wgsl: block('wgsl'), statistics, assembly: block('assembly') };
    });
}

/** `LinearDot8(Q8, Tile { rows: 64, panels: 8, each: 4 })` as `LinearDot8 q8 64x64-4`. */
const readable = (name) =>
  name
    .replace(/, Tile { rows: (\d+), panels: (\d+), each: (\d+) }/, (_, rows, panels, each) => ` ${rows}x${8 * panels}-${each}`)
    .replace(/\((\w+)/, (_, first) => ` ${first.toLowerCase()}`)
    .replace(')', '');

/** Instructions of the vector units in the main loop of AMD's assembly, and how many loops are inside it. */
function mainLoop(assembly) {
  const lines = assembly.split('\n').map((line) => line.replace(/;.*/, '').trim());
  const at = new Map(lines.flatMap((line, i) => (/^BB\d+:/.test(line) ? [[line.slice(0, -1), i]] : [])));
  const back = lines.flatMap((line, i) => {
    const target = line.match(/^s_c?branch\S* (BB\d+)/)?.[1];
    return at.get(target) <= i ? [[at.get(target), i]] : [];
  });
  // A block may be the end of its loop twice.
  const loops = [...new Map(back)];
  const slots = ([from, to]) => {
    let count = 0;
    for (let i = from; i <= to; i++) {
      const repeated = lines[i].match(/^\(then repeated (\d+) times\)/)?.[1];
      if (lines[i].startsWith('v_')) count++;
      else if (repeated && lines[i - 1].startsWith('v_')) count += +repeated;
    }
    return count;
  };
  const main = loops.reduce((most, loop) => (!most || slots(loop) > slots(most) ? loop : most), undefined);
  return main && { slots: slots(main), inside: loops.filter(([from, to]) => from > main[0] && to < main[1]).length };
}

/** The share of the main loop's vector instructions that are needed, in per cent: what is left are conversions and addresses. */
function efficiency({ name, wgsl, assembly }) {
  const constant = (constant) => +wgsl.match(new RegExp(`^const ${constant} = (\\d+)u`, 'm'))?.[1];
  const tiled = name.match(/^(LinearF16|LinearDot8|Linear|Attention) /)?.[1];
  const loop = tiled && mainLoop(assembly);
  if (!loop || loop.inside) return undefined;
  const each = constant('EACH');
  // Of an invocation: a block of 32 of its rows by four columns; or 16 keys and values by eight invocations.
  const products = tiled === 'Attention' ? (2 * 16 * constant('WIDTH') * each) / 8 : 32 * 4 * each;
  const slots = products / ({ LinearF16: 2, LinearDot8: 4 }[tiled] ?? 1);
  return Math.round((100 * slots) / loop.slots);
}

async function figures(gpu) {
  const test = 'engine::gpu::kernels::tests::every_kernel_compiles_on_this_adapter';
  let { code, text } = await run(gpu, [program, '--nocapture', '--exact', test]);
  if (code === 0 && options.chrome) {
    const kernels = parse(text).map(({ name, wgsl }) => ({ name, wgsl }));
    ({ code, text } = await run(gpu, [process.execPath, DAWN, WORK], JSON.stringify(kernels)));
  }
  const kernels = parse(text);
  if (code !== 0 || !kernels.length) {
    const errors = text.slice(text.lastIndexOf('@kernel')).replace(/^@wgsl[^]*^@end/m, '');
    throw new Error(`a kernel does not compile:\n${errors}`);
  }
  const entries = kernels.map((kernel) => {
    const numbers = Object.entries(gpu.names).map(([name, theirs]) => [name, kernel.statistics[theirs]]);
    if (numbers.some(([, number]) => number === undefined)) throw new Error(`no statistics of ${kernel.name}`);
    const share = gpu.names === AMD ? { efficiency: efficiency(kernel) } : {};
    return [kernel.name, { ...Object.fromEntries(numbers), ...share }];
  });
  return Object.fromEntries(entries);
}

/** What is worse than recorded. */
function worse(now, recorded, sameVersion) {
  return Object.entries(now).flatMap(([kernel, is]) => {
    const was = recorded[kernel] ?? { spills: 0, instructions: Infinity };
    const more = (what) => is[what] > was[what] && `${kernel}: ${is[what]} ${what}, recorded are ${was[what]}`;
    // Another version of the compiler has other counts.
    const loops = was.efficiency && !is.efficiency && `${kernel}: loops inside the main loop, none are recorded`;
    return [more('spills'), sameVersion && more('instructions'), loops].filter(Boolean);
  });
}

function table(all) {
  const tiles = (figures) => Object.entries(figures).filter(([kernel]) => /^(Linear|Attention (64|80)$)/.test(kernel));
  for (const [gpu, figures] of Object.entries(all)) {
    console.log(`\n${gpu}:\n\n| kernel | registers | occupancy | spills | instructions | efficiency |\n| --- | ---: | ---: | ---: | ---: | ---: |`);
    for (const [kernel, { registers, occupancy, spills, instructions, efficiency }] of tiles(figures)) {
      console.log(`| ${kernel} | ${registers} | ${occupancy} | ${spills} | ${instructions} | ${efficiency ? `${efficiency} %` : ''} |`);
    }
  }
}

const recorded = JSON.parse(readFileSync(FIGURES));
// Dawn loses NVIDIA's device after one pipeline, as nothing runs on it.
const suits = ([, gpu]) => !options.chrome || gpu.names !== NVIDIA;
const waiting = Object.entries(options.all ? { ...GPUS, ...MORE } : GPUS)
  .filter(suits)
  .map(([name, gpu]) => [options.chrome ? `${name}, Chrome` : name, gpu]);
// In the order of the list, whichever is ready first.
const found = Object.fromEntries(waiting.map(([name]) => [name, {}]));
const faults = [];
const worker = async () => {
  for (let next; (next = waiting.shift()); ) {
    const [name, gpu] = next;
    try {
      found[name] = await figures(gpu);
      const before = recorded.gpus[name] ?? {};
      faults.push(...worse(found[name], before, recorded.mesa === version).map((fault) => `${name}: ${fault}`));
      console.error(`${name}: ${Object.keys(found[name]).length} kernels`);
    } catch (error) {
      faults.push(`${name}: ${error.message}`);
    }
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));

if (options.table) table(found);
if (options.write) {
  // A line for each kernel, so that differences can be read.
  const kept = recorded.mesa === version ? recorded.gpus : {};
  const lines = JSON.stringify({ mesa: version, gpus: { ...kept, ...found } }, null, 1).replace(/\{\n\s+("registers[^}]*?)\n\s+\}/g, (_, inner) => `{ ${inner.replace(/\n\s+/g, ' ')} }`);
  writeFileSync(FIGURES, `${lines}\n`);
} else if (recorded.mesa !== version) {
  console.error(`Compiled by Mesa ${version}; figures.json is of ${recorded.mesa}, so instructions are not compared.`);
}
if (faults.length) {
  console.error(`\n${faults.join('\n')}`);
  process.exitCode = 1;
}
