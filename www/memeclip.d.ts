/** Where the model runs: `auto` takes a hardware GPU if there is one, else the CPU. */
export type Device = 'auto' | 'gpu' | 'cpu';

export type Task = 'hate' | 'target' | 'stance' | 'humor';

/** What can be classified. Files, addresses and `ImageData` are read exactly; other sources through a canvas. */
export type ImageSource =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | URL
  | string;

/** Bytes of the weights that the current request waits for. */
export interface Progress {
  loaded: number;
  total: number;
  /** The part of `loaded` that came from the browser's cache. */
  cached: number;
  /** What has just arrived: `vision`, `text`, `head/hate`, ... */
  component: string;
}

export interface LoadOptions {
  device?: Device;
  /** Threads of the CPU: as many as it has, at most 8. There is one on a page that is not cross-origin isolated. */
  threads?: number;
  /** Tasks of requests that name none; all of the pack's by default. */
  tasks?: Task[];
  signal?: AbortSignal;
  /** Called while weights arrive, which they do when a request first needs them. */
  onProgress?: (progress: Progress) => void;
  /** Folder of worker.js and pkg/, if it is not this module's own. */
  assets?: string | URL;
}

export interface ClassifyOptions {
  /** What the picture says. */
  text?: string;
  tasks?: Task[];
  signal?: AbortSignal;
  /** Adds `features` to the verdict. */
  features?: boolean;
}

export interface TaskVerdict {
  label: string;
  /** In the order of `probabilities`. */
  logits: number[];
  probabilities: Record<string, number>;
  /** The head was not trained: it compares with the names of the classes. */
  zero_shot: boolean;
  /** The label is not to be relied on: no class reaches 0.6, or the head was not trained. */
  unsure: boolean;
}

export interface Verdict {
  /** What has computed it, such as "cpu (relaxed-simd, 4 threads)". */
  device: string;
  tasks: Partial<Record<Task, TaskVerdict>>;
  /**
   * Milliseconds; `load` is the wait for weights. A GPU answers requests for the same tasks that wait for it a few at a
   * time: `load` and `compute` are then those of all of them.
   */
  timings: { decode: number; load: number; compute: number; total: number };
  image: { width: number; height: number };
  features?: { image: number[]; text: number[] };
  /** Set once another device has taken over: why. */
  notice?: string;
}

export interface ExplainOptions {
  /** What the picture says. */
  text?: string;
  tasks?: Task[];
  signal?: AbortSignal;
}

/** Why a verdict is what it is. Tasks and words have one number for each class, by its name. */
export interface Explanation {
  /** What was taken for the meme's words. */
  text: string;
  /**
   * Probabilities: of the verdict; of the picture without words, which the model reads as it does a meme that has none;
   * of the words on a plain picture of the mean colour that CLIP was trained on.
   */
  tasks: Partial<Record<Task, Record<'both' | 'image' | 'text', Record<string, number>>>>;
  /**
   * By how much a word raises the probability of each class: with it, minus without it. In the order of the text, as
   * far as the model reads it; of more than 24 words, a few neighbours together.
   */
  words: { word: string; tasks: Partial<Record<Task, Record<string, number>>> }[];
  /**
   * How much of each part of the picture has reached the verdict (attention rollout), the same for all tasks: a grid over
   * the whole picture, row by row, 0 to 1, the largest 1.
   */
  regions: { rows: number; cols: number; values: number[] };
}

export interface Info {
  name: string;
  /** Format of the weights: f32, f16, q8 or q4. */
  dtype: string;
  licence: string;
  provenance: string;
  /** What the model is, and what it must not be used for. */
  notice: string;
  /** Of all weights that verdicts need. */
  bytes: number;
  device: string;
  tasks: Task[];
}

export interface Support {
  /** A hardware GPU can be used. */
  webgpu: boolean;
  /** There is WebGPU, but computed on the CPU: device `gpu` takes it, `auto` does not. */
  software: boolean;
  relaxedSimd: boolean;
  /** Threads of device `cpu`; more than one needs a page that is cross-origin isolated. */
  threads: number;
  /** Weights are kept for the next visit. */
  cache: boolean;
}

/** Every error of this module. The message says what to do about it. */
export class MemeClipError extends Error {
  /** Stable: `image/not-an-image`, `pack/missing-shard`, `network`, `aborted`, ... */
  readonly code: string;
  constructor(code: string, message: string);
}

/** A pack of weights, opened in a Worker. Requests are answered one after the other. */
export class MemeClip {
  /** Reads the manifest of the pack at `url`. */
  static load(url: string | URL, options?: LoadOptions): Promise<MemeClip>;
  static support(): Promise<Support>;
  readonly info: Info;
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Verdict>;
  /** It takes as long as one verdict to four, by the number of words, and less if the picture was explained lately. */
  explain(image: ImageSource, options?: ExplainOptions): Promise<Explanation>;
  /** Ends the Worker and frees its memory. */
  dispose(): void;
}
