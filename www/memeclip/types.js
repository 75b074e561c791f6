// The public types, as comments alone: nothing imports this file when the package runs. memeclip.d.ts is made from it.

/** @import { MemeClipError } from './error.js' */

/**
 * Where the model runs: `auto` measures a hardware GPU and the CPU before the first verdict and takes the faster one, which it
 * remembers; without such a GPU it takes the CPU.
 * @typedef {'auto' | 'gpu' | 'cpu'} Device
 */

/**
 * Name of a task of the pack, one of `info.tasks`: hate, target, stance and humor unless the pack has others.
 * @typedef {string} Task
 */

/**
 * What can be classified. Files, addresses and `ImageData` are read exactly; other sources through a canvas. Of an element,
 * the file at its address is read; where that fails or is another image than the element shows, the element's pixels. Of a
 * `video`, the frame that it shows, or its poster. In Node.js, Bun and Deno, which have no elements, an address may be a
 * path.
 * @typedef {Blob | Response | ArrayBuffer | ArrayBufferView | Pixels | ImageData | ImageBitmap | VideoFrame | HTMLImageElement
 *   | HTMLPictureElement | HTMLVideoElement | HTMLCanvasElement | SVGImageElement | OffscreenCanvas | URL | string} ImageSource
 */

/**
 * Pixels as `ImageData` has them: RGBA, 8 bits each, row by row.
 * @typedef {{ width: number, height: number, data: Uint8Array | Uint8ClampedArray }} Pixels
 */

/**
 * Bytes of the weights that the current request waits for.
 * @typedef {object} Progress
 * @property {number} loaded
 * @property {number} total
 * @property {number} cached The part of `loaded` that came from the browser's cache.
 * @property {string} component What has just arrived: `vision`, `text`, `head/hate`, ...
 */

/**
 * @typedef {object} LoadOptions
 * @property {Device} [device] `auto` by default.
 * @property {number} [threads]
 *   Threads of the CPU: by default as many as it has, at most 8. There is one on a page that is not cross-origin isolated.
 * @property {readonly Task[]} [tasks] Tasks of requests that name none; all of the pack's by default.
 * @property {AbortSignal} [signal] Stops loading.
 * @property {(progress: Progress) => void} [onProgress]
 *   Called while weights arrive, which they do when a request first needs them: until `loaded` is `total`, and again when a
 *   later request needs others.
 * @property {string} [integrity]
 *   The pack's integrity, as `memeclip inspect` prints it: any other manifest at the address is refused, and the manifest
 *   holds the hashes of all other files.
 * @property {string | URL} [assets]
 *   Folder of the package's files, if they are not beside this module: for bundlers that leave Workers alone. With it
 *   Workers start from a `blob:`, so that the page's security policy binds them.
 * @property {string | URL} [cache]
 *   Folder in which Node.js, Bun and Deno keep packs from the web, by default `memeclip` in the system's folder for caches.
 *   Browsers have their own.
 */

/**
 * @typedef {object} ClassifyOptions
 * @property {string} [text] The text of the image: read from it if not given. An empty text means that it has none.
 * @property {readonly Task[]} [tasks] By default those that `load` was given.
 * @property {AbortSignal} [signal] Stops the request.
 * @property {boolean} [features] Adds `features` to the verdict.
 * @property {'judge' | 'skip'} [noWords]
 *   What to do with an image without words: `judge` it, with the notice `no-words`, as the reference does; or `skip` it: the
 *   verdict then has the notice and no tasks, and no encoder is fetched or run. `judge` by default.
 */

/**
 * Options for several images: their texts in the same order.
 * @typedef {Omit<ClassifyOptions, 'text'> & { text?: readonly (string | undefined)[] }} ClassifyListOptions
 */

