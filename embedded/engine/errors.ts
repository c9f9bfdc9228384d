/**
 * Errors that are the app's or the caller's to fix; their text is shown as it is, without a stack trace.
 */
export class DeveloperError extends Error {
  override name = "DeveloperError";
}

/**
 * The disk doesn't take what is to be written, or doesn't give what is to be read. Nothing of the transaction was
 * kept; the same call succeeds when the disk does its part again.
 */
export class StorageError extends Error {
  override name = "StorageError";
}

/** Arguments, results or names that don't fit; the text begins with its own class name, as in the backend. */
export class CallError extends Error {
  override name = "CallError";
}
