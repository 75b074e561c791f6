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
  /**
   * Called while weights arrive, which they do when a request first needs them: until `loaded` is `total`, and again when
   * a later request needs others.
   */
  onProgress?: (progress: Progress) => void;
  /**
   * The pack's integrity, as `memeclip inspect` prints it: any other manifest at the address is refused, and the manifest
   * vouches for all else.
   */
  integrity?: string;
  /**
   * Folder of the package's files, if they are not where this module is: with a bundler that leaves Workers alone. With it
   * Workers start from a `blob:`, so that the page's security policy binds them.
   */
  assets?: string | URL;
}

export interface ClassifyOptions {
  /** What the picture says: read off it if not given. An empty text means that it says nothing. */
  text?: string;
  /** By default those that `load` was given. */
  tasks?: Task[];
  signal?: AbortSignal;
  /** Adds `features` to the verdict. */
  features?: boolean;
}

/** Options for several images: their texts in the same order. */
export interface ClassifyListOptions extends Omit<ClassifyOptions, 'text'> {
  text?: readonly (string | undefined)[];
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
   * Milliseconds since the image was there; `load` is the wait for the classifier's weights, `read` is 0 if the text was
   * given. A GPU answers requests for the same tasks that wait for it a few at a time: `load` and `compute` are then those
   * of all of them.
   */
  timings: { decode: number; read: number; load: number; compute: number; total: number };
  image: { width: number; height: number };
  features?: { image: number[]; text: number[] };
  /** Set once another device has taken over: why. Or that the text was wanted from the picture, but the pack cannot read. */
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

export interface SupportOptions {
  /** Address of a pack: adds `load`. */
  weights?: string | URL;
  /** As for `load`. */
  assets?: string | URL;
}

export interface Support {
  /** What device `auto` takes. */
  device: 'gpu' | 'cpu';
  /** A hardware GPU can be used. */
  webgpu: boolean;
  /** There is WebGPU, but computed on the CPU: device `gpu` takes it, `auto` does not. */
  software: boolean;
  relaxedSimd: boolean;
  /** Threads of device `cpu`; more than one needs a page that is cross-origin isolated. */
  threads: number;
  /** Weights are kept for the next visit. */
  cache: boolean;
  load?: Cost;
}

/** What verdicts with a pack will fetch, in bytes. */
export interface Cost {
  /** Of all weights that verdicts need, as `Info.bytes`. */
  bytes: number;
  /** The part of `bytes` that is in the browser's cache. */
  cached: number;
  /** Of the program, as the server sends it; null if the server does not say. */
  code: number | null;
}

export interface ObserveOptions {
  /** Called once for each picture whose hate is at least as probable as `threshold`, again when its address changes. */
  onVerdict: (element: HTMLImageElement, verdict: Verdict) => void;
  /**
   * Called for each picture that could not be checked: `image/unreadable` if another site does not allow cross-origin
   * reads. By default the console is told.
   */
  onError?: (element: HTMLImageElement, error: MemeClipError) => void;
  /** A probability, 0.5 by default. With 0 every verdict is told. */
  threshold?: number;
  /** In CSS pixels: a picture with a shorter side is skipped, icons for instance; 100 by default. */
  minimum?: number;
  /** As for `classify`; hate is always among them. */
  tasks?: Task[];
  /** Stops, as `stop` does. */
  signal?: AbortSignal;
}

export interface Observation {
  /** Ends it: there are no calls after this one. */
  stop(): void;
}

/** What went wrong, for programs. These names are stable. */
export type ErrorCode =
  | 'image/not-an-image'
  | 'image/truncated'
  | 'image/size'
  | 'image/bytes'
  /** It cannot be had: no such file, or another site's without cross-origin reads. */
  | 'image/unreadable'
  | 'text/too-long'
  | 'task/unknown'
  | 'pack/manifest'
  | 'pack/manifest-hash'
  | 'pack/version'
  | 'pack/missing-component'
  | 'pack/missing-shard'
  | 'pack/shard-size'
  | 'pack/shard-hash'
  | 'pack/tensor'
  | 'gpu/none'
  | 'gpu/limit'
  | 'gpu/memory'
  | 'gpu/lost'
  | 'gpu/wrong'
  | 'network'
  /** By the request's signal. */
  | 'aborted'
  /** What was given is of the wrong kind, or the classifier is disposed. */
  | 'argument'
  /** A bug or a crash; the next request starts afresh. */
  | 'internal';

/** Every error of this module. */
export class MemeClipError extends Error {
  readonly code: ErrorCode;
  /** What to do about it, in whole sentences; `message` says what is wrong and ends with them. */
  readonly remedy: string;
  constructor(code: ErrorCode, message: string, remedy: string);
}

/**
 * A pack of weights, opened in a Worker. Requests are answered one after the other as their images are there, or a few
 * at a time on a GPU.
 */
export class MemeClip {
  /** Reads the manifest of the pack at `url`. */
  static load(url: string | URL, options?: LoadOptions): Promise<MemeClip>;
  /** What can be done here, and what it will cost; nothing is loaded for it but the manifest. */
  static support(options?: SupportOptions): Promise<Support>;
  private constructor();
  readonly info: Info;
  /** Rejects with a `MemeClipError`. */
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Verdict>;
  /**
   * Resolves to one answer for each image, in their order: an image without a verdict has its error in its place.
   * Rejects only if it is stopped, by the signal or by `dispose`, or if the texts are not as many.
   */
  classify(images: readonly ImageSource[], options?: ClassifyListOptions): Promise<(Verdict | MemeClipError)[]>;
  /** What a picture says. The pack needs a component `ocr`, else `pack/missing-component`. */
  read(image: ImageSource, options?: { signal?: AbortSignal }): Promise<Reading>;
  /** It takes two to four times as long as a verdict, by the number of words, and less if the picture was explained lately. */
  explain(image: ImageSource, options?: ExplainOptions): Promise<Explanation>;
  /**
   * Judges the `img` elements below `root` (also in `picture`, in open shadow roots, and those that are added or
   * changed later) as they come into the viewport; those that leave it before their turn are dropped until they come back. Each
   * address is asked for once. The page is not changed. Not seen: CSS backgrounds, frames, closed shadow roots.
   */
  observe(root: Document | DocumentFragment | Element, options: ObserveOptions): Observation;
  /** Ends the Worker and frees its memory. */
  dispose(): void;
}
