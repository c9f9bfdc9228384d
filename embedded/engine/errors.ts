/**
 * Errors that are the app's or the caller's to fix; their text is shown as it is, without a stack trace.
 */
export class DeveloperError extends Error {
  override name = "DeveloperError";
}

/** Arguments, results or names that don't fit; the text begins with its own class name, as in the backend. */
export class CallError extends Error {
  override name = "CallError";
}