/**
 * @typedef {object} TaskVerdict
 * @property {string} label The likeliest class.
 * @property {number[]} logits In the order of `probabilities`.
 * @property {Record<string, number>} probabilities By the name of the class.
 * @property {boolean} zero_shot The head was not trained: it compares with the names of the classes.
 * @property {boolean} unsure The label is not reliable: no class reaches 0.6, or the head was not trained.
 * @property {('image' | 'text')[]} outside
 *   What is unlike the memes that the head was trained on, so that label and probabilities mean little. Empty if nothing is,
 *   or if the pack does not say what its head was trained on.
 */

/**
 * A line of text in an image.
 * @typedef {object} Line
 * @property {string} text
 * @property {number} confidence 0 to 1.
 * @property {[[number, number], [number, number], [number, number], [number, number]]} box
 *   Corners (x, y) in pixels of the upright image, clockwise from the top left of the line.
 */

/**
 * The text in an image.
 * @typedef {object} Reading
 * @property {string} text The lines, with spaces between them.
 * @property {Line[]} lines In reading order.
 * @property {Notice[]} notices What may be missing.
 */

/**
 * @typedef {object} Verdict
 * @property {string} text The text that was classified along with the image.
 * @property {Reading} [reading] Where that text was found, if it was not given.
 * @property {string} device What has computed it, such as "cpu (relaxed-simd, 4 threads)".
 * @property {Record<Task, TaskVerdict>} tasks Empty if the image was skipped: see `noWords`.
 * @property {{ decode: number, read: number, load: number, compute: number, total: number }} timings
 *   Milliseconds since the image was there; `load` is the wait for the classifier's weights, `read` is 0 if the text was
 *   given. A GPU answers waiting requests for the same tasks a few at a time: `load` and `compute` are then those of all
 *   of them.
 * @property {{ width: number, height: number }} image Pixels.
 * @property {{ image: number[], text: number[] }} [features] The encoders' unit vectors.
 * @property {Notice[]} notices What people should know about it.
 * @property {string} [notice] The messages of `notices`, if there are any.
 */

/**
 * What people should know about an answer.
 * - `image/truncated`: the file ends, or is damaged, before the image ends.
 * - `image/hidden-colours`: transparent pixels hide other colours than are seen.
 * - `image/animated`: other frames follow the first one, which was judged.
 * - `no-words`: the text is empty. The model was trained on images with words.
 * - `outside-training`: the image or the text is unlike those that the pack was trained on: see `outside`.
 * - `cannot-read`: the text was to be read, but the pack has no reader.
 * - `lines-failed`, `lines-unsure`, `lines-beyond-limit`: lines of text that could not be read, were too unclear, or are
 *   more than are read from one image.
 * - `cpu-took-over`: a GPU was lost or computes wrongly.
 *
 * @typedef {object} Notice
 * @property {'image/truncated' | 'image/hidden-colours' | 'image/animated' | 'no-words' | 'outside-training' | 'cannot-read'
 *   | 'lines-failed' | 'lines-unsure' | 'lines-beyond-limit' | 'cpu-took-over'} code
 *   For programs. These names are stable.
 * @property {string} message For people.
 */

/**
 * @typedef {object} ExplainOptions
 * @property {string} [text] The text of the image: read from it if not given.
 * @property {readonly Task[]} [tasks] By default those that `load` was given.
 * @property {AbortSignal} [signal] Stops the request.
 */

/**
 * Why a verdict is what it is. Tasks and words have one number for each class, by its name.
 * @typedef {object} Explanation
 * @property {string} text The text that was classified along with the image.
 * @property {Record<Task, Record<'both' | 'image' | 'text', Record<string, number>>>} tasks
 *   Probabilities: of the verdict; of the image without text, which the model reads as it does a meme that has none; of the
 *   text on a plain image of the mean colour that CLIP was trained on.
 * @property {{ word: string, tasks: Record<Task, Record<string, number>> }[]} words
 *   By how much a word raises the probability of each class: with it, minus without it. In the order of the text, as far as
 *   the model reads it; of more than 24 words, a few neighbours together.
 * @property {{ rows: number, cols: number, values: number[] }} regions
 *   How much of each part of the image has reached the verdict (attention rollout), the same for all tasks: a grid over the
 *   whole image, row by row, 0 to 1, the largest 1.
 */

