// @vitest-environment jsdom
/** How long messages stay, and which ones. */
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Toasts } from "../../web/src/ui/Toasts";
import { toast } from "../../web/src/ui/toast";

const STEP_MS = 50;

beforeEach(() => {
  vi.useFakeTimers();
  render(<Toasts />);
});
afterEach(() => {
  toast.clear();
  cleanup();
  vi.useRealTimers();
});

/** In steps: what React does at the end of one may start a clock. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) await act(() => vi.advanceTimersByTimeAsync(STEP_MS));
}
/** Coming and going is animated. */
const settle = () => pass(500);
/** Oldest first. */
const texts = () =>
  screen
    .queryAllByRole("listitem")
    .map((one) => one.textContent)
    .toReversed();

async function said(tell: () => void): Promise<void> {
  tell();
  await settle();
}

test("they go by themselves: errors and what can be undone stay longer", async () => {
  await said(() => {
    toast.say("Saved.");
    toast.error("Not saved.");
    toast.say("Deleted.", { label: "Undo", run: () => undefined });
  });
  await pass(4_000);
  expect(texts()).toEqual(["Saved.", "Not saved.", "Deleted.Undo"]);
  await pass(1_000);
  expect(texts()).toEqual(["Not saved.", "Deleted.Undo"]);
  await pass(3_500);
  expect(texts()).toHaveLength(2);
  await pass(2_000);
  expect(texts()).toEqual([]);
});

test("they stay while somebody points at them", async () => {
  await said(() => toast.say("Saved."));
  fireEvent.mouseMove(screen.getByText("Saved."));
  await pass(60_000);
  expect(texts()).toEqual(["Saved."]);
  fireEvent.mouseOut(screen.getByText("Saved."));
  await pass(6_000);
  expect(texts()).toEqual([]);
});

test("there are three at most, and the same one only once, as the newest", async () => {
  for (const text of ["a", "b", "c", "d", "b"]) await said(() => toast.error(text));
  expect(texts()).toEqual(["c", "d", "b"]);
});

test("as many at once are three as well", async () => {
  await said(() => {
    for (const text of ["a", "b", "c", "d", "d"]) toast.error(text);
  });
  expect(texts()).toEqual(["b", "c", "d"]);
});

test("their button does what it says, once, and closes them", async () => {
  const undo = vi.fn();
  await said(() => toast.say("Deleted.", { label: "Undo", run: undo }));
  fireEvent.click(screen.getByRole("button", { name: "Undo" }));
  await settle();
  expect(undo).toHaveBeenCalledOnce();
  expect(texts()).toEqual([]);
});

test("all go when the person changes", async () => {
  await said(() => {
    toast.say("Saved.");
    toast.error("Not saved.");
  });
  await said(() => toast.clear());
  expect(texts()).toEqual([]);
});

test("what they are said in is there before them, so that they are read out", () => {
  const region = screen.getByRole("region", { name: /^Messages/ });
  expect(region.getAttribute("aria-live")).toBe("polite");
});
