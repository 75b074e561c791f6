// Runs the program over files that may be anything: for strangers.js.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { program } from './harness.js';

/** Milliseconds without any answer after which the program hangs. */
const LIMIT = 120_000;

/**
 * `memeclip classify --json` on the files. Gives for each `{ time }`, in milliseconds, and `answer`, what it prints; `error`,
 * how it names the file on standard error; or `crash`, how it ended at this file. It starts again behind that one.
 */
export async function classifyAll(files, ...args) {
  const outcomes = [];
  while (outcomes.length < files.length) outcomes.push(...(await classifyUntilCrash(files.slice(outcomes.length), args)));
  return outcomes;
}

async function classifyUntilCrash(files, args) {
  const command = ['classify', '--json', '--device', 'cpu', ...args, '--', ...files];
  const child = spawn(program, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const found = new Map();
  const others = [];
  let last = performance.now();
  const clock = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  const keep = (file, outcome) => {
    const now = performance.now();
    found.set(file, { ...outcome, time: now - last });
    last = now;
    clock.refresh();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line);
    keep(answer.image, { answer });
  });
  createInterface({ input: child.stderr }).on('line', (error) => {
    // The longest: one file's path may begin as another's does.
    const named = files.filter((file) => error.startsWith(`memeclip: ${file}`)).sort((a, b) => b.length - a.length);
    if (named.length) keep(named[0], { error });
    else others.push(error);
  });
  const [code, signal] = await new Promise((resolve) => child.once('close', (...end) => resolve(end)));
  clearTimeout(clock);

  const failed = [...found.values()].some(({ error }) => error);
  const missing = files.findIndex((file) => !found.has(file));
  const panicked = others.some((line) => line.includes('panicked'));
  if (missing < 0 && code === (failed ? 1 : 0) && !panicked) return files.map((file) => found.get(file));
  const end = missing < 0 ? files.length - 1 : missing;
  const crash = `ended with ${signal ?? code}: ${others.join(' ')}`;
  return [...files.slice(0, end).map((file) => found.get(file)), { crash, time: performance.now() - last }];
}
