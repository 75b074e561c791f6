// Made from the JSDoc of the package by tests/browser/declarations.js.

/**
 * Where the model runs: `auto` measures a hardware GPU and the CPU before the first verdict and takes the faster one, which it
 * remembers; without such a GPU it takes the CPU.
 */
export type Device = 'auto' | 'gpu' | 'cpu';
/** Name of a task of the pack, one of `info.tasks`: hate, target, stance and humor unless the pack has others. */
export type Task = string;
/**
 * What can be classified. Files, addresses and `ImageData` are read exactly; other sources through a canvas. Of an element,
 * the file at its address is read; where that fails or is another image than the element shows, the element's pixels. Of a
 * `video`, the frame that it shows, or its poster. In Node.js, Bun and Deno, which have no elements, an address may be a
 * path.
 */
export type ImageSource = Blob | Response | ArrayBuffer | ArrayBufferView | Pixels | ImageData | ImageBitmap | VideoFrame | HTMLImageElement | HTMLPictureElement | HTMLVideoElement | HTMLCanvasElement | SVGImageElement | OffscreenCanvas | URL | string;
/** Pixels as `ImageData` has them: RGBA, 8 bits each, row by row. */
export type Pixels = {
    width: number;
    height: number;
    data: Uint8Array | Uint8ClampedArray;
};
/** Bytes of the weights that the current request waits for. */
export type Progress = {
    loaded: number;
    total: number;
    /** The part of `loaded` that came from the browser's cache. */
    cached: number;
    /** What has just arrived: `vision`, `text`, `head/hate`, ... */
    component: string;
};
export type LoadOptions = {
    /** `auto` by default. */
    device?: Device;
    /** Threads of the CPU: by default as many as it has, at most 8. There is one on a page that is not cross-origin isolated. */
    threads?: number;
    /** Tasks of requests that name none; all of the pack's by default. */
    tasks?: readonly Task[];
    /** Stops loading. */
    signal?: AbortSignal;
    /**
     * Called while weights arrive, which they do when a request first needs them: until `loaded` is `total`, and again when a
     * later request needs others.
     */
    onProgress?: (progress: Progress) => void;
    /**
     * The pack's integrity, as `memeclip inspect` prints it: any other manifest at the address is refused, and the manifest
     * holds the hashes of all other files.
     */
    integrity?: string;
    /**
     * Folder of the package's files, if they are not beside this module: for bundlers that leave Workers alone. With it
     * Workers start from a `blob:`, so that the page's security policy binds them.
     */
    assets?: string | URL;
    /**
     * Folder in which Node.js, Bun and Deno keep packs from the web, by default `memeclip` in the system's folder for caches.
     * Browsers have their own.
     */
    cache?: string | URL;
};
export type ClassifyOptions = {
    /** The text of the image: read from it if not given. An empty text means that it has none. */
    text?: string;
    /** By default those that `load` was given. */
    tasks?: readonly Task[];
    /** Stops the request. */
    signal?: AbortSignal;
    /** Adds `features` to the verdict. */
    features?: boolean;
    /**
     * What to do with an image without words: `judge` it, with the notice `no-words`, as the reference does; or `skip` it: the
     * verdict then has the notice and no tasks, and no encoder is fetched or run. `judge` by default.
     */
    noWords?: 'judge' | 'skip';
};
/** Options for several images: their texts in the same order. */
export type ClassifyListOptions = Omit<ClassifyOptions, 'text'> & {
    text?: readonly (string | undefined)[];
};
export type TaskVerdict = {
    /** The likeliest class. */
    label: string;
    /** In the order of `probabilities`. */
    logits: number[];
    /** By the name of the class. */
    probabilities: Record<string, number>;
    /** The head was not trained: it compares with the names of the classes. */
    zero_shot: boolean;
    /** The label is not reliable: no class reaches 0.6, or the head was not trained. */
    unsure: boolean;
    /**
     * What is unlike the memes that the head was trained on, so that label and probabilities mean little. Empty if nothing is,
     * or if the pack does not say what its head was trained on.
     */
    outside: ('image' | 'text')[];
};
/** A line of text in an image. */
export type Line = {
    text: string;
    /** 0 to 1. */
    confidence: number;
    /** Corners (x, y) in pixels of the upright image, clockwise from the top left of the line. */
    box: [[number, number], [number, number], [number, number], [number, number]];
};
/** The text in an image. */
export type Reading = {
    /** The lines, with spaces between them. */
    text: string;
    /** In reading order. */
    lines: Line[];
    /** What may be missing. */
    notices: Notice[];
};
export type Verdict = {
    /** The text that was classified along with the image. */
    text: string;
    /** Where that text was found, if it was not given. */
    reading?: Reading;
    /** What has computed it, such as "cpu (relaxed-simd, 4 threads)". */
    device: string;
    /** Empty if the image was skipped: see `noWords`. */
    tasks: Record<Task, TaskVerdict>;
    /**
     * Milliseconds since the image was there; `load` is the wait for the classifier's weights, `read` is 0 if the text was
     * given. A GPU answers waiting requests for the same tasks a few at a time: `load` and `compute` are then those of all
     * of them.
     */
    timings: {
        decode: number;
        read: number;
        load: number;
        compute: number;
        total: number;
    };
    /** Pixels. */
    image: {
        width: number;
        height: number;
    };
    /** The encoders' unit vectors. */
    features?: {
        image: number[];
        text: number[];
    };
    /** What people should know about it. */
    notices: Notice[];
    /** The messages of `notices`, if there are any. */
    notice?: string;
};
/**
 * What people should know about an answer.
 * - `image/truncated`: the file ends, or is damaged, before the image ends.
 * - `image/hidden-colours`: transparent pixels hide other colours than are seen.
 * - `image/animated`: other frames follow the first one, which was judged.
 * - `no-words`: the text is empty. The model was trained on images with words.
 * - `outside-training`: the image or the text is unlike those that the pack was trained on: see `outside`.
 * - `cannot-read`: the text was to be read, but the pack has no reader.
 * - `lines-failed`, `lines-unsure`, `lines-beyond-limit`: lines of text that could not be read, were too unclear, or are
 * more than are read from one image.
 * - `cpu-took-over`: a GPU was lost or computes wrongly.
 */
