// How much a verdict computes.

/** Floating-point operations of both towers: two for each multiplication and addition of their matrix products. */
export function operations({ vision_config: vision, text_config: text, projection_dim }, tokens) {
  const patches = (vision.image_size / vision.patch_size) ** 2;
  const embedding = 2 * patches * 3 * vision.patch_size ** 2 * vision.hidden_size;
  const projection = 2 * vision.hidden_size * projection_dim;
  return embedding + blocks(vision, patches + 1) + projection + blocks(text, tokens);
}

function blocks({ num_hidden_layers, hidden_size, intermediate_size }, tokens) {
  const attention = 4 * 2 * tokens * hidden_size ** 2 + 2 * 2 * tokens ** 2 * hidden_size;
  const mlp = 2 * 2 * tokens * hidden_size * intermediate_size;
  return num_hidden_layers * (attention + mlp);
}

export function cosine(a, b) {
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
