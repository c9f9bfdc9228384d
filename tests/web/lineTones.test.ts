/** A telephone's keys, as they sound. */
import { expect, test } from "vitest";
import { keyTones } from "../../web/src/line/tones";

test.each([
  ["1", [697, 1209]],
  ["5", [770, 1336]],
  ["9", [852, 1477]],
  ["0", [941, 1336]],
  ["*", [941, 1209]],
  ["#", [941, 1477]],
  ["A", [697, 1633]],
  ["D", [941, 1633]],
])("the key %s has its two tones", (key, tones) => {
  expect(keyTones(key)).toEqual(tones);
});

test.each(["", "E", "12", " ", "a"])("%j is no key", (key) => {
  expect(keyTones(key)).toBeNull();
});