export type Notice = {
    /** For programs. These names are stable. */
    code: 'image/truncated' | 'image/hidden-colours' | 'image/animated' | 'no-words' | 'outside-training' | 'cannot-read' | 'lines-failed' | 'lines-unsure' | 'lines-beyond-limit' | 'cpu-took-over';
    /** For people. */
    message: string;
};
export type ExplainOptions = {
    /** The text of the image: read from it if not given. */
    text?: string;
    /** By default those that `load` was given. */
    tasks?: readonly Task[];
    /** Stops the request. */
    signal?: AbortSignal;
};
/** Why a verdict is what it is. Tasks and words have one number for each class, by its name. */
export type Explanation = {
    /** The text that was classified along with the image. */
    text: string;
    /**
     * Probabilities: of the verdict; of the image without text, which the model reads as it does a meme that has none; of the
     * text on a plain image of the mean colour that CLIP was trained on.
     */
    tasks: Record<Task, Record<'both' | 'image' | 'text', Record<string, number>>>;
    /**
     * By how much a word raises the probability of each class: with it, minus without it. In the order of the text, as far as
     * the model reads it; of more than 24 words, a few neighbours together.
     */
    words: {
        word: string;
        tasks: Record<Task, Record<string, number>>;
    }[];
    /**
     * How much of each part of the image has reached the verdict (attention rollout), the same for all tasks: a grid over the
     * whole image, row by row, 0 to 1, the largest 1.
     */
    regions: {
        rows: number;
        cols: number;
        values: number[];
    };
};
export type ReadOptions = {
    /** Stops the request. */
    signal?: AbortSignal;
};
/** What the pack is and what it runs on. */
export type Info = {
    name: string;
    /** Format of the weights: f32, f16, q8 or q4. */
    dtype: string;
    licence: string;
    provenance: string;
    /** What the model is, and what it must not be used for. */
    notice: string;
    /** Of all weights that verdicts need. */
    bytes: number;
    /** Before the first verdict. `Verdict.device` says what computes then. */
    device: string;
    /** In the order of the verdicts. */
    tasks: Task[];
    /** Names of the classes, by task. */
    labels: Record<Task, string[]>;
};
export type SupportOptions = {
    /** Address of a pack: adds `load`. */
    weights?: string | URL;
    /**
     * Measures how long verdicts with the pack take on this device: adds `speed`. It takes the time to load the program, and
     * a second or two of computing.
     */
    probe?: Device;
    /** As for `load`. */
    assets?: string | URL;
    /** As for `load`. */
    cache?: string | URL;
};
/** What this browser offers. */
export type Support = {
    /** Whether `load` can work here. */
    supported: boolean;
    /** What the browser lacks if it is not supported, such as "WebAssembly SIMD". */
    missing: string[];
    /** What device `auto` takes. `gpu`: unless it finds the CPU to be faster, which `probe` tells. */
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
    /** With a pack's address, in a browser that is supported. */
    load?: Cost;
    /** The same with `probe`. */
    speed?: Speed;
};
/** What verdicts with a pack will fetch, in bytes. */
export type Cost = {
    /** Of all weights that verdicts need, as `Info.bytes`. */
    bytes: number;
    /** The part of `bytes` that is in the browser's cache. */
    cached: number;
    /** The same of what reads text, for images that come without one. */
    reader: {
        bytes: number;
        cached: number;
    };
    /** Of the program, as the server sends it; null if the server does not say. */
    code: number | null;
};
/** How fast a pack is on a device. */
export type Speed = {
    /**
     * About what `timings.compute` of a verdict will be: measured on parts of the model, with weights made up here. The first
     * verdict takes longer.
     */
    seconds: number;
    /** As `Verdict.device`. */
    device: string;
};
export type ObserveOptions = {
    /** Called once for each image whose hate is at least as probable as `threshold`, again when its address changes. */
    onVerdict: (element: HTMLImageElement, verdict: Verdict) => void;
    /**
     * Called for each image that could not be checked: `image/unreadable` if another site does not allow cross-origin reads. By
     * default it is logged to the console.
     */
    onError?: (element: HTMLImageElement, error: MemeClipError) => void;
    /** A probability, 0.5 by default. With 0 every verdict is reported. */
    threshold?: number;
    /** CSS pixels: an image with a shorter side is skipped, an icon for instance; 100 by default. */
    minimum?: number;
    /** As for `classify`; hate is always among them. */
    tasks?: readonly Task[];
    /** As for `classify`. A verdict without tasks has probability 0. */
    noWords?: 'judge' | 'skip';
    /** Stops, as `stop` does. */
    signal?: AbortSignal;
};
export type Observation = {
    /** Ends it: there are no calls after this one. */
    stop: () => void;
};

