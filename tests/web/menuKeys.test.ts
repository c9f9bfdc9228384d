/** Where the keys lead in a menu. */
import { expect, test } from "vitest";
import { itemForKey } from "../../web/src/ui/menuKeys";

const names = ["Edit", "Call again", "Cancel", "Éclair"];

test.each([
  ["ArrowDown", 0, 1],
  ["ArrowDown", 3, 0],
  ["ArrowDown", -1, 0],
  ["ArrowUp", 0, 3],
  ["ArrowUp", -1, 3],
  ["ArrowUp", 2, 1],
  ["Home", 2, 0],
  ["End", 0, 3],
  ["c", 0, 1],
  ["C", 1, 2],
  ["c", 2, 1],
  ["c", -1, 1],
  ["é", 0, 3],
  ["x", 0, null],
  [" ", 0, null],
  ["Enter", 0, null],
  ["Tab", 0, null],
])("%s at %i leads to %s", (key, at, to) => {
  expect(itemForKey(key, names, at)).toBe(to);
});

test("an empty menu leads nowhere", () => {
  for (const key of ["ArrowDown", "ArrowUp", "Home", "End", "a"]) expect(itemForKey(key, [], -1)).toBeNull();
});