/**
 * @typedef {object} ReadOptions
 * @property {AbortSignal} [signal] Stops the request.
 */

/**
 * What the pack is and what it runs on.
 * @typedef {object} Info
 * @property {string} name
 * @property {string} dtype Format of the weights: f32, f16, q8 or q4.
 * @property {string} licence
 * @property {string} provenance
 * @property {string} notice What the model is, and what it must not be used for.
 * @property {number} bytes Of all weights that verdicts need.
 * @property {string} device Before the first verdict. `Verdict.device` says what computes then.
 * @property {Task[]} tasks In the order of the verdicts.
 * @property {Record<Task, string[]>} labels Names of the classes, by task.
 */

/**
 * @typedef {object} SupportOptions
 * @property {string | URL} [weights] Address of a pack: adds `load`.
 * @property {Device} [probe]
 *   Measures how long verdicts with the pack take on this device: adds `speed`. It takes the time to load the program, and
 *   a second or two of computing.
 * @property {string | URL} [assets] As for `load`.
 * @property {string | URL} [cache] As for `load`.
 */

/**
 * What this browser offers.
 * @typedef {object} Support
 * @property {boolean} supported Whether `load` can work here.
 * @property {string[]} missing What the browser lacks if it is not supported, such as "WebAssembly SIMD".
 * @property {'gpu' | 'cpu'} device What device `auto` takes. `gpu`: unless it finds the CPU to be faster, which `probe` tells.
 * @property {boolean} webgpu A hardware GPU can be used.
 * @property {boolean} software
 *   There is WebGPU, but computed on the CPU: device `gpu` takes it, `auto` does not.
 * @property {boolean} relaxedSimd
 * @property {number} threads Threads of device `cpu`; more than one needs a page that is cross-origin isolated.
 * @property {boolean} cache Weights are kept for the next visit.
 * @property {Cost} [load] With a pack's address, in a browser that is supported.
 * @property {Speed} [speed] The same with `probe`.
 */

/**
 * What verdicts with a pack will fetch, in bytes.
 * @typedef {object} Cost
 * @property {number} bytes Of all weights that verdicts need, as `Info.bytes`.
 * @property {number} cached The part of `bytes` that is in the browser's cache.
 * @property {{ bytes: number, cached: number }} reader The same of what reads text, for images that come without one.
 * @property {number | null} code Of the program, as the server sends it; null if the server does not say.
 */

/**
 * How fast a pack is on a device.
 * @typedef {object} Speed
 * @property {number} seconds
 *   About what `timings.compute` of a verdict will be: measured on parts of the model, with weights made up here. The first
 *   verdict takes longer.
 * @property {string} device As `Verdict.device`.
 */

/**
 * @typedef {object} ObserveOptions
 * @property {(element: HTMLImageElement, verdict: Verdict) => void} onVerdict
 *   Called once for each image whose hate is at least as probable as `threshold`, again when its address changes.
 * @property {(element: HTMLImageElement, error: MemeClipError) => void} [onError]
 *   Called for each image that could not be checked: `image/unreadable` if another site does not allow cross-origin reads. By
 *   default it is logged to the console.
 * @property {number} [threshold] A probability, 0.5 by default. With 0 every verdict is reported.
 * @property {number} [minimum] CSS pixels: an image with a shorter side is skipped, an icon for instance; 100 by default.
 * @property {readonly Task[]} [tasks] As for `classify`; hate is always among them.
 * @property {'judge' | 'skip'} [noWords] As for `classify`. A verdict without tasks has probability 0.
 * @property {AbortSignal} [signal] Stops, as `stop` does.
 */

/**
 * @typedef {object} Observation
 * @property {() => void} stop Ends it: there are no calls after this one.
 */

export {};
