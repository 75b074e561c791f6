// Made from the JSDoc of the package by tests/browser/declarations.js.

import type { LoadOptions, Verdict } from './memeclip.js';

declare const MemeVerdict_base: {
    new (): HTMLElement;
    prototype: HTMLElement;
};
/**
 * An image with its verdicts below it: `<meme-verdict weights="weights/"><img src="meme.jpg" alt="…"></meme-verdict>`, or
 * with `src` and `alt` of its own. `weights` is the address of the pack, `text` that of the image, which is read from it if
 * there is none. It judges the image when that comes into view, and again when it changes. All elements with the same
 * weights share one classifier. Parts for `::part()`: image, verdict, status, progress, loaded, error, message, retry,
 * tasks, task, question, about, guess, classes, summary, class, best, name, share, meter, note, notices. CSS variables:
 * `--meme-verdict-ink`, `--meme-verdict-paper`, `--meme-verdict-font`, `--meme-verdict-space`.
 *
 * Its events bubble: `verdict`, with a `Verdict` as `detail`, and `verdict-error`, with a `MemeClipError`.
 */
export declare class MemeVerdict extends MemeVerdict_base {
    #private;
    static observedAttributes: string[];
    /** Options for all elements that load a pack from now on. */
    static options: Omit<LoadOptions, 'onProgress' | 'signal' | 'tasks'>;
    /** The verdict on the image as it is shown; null until it is there. */
    get verdict(): Verdict | null;
    private connectedCallback;
    private disconnectedCallback;
    private attributeChangedCallback;
}

declare global {
    interface HTMLElementTagNameMap {
        'meme-verdict': MemeVerdict;
    }
}
