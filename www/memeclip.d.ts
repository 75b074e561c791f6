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
  /** What the picture says: read off it if not given. An empty text means that it says nothing. */
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
}

/** A line of text on a picture. */
export interface Line {
  text: string;
  /** 0 to 1. */
  confidence: number;
  /** Corners (x, y) in pixels of the upright picture, clockwise from the top left of the line. */
  box: [[number, number], [number, number], [number, number], [number, number]];
}

/** What a picture says. */
export interface Reading {
  /** The lines, with spaces between them. */
  text: string;
  /** In reading order. */
  lines: Line[];
}

export interface Verdict {
  /** What has been classified along with the picture. */
  text: string;
  /** Where that text was found, if it was not given. */
  reading?: Reading;
  /** What has computed it, such as "cpu (relaxed-simd, 4 threads)". */
  device: string;
  tasks: Partial<Record<Task, TaskVerdict>>;
  /**
   * Milliseconds; `load` is the wait for the classifier's weights, `read` is 0 if the text was given. A GPU answers requests for the same tasks that wait for it a few at a
   * time: `load` and `compute` are then those of all of them.
   */
  timings: { decode: number; read: number; load: number; compute: number; total: number };
  image: { width: number; height: number };
  features?: { image: number[]; text: number[] };
  /** Set once another device has taken over: why. Or that the text was wanted from the picture, but the pack cannot read. */
  notice?: string;
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
  /** What a picture says. The pack needs a component `ocr`, else `pack/missing-component`. */
  read(image: ImageSource, options?: { signal?: AbortSignal }): Promise<Reading>;
  /** Ends the Worker and frees its memory. */
  dispose(): void;
}
