/**
 * What went wrong, for programs. These names are stable.
 * - `image/unreadable`: there is no such file, or another site does not allow cross-origin reads of it.
 * - `aborted`: the request's signal has stopped it.
 * - `argument`: a wrong argument, or the classifier is disposed.
 * - `browser`: the browser lacks something that every request needs; `support` says what.
 * - `internal`: a bug or a crash; the next request starts afresh.
 *
 * @typedef {'image/not-an-image' | 'image/truncated' | 'image/size' | 'image/bytes' | 'image/unreadable' | 'text/too-long'
 *   | 'task/unknown' | 'pack/manifest' | 'pack/manifest-hash' | 'pack/version' | 'pack/missing-component'
 *   | 'pack/missing-shard' | 'pack/shard-size' | 'pack/shard-hash' | 'pack/tensor' | 'gpu/none' | 'gpu/limit' | 'gpu/memory'
 *   | 'gpu/lost' | 'gpu/wrong' | 'network' | 'aborted' | 'argument' | 'browser' | 'internal'} ErrorCode
 */

/** Every error of this package. */
export class MemeClipError extends Error {
  /**
   * For programs.
   * @readonly
   * @type {ErrorCode}
   */
  code;

  /**
   * What to do about it, in whole sentences; `message` says what is wrong and ends with them.
   * @readonly
   * @type {string}
   */
  remedy;

  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {string} remedy
   */
  constructor(code, message, remedy) {
    super(message);
    this.name = 'MemeClipError';
    this.code = code;
    this.remedy = remedy;
  }
}

/**
 * An error whose message is the problem and its remedy.
 * @internal
 * @param {ErrorCode} code
 * @param {string} problem
 * @param {string} remedy
 */
export function failure(code, problem, remedy) {
  return new MemeClipError(code, `${problem}. ${remedy}`, remedy);
}

/**
 * The message of whatever was thrown.
 * @internal
 * @param {unknown} thrown
 */
export function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
