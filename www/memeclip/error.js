/** Every error of this package. `code` is stable; `message` says what is wrong and ends with `remedy`: what to do. */
export class MemeClipError extends Error {
  constructor(code, message, remedy) {
    super(message);
    this.name = 'MemeClipError';
    this.code = code;
    this.remedy = remedy;
  }
}

export function failure(code, problem, remedy) {
  return new MemeClipError(code, `${problem}. ${remedy}`, remedy);
}