/**
 * What went wrong, for programs. These names are stable.
 * - `image/unreadable`: there is no such file, or another site does not allow cross-origin reads of it.
 * - `aborted`: the request's signal has stopped it.
 * - `argument`: a wrong argument, or the classifier is disposed.
 * - `browser`: the browser lacks something that every request needs; `support` says what.
 * - `internal`: a bug or a crash; the next request starts afresh.
 */
export type ErrorCode = 'image/not-an-image' | 'image/truncated' | 'image/size' | 'image/bytes' | 'image/unreadable' | 'text/too-long' | 'task/unknown' | 'pack/manifest' | 'pack/manifest-hash' | 'pack/version' | 'pack/missing-component' | 'pack/missing-shard' | 'pack/shard-size' | 'pack/shard-hash' | 'pack/tensor' | 'gpu/none' | 'gpu/limit' | 'gpu/memory' | 'gpu/lost' | 'gpu/wrong' | 'network' | 'aborted' | 'argument' | 'browser' | 'internal';
/** Every error of this package. */
export declare class MemeClipError extends Error {
    /** For programs. */
    readonly code: ErrorCode;
    /** What to do about it, in whole sentences; `message` says what is wrong and ends with them. */
    readonly remedy: string;
    constructor(code: ErrorCode, message: string, remedy: string);
}

/**
 * A pack of weights, opened in a Worker. Requests are answered one after the other as their images arrive, or a few
 * at a time on a GPU.
 */
export declare class MemeClip {
    #private;
    /** Reads the manifest of the pack at `url`; weights are fetched when a request first needs them. */
    static load(url: string | URL, options?: LoadOptions): Promise<MemeClip>;
    /**
     * What can be done here, and with `weights`, what verdicts will fetch. Loads nothing but the pack's manifest, and with
     * `probe` the program. Rejects with a `MemeClipError` if the pack cannot be loaded, or the device cannot be had.
     */
    static support(options?: SupportOptions): Promise<Support>;
    private constructor();
    /** What the pack is and what it runs on. */
    get info(): Info;
    /** The verdict on a meme. Without `text` its text is read from the image. Rejects with a `MemeClipError`. */
    classify(image: ImageSource, options?: ClassifyOptions): Promise<Verdict>;
    /**
     * One answer for each image, in their order: an image without a verdict has its error in its place. Rejects only if it is
     * stopped, by the signal or by `dispose`, or if there is not one text for each image.
     */
    classify(images: readonly ImageSource[] | FileList, options?: ClassifyListOptions): Promise<(Verdict | MemeClipError)[]>;
    /**
     * Why the verdict on a meme is what it is. It takes two to four times as long as a verdict, by the number of words, and
     * less if the image was explained lately.
     */
    explain(image: ImageSource, options?: ExplainOptions): Promise<Explanation>;
    /** The text in an image. The pack needs a component `ocr`, else `pack/missing-component`. */
    read(image: ImageSource, options?: ReadOptions): Promise<Reading>;
    /** About how long a verdict takes here. Fetches no weights, and takes a second or two, for which requests wait. */
    probe(): Promise<Speed>;
    /**
     * Classifies the `img` elements below `root` (also in `picture`, in open shadow roots, and those that are added or changed
     * later) as they come into the viewport; those that leave it before their turn are dropped until they come back. Each
     * address is asked for once. The page is not changed. Not seen: CSS backgrounds, frames, closed shadow roots.
     */
    observe(root: Document | DocumentFragment | Element, options: ObserveOptions): Observation;
    /** Ends the Worker and frees its memory. */
    dispose(): void;
}
