/** Which item of a menu a key leads to, by the menu pattern of the ARIA Authoring Practices; null: none. */
export function itemForKey(key: string, names: readonly string[], at: number): number | null {
  const count = names.length;
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowUp":
      return (Math.max(at, 0) + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
  }
  if (key.length !== 1 || key === " ") return null;
  const letter = key.toLocaleLowerCase();
  // From the one after this on, around to this.
  for (let step = 1; step <= count; step++) {
    const index = (Math.max(at, -1) + step) % count;
    if (names[index]?.trim().toLocaleLowerCase().startsWith(letter)) return index;
  }
  return null;
}
