/** The app can't be loaded as it is; the text is for whoever wrote it. */
export class LoadError extends Error {
  override name = "LoadError";
}
