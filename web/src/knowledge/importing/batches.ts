/** The number of contacts that the functions take at once (`convex/input.ts`); a test holds it equal. */
export const MAX_CONTACTS_AT_ONCE = 500;

export function batches<T>(items: readonly T[], size = MAX_CONTACTS_AT_ONCE): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}
