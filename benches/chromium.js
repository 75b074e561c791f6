// Controls Chromium by its DevTools protocol only. Playwright would record the network; the browser would then keep up to
// 200 MB of responses in the process whose memory is measured.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumWith } from '../tests/browser/harness.js';

/** A headless Chromium with a fresh profile. */
export async function launch() {
  const { executablePath, args } = chromiumWith();
  const profile = mkdtempSync(join(tmpdir(), 'memeclip-bench-'));
  const flags = [...args, '--headless', '--remote-debugging-pipe', `--user-data-dir=${profile}`];
  const child = spawn(executablePath, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const [, , , output, input] = child.stdio;

  const calls = new Map();
  let next = 0;
  /** Calls a method of the protocol, on the browser or on a session's page. */
  function call(method, params = {}, sessionId) {
    return new Promise((resolve, reject) => {
      calls.set(++next, { resolve, reject });
      output.write(`${JSON.stringify({ id: next, method, params, sessionId })}\0`);
    });
  }
  /** Pages that are loading, by session. */
  const loading = new Map();
  let rest = '';
  input.setEncoding('utf8').on('data', (part) => {
    const messages = (rest + part).split('\0');
    rest = messages.pop();
    for (const { id, result, error, method, sessionId } of messages.map((message) => JSON.parse(message))) {
      if (method === 'Page.loadEventFired') loading.get(sessionId)?.();
      if (error) calls.get(id).reject(new Error(error.message));
      else calls.get(id)?.resolve(result);
      calls.delete(id);
    }
  });

  /** Opens a URL in a private context and runs `task` on the page, which can open other ones. */
  async function onPage(url, task) {
    const { browserContextId } = await call('Target.createBrowserContext');
    try {
      const { targetId } = await call('Target.createTarget', { url: 'about:blank', browserContextId });
      const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
      await call('Page.enable', {}, sessionId);
      const open = async (url) => {
        const loaded = new Promise((resolve) => loading.set(sessionId, resolve));
        await call('Page.navigate', { url }, sessionId);
        await loaded;
      };
      await open(url);
      return await task({ open, evaluate: (f, parameter) => evaluate(sessionId, f, parameter) });
    } finally {
      await call('Target.disposeBrowserContext', { browserContextId });
    }
  }

  async function evaluate(sessionId, f, parameter) {
    const expression = `(${f})(${JSON.stringify(parameter)})`;
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails: failure } = await call('Runtime.evaluate', options, sessionId);
    if (failure) throw new Error(failure.exception?.description ?? failure.text);
    return result.value;
  }

  async function close() {
    await call('Browser.close');
    await ended;
    rmSync(profile, { recursive: true });
  }

  const { processInfo } = await call('SystemInfo.getProcessInfo');
  const { product } = await call('Browser.getVersion');
  const { id: pid } = processInfo.find(({ type }) => type === 'browser');
  return { pid, version: product.split('/')[1], onPage, close };
}
