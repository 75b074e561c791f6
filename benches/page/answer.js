/** Answers a request to a Worker, `{ method, ...parameters }`, with what that one of its `methods` returns. */
export async function answer({ method, ...parameters }, methods) {
  try {
    self.postMessage({ value: await methods[method](parameters) });
  } catch (error) {
    self.postMessage({ error: error.message ?? String(error) });
  }
}
