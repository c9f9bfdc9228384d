// @vitest-environment jsdom
/** What a button does: once at a time, with its failure shown. */
import { act, cleanup, fireEvent, render, screen, waitForElementToBeRemoved } from "@testing-library/react";
import { ConvexError } from "convex/values";
import { afterEach, expect, test } from "vitest";
import { Button } from "../../web/src/ui/Button";
import { Toasts } from "../../web/src/ui/Toasts";
import { useAct } from "../../web/src/ui/useAct";

afterEach(cleanup);

function Doer({ act }: { act: () => Promise<unknown> }) {
  const { run, busy } = useAct(act);
  return (
    <>
      <Button busy={busy} onClick={() => void run()}>
        Do it
      </Button>
      <Toasts />
    </>
  );
}

test("while it is under way it can't be done again", async () => {
  let calls = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  render(
    <Doer
      act={() => {
        calls++;
        return promise;
      }}
    />,
  );
  const button = screen.getByRole<HTMLButtonElement>("button", { name: "Do it" });
  fireEvent.click(button);
  fireEvent.click(button);
  expect(button.disabled).toBe(true);
  expect(calls).toBe(1);
  await act(async () => resolve());
  expect(button.disabled).toBe(false);
});

test("a refusal is shown in its own words", async () => {
  render(<Doer act={() => Promise.reject(new ConvexError({ code: "CONFLICT", message: "It is over" }))} />);
  fireEvent.click(screen.getByRole("button", { name: "Do it" }));
  expect(await screen.findByText("It is over")).toBeDefined();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Do it" }).disabled).toBe(false);
  fireEvent.click(screen.getByRole("button", { name: "Close message" }));
  await waitForElementToBeRemoved(() => screen.queryByText("It is over"));
});
