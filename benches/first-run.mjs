#!/usr/bin/env node
// Measures the time from a fresh clone to the first verdict in Chromium, with a Rust toolchain without the wasm target.
//
//   npm ci --prefix tests/browser && node benches/first-run.mjs [--rounds 2]
//
// Each round clones the last commit and uses an empty target folder, and a toolchain without the wasm target and without the
// source of the standard library (see tests/bare-toolchain). Crates are downloaded before the clock starts. Then it runs
// `cargo run --release`, opens the printed address and clicks the first sample. Prints seconds since the start:
//
//   program  xtask is compiled
//   checks   the toolchain is complete, and the pack and the port are usable
//   page     the first module is built, and the page's address is printed
//   verdict  the page shows the first sample's verdict

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { chromium } = createRequire(join(root, 'tests/browser/'))('playwright-core');
const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '2' } } });

/** Milliseconds after which a round has failed. */
const LIMIT = 60 * 60_000;

async function round() {
  const folder = mkdtempSync(join(tmpdir(), 'first-run-'));
  const clone = join(folder, 'memeclip');
  const env = { ...process.env, CARGO_TERM_PROGRESS_WHEN: 'never', CARGO_TERM_COLOR: 'never' };
  for (const name of ['CARGO_TARGET_DIR', 'RUSTUP_TOOLCHAIN', 'RUSTFLAGS', 'CARGO']) delete env[name];
  env.RUSTUP_HOME = execFileSync(join(root, 'tests/bare-toolchain'), [join(folder, 'rustup')], { env, encoding: 'utf8' }).trim();
  execFileSync('git', ['clone', '--quiet', root, clone]);
  execFileSync('cargo', ['fetch', '--quiet', '--locked'], { cwd: clone, env });

  const start = performance.now();
  const times = {};
  const reached = (name) => (times[name] ??= (performance.now() - start) / 1000);
  // A process group of its own, so that builds in progress end with it.
  const child = spawn('cargo', ['run', '--release', '--', 'demo', '--port', '0'], { cwd: clone, env, detached: true });
  const ended = new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`cargo run ended with ${code}`))));
  createInterface({ input: child.stderr }).on('line', (line) => {
    console.error(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}`);
    if (line.includes('Running `')) reached('program');
    if (line.startsWith('building ')) reached('checks');
  });
  const printed = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('it takes too long')), LIMIT).unref());
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const address = await Promise.race([printed, ended, late]);
    reached('page');
    const page = await browser.newPage();
    await page.goto(address);
    await page.locator('.thumbs button').first().click({ timeout: LIMIT });
    await page.getByText('Answered in').first().waitFor({ timeout: LIMIT });
    reached('verdict');
  } finally {
    ended.catch(() => {});
    process.kill(-child.pid);
    await browser.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return times;
}

console.error(`${availableParallelism()} processors`);
for (let i = 0; i < Number(options.rounds); i++) {
  const times = Object.entries(await round()).map(([name, seconds]) => `${name} ${seconds.toFixed(0)}`);
  console.log(times.join('  '));
}
process.exit();
