import { ConvexError } from "convex/values";

export type Failure = { code: string; message: string; field?: string };

/** What a function of the deployment refused, and why; null for any other error. */
export function failureOf(error: unknown): Failure | null {
  if (!(error instanceof ConvexError)) return null;
  const data: unknown = error.data;
  if (typeof data !== "object" || data === null || !("code" in data) || !("message" in data)) return null;
  return data as Failure;
}

/** For people. What was not meant to happen is told without its details. */
export function messageOf(error: unknown): string {
  const failure = failureOf(error);
  if (failure === null) return "That did not work. Please try again in a moment.";
  // Programs know a field by its name; people see the message at the field.
  return failure.message.replace(/^`[\w.]+`/, "This");
}
