// @vitest-environment jsdom
/** The page of a request against a real deployment: a worker writes, and the page shows it; the person acts on it. */
import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { ConvexHttpClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Route } from "wouter";
import { api, type Id } from "../../web/src/api.ts";
import { type Config, ConfigContext } from "../../web/src/config.ts";
import RequestPage from "../../web/src/request/RequestPage.tsx";
import { FloydDeployment, type OnCall } from "./floydDeployment.ts";
import { expectAccessible, opened } from "./opened.tsx";

const SCHOOL = "+14155550134";
/** jsdom lays nothing out: what the transcript measures is said here. */
const WINDOW_PX = 600;
const ROW_PX = 60;

const config: Config = {
  deploymentUrl: "http://127.0.0.1",
  workerUrl: "",
  line: "telephone",
  rehearsed: [],
  recogniser: false,
};
let floyd: FloydDeployment;
let alex: ConvexHttpClient;
let client: ConvexReactClient;

beforeAll(async () => {
  floyd = await FloydDeployment.start();
  alex = await floyd.person("alex");
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(ROW_PX);
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(WINDOW_PX);
  vi.spyOn(Element.prototype, "scrollHeight", "get").mockImplementation(function (this: Element) {
    return Number.parseFloat(this.querySelector("ol")?.style.height ?? "0");
  });
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  Element.prototype.scrollTo = function (to?: ScrollToOptions | number) {
    this.scrollTop = typeof to === "object" ? (to.top ?? 0) : 0;
    setTimeout(() => this.dispatchEvent(new Event("scroll")));
  };
  Element.prototype.scrollIntoView = () => undefined;
});
beforeEach(() => {
  client = floyd.page("alex");
});
afterEach(async () => {
  cleanup();
  await client.close();
});
afterAll(() => floyd.stop());

function Addressed() {
  return (
    <ConfigContext value={config}>
      <Route path="/requests/:id" component={RequestPage} />
    </ConfigContext>
  );
}

const open = (requestId: string) => opened(Addressed, client, { path: `/requests/${requestId}` });

const text = "Call the school: Mara is sick";
const ask = (): Promise<Id<"requests">> => alex.mutation(api.requests.create, { text });

/** Nothing that is due is left behind, also by a test that fails. */
afterEach(async () => {
  const paginationOpts = { numItems: 100, cursor: null };
  const { page } = await alex.query(api.requests.list, { paginationOpts, show: "active" });
  for (const { _id } of page) await alex.mutation(api.requests.cancel, { requestId: _id });
});

async function onTheLine(): Promise<OnCall> {
  return floyd.pickedUp(await floyd.claim(await ask()), SCHOOL);
}

function says(call: OnCall, seq: number, speaker: "floyd" | "callee", words: string, intended?: string) {
  const { callId, token } = call;
  const now = Date.now();
  const line = {
    seq,
    speaker,
    text: words,
    startedAt: now,
    endedAt: now,
    interrupted: intended !== undefined,
  };
  const lines = [{ ...line, ...(intended !== undefined && { intended }) }];
  return floyd.worker.mutation(api.transcript.append, { callId, token, lines });
}

const transcript = async () => within(await screen.findByRole("region", { name: "Transcript" }));

it("follows a request from the plan to the outcome", async () => {
  const factId = await alex.mutation(api.facts.add, { text: "Mara is in class 3B", sharing: "free" });
  const requestId = await ask();
  open(requestId);
  await screen.findByRole("heading", { name: text });
  await screen.findByText("Waiting for a free line");

  const leased = await floyd.claim(requestId);
  await floyd.worker.mutation(api.requests.setStage, { ...leased, stage: "planning" });
  await screen.findByText("Planning", { selector: "[role=status]" });
  await floyd.worker.mutation(api.requests.writePlan, { ...leased, text: "Tell the office", done: false });
  await screen.findByText("Tell the office");
  await floyd.worker.mutation(api.requests.writePlan, {
    ...leased,
    text: "Tell the office. Say 3B.",
    done: true,
  });
  await screen.findByText("Tell the office. Say 3B.");
  const facts = [{ factId, text: "Mara is in class 3B", sharing: "free" as const }];
  await floyd.worker.mutation(api.requests.saveContext, { ...leased, facts });
  await screen.findByText("Not told; may be told.");
  const number = { phone: SCHOOL, source: "fact" as const, name: "Lincoln Elementary" };
  await floyd.worker.mutation(api.requests.saveNumber, { ...leased, number });
  await screen.findByText("from what Floyd knows", { exact: false });

  const call = await floyd.pickedUp(leased, SCHOOL);
  await screen.findByText("Talking with Lincoln Elementary");
  expect(screen.getByRole("timer", { name: "Time on the line" }).textContent).toMatch(/^\d+:\d\d$/);
  const { callId, token } = call;
  await floyd.worker.mutation(api.live.set, { callId, token, speaker: "floyd", text: "Hi, this is" });
  const said = await transcript();
  await said.findByText(/^Hi, this is/);
  await said.findByText(/being spoken/);
  await says(call, 0, "floyd", "Hi, this is Floyd. Mara is in class 3B.");
  await said.findByText("Hi, this is Floyd. Mara is in class 3B.");
  // The same words are not there twice while the live row has not been wiped yet.
  expect(said.queryByText(/being spoken/)).toBeNull();
  await says(call, 1, "callee", "Thanks, I noted it.");
  await said.findByText("Thanks, I noted it.");
  await waitFor(() =>
    expect(screen.getByRole("log", { name: "New lines" }).textContent).toContain(
      "Lincoln Elementary: Thanks, I noted it.",
    ),
  );
  const items = [{ factId, text: "class 3B", seq: 0 }];
  await floyd.worker.mutation(api.disclosures.record, { callId, token, items });
  await screen.findByText("told");
  await expectAccessible();

  const turns = [
    {
      turn: 1,
      speechEndedAt: Date.now(),
      endpointingMs: 120,
      modelMs: 340,
      speechMs: 200,
      floydMs: 15,
      totalMs: 675,
      interrupted: false,
    },
  ];
  await floyd.worker.mutation(api.turns.record, { callId, token, turns });
  const usage = {
    promptTokens: 1_200,
    completionTokens: 80,
    speechChars: 640,
    recognisedSeconds: 31,
    seconds: 75,
  };
  await floyd.worker.mutation(api.calls.saveUsage, { callId, token, usage });
  await floyd.worker.mutation(api.calls.end, { callId, token, endReason: "calleeHungUp" });
  const outcome = {
    kind: "done" as const,
    summary: "The school knows.",
    reported: [
      { text: "It is noted.", callId, lines: [1], confirmed: true },
      { text: "She needs a note.", callId, lines: [], confirmed: false },
    ],
  };
  await floyd.worker.mutation(api.requests.finish, { ...leased, status: "completed", outcome });
  const done = within(await screen.findByRole("region", { name: "Outcome" }));
  await done.findByText("The school knows.");
  expect(done.getByText("unconfirmed").closest("li")?.textContent).toContain("She needs a note.");
  expect(screen.queryByRole("region", { name: "Call controls" })).toBeNull();

  // The evidence leads to its line: it has the focus, so that one can read on from there.
  fireEvent.click(done.getByRole("link", { name: /line 2/ }));
  await waitFor(() => expect(document.activeElement?.textContent).toContain("Thanks, I noted it."));
  expect(document.activeElement?.className).toContain("bg-accent-soft");

  screen.getByRole("img", { name: /waits of 1 turns/ });
  fireEvent.click(screen.getByRole("button", { name: "As a table" }));
  const row = within(screen.getByRole("table")).getAllByRole("row")[1];
  expect(row?.textContent).toBe("1120340200" + "15675");
  expect(screen.getByRole("heading", { name: "Usage" }).closest("section")?.textContent).toContain("1,200");
  await expectAccessible();
});

it("shows what was cut as not heard, for eyes and for ears", async () => {
  const call = await onTheLine();
  open(call.requestId);
  await says(call, 0, "floyd", "We would like", "We would like a table for four.");
  const cut = await (await transcript()).findByText("a table for four.");
  expect(cut.tagName).toBe("S");
  expect(cut.closest("p")?.textContent).toBe(
    "We would like (interrupted; not heard any more: a table for four.)",
  );
});

it("answers what Floyd asks while they hold the line", async () => {
  const call = await onTheLine();
  open(call.requestId);
  const question = "May I spend 60 dollars?";
  const asked = { requestId: call.requestId, token: call.token, callId: call.callId, question };
  await floyd.worker.mutation(api.requests.ask, { ...asked, deadline: Date.now() + 45_000 });
  const asking = within(await screen.findByRole("region", { name: "Floyd asks you" }));
  expect(asking.getByRole("alert").textContent).toBe(question);
  expect(asking.getByRole("timer").textContent).toMatch(/^0:4\d left$/);
  fireEvent.change(asking.getByRole("textbox", { name: "Your answer" }), { target: { value: "Up to 70" } });
  fireEvent.click(asking.getByRole("button", { name: "Answer" }));
  await waitFor(() => expect(screen.queryByRole("region", { name: "Floyd asks you" })).toBeNull());
  const past = (await screen.findByText("What Floyd asked you")).closest("section");
  expect(past?.textContent).toContain("Up to 70");
});

it("whispers, and shows when it was heard", async () => {
  const call = await onTheLine();
  open(call.requestId);
  fireEvent.click(await screen.findByRole("button", { name: "Whisper" }));
  const field = screen.getByRole("textbox", { name: "Whisper to Floyd" });
  fireEvent.change(field, { target: { value: "Ask for a window table" } });
  fireEvent.click(screen.getByRole("button", { name: "Send whisper" }));
  const hint = (await screen.findByText("Ask for a window table")).closest("li");
  await waitFor(() => expect(hint?.textContent).toContain("waiting"));
  expect(field).toHaveProperty("value", "");
  const { hints } = await alex.query(api.requests.show, { requestId: call.requestId });
  const { callId, token } = call;
  await floyd.worker.mutation(api.hints.taken, { callId, token, hintIds: hints.map(({ _id }) => _id) });
  await waitFor(() => expect(hint?.textContent).toMatch(/heard at/));
});

it("hangs up only when that is confirmed", async () => {
  const call = await onTheLine();
  open(call.requestId);
  fireEvent.click(await screen.findByRole("button", { name: "Hang up" }));
  const dialog = within(await screen.findByRole("alertdialog", { name: "Hang up?" }));
  const control = async () => {
    const { calls } = await alex.query(api.requests.show, { requestId: call.requestId });
    return calls[0]?.control;
  };
  expect(await control()).toBeUndefined();
  fireEvent.click(dialog.getByRole("button", { name: "Hang up" }));
  await waitFor(async () => expect(await control()).toEqual({ by: "floyd", hangUp: true }));
});

it("edits what waits, calls at another time, cancels, and calls again", async () => {
  const requestId = await ask();
  const location = open(requestId);
  fireEvent.click(await screen.findByRole("button", { name: "Edit" }));
  const edit = within(await screen.findByRole("dialog", { name: "Edit the request" }));
  fireEvent.change(edit.getByRole("textbox", { name: "Number" }), { target: { value: "not a number" } });
  fireEvent.click(edit.getByRole("button", { name: "Save" }));
  // The refusal is at the field it is about, in the functions' words.
  const number = edit.getByRole("textbox", { name: "Number" });
  await waitFor(() => expect(number.getAttribute("aria-invalid")).toBe("true"));
  fireEvent.change(number, { target: { value: SCHOOL } });
  const wanted = edit.getByRole("textbox", { name: "What should Floyd do?" });
  fireEvent.change(wanted, { target: { value: "Call the school: Tom is sick" } });
  fireEvent.click(edit.getByRole("button", { name: "Save" }));
  await screen.findByRole("heading", { name: "Call the school: Tom is sick" });

  fireEvent.click(screen.getByRole("button", { name: "Call at" }));
  const callAt = within(await screen.findByRole("dialog", { name: "Call at" }));
  fireEvent.click(callAt.getByRole("button", { name: "In an hour" }));
  await screen.findByText(/^Calls at /);
  const { request } = await alex.query(api.requests.show, { requestId });
  expect(request.notBefore - Date.now()).toBeGreaterThan(3_500_000);

  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  const cancel = within(await screen.findByRole("alertdialog", { name: "Cancel this request?" }));
  fireEvent.click(cancel.getByRole("button", { name: "Cancel the request" }));
  fireEvent.click(await screen.findByRole("button", { name: "Call again" }));
  await waitFor(() => expect(location.history?.at(-1)).not.toBe(`/requests/${requestId}`));
  const again = location.history?.at(-1)?.split("/").at(-1) as Id<"requests">;
  await screen.findByRole("link", { name: "asked before" });
  const repeated = await alex.query(api.requests.show, { requestId: again });
  expect(repeated.request).toMatchObject({ text: "Call the school: Tom is sick", againOf: requestId });
  await alex.mutation(api.requests.cancel, { requestId: again });
});

it("fetches the lines before the newest when they are wanted", async () => {
  const call = await onTheLine();
  const { callId, token } = call;
  const batch = 200;
  for (let first = 0; first < 1_200; first += batch) {
    const at = Date.now();
    const lines = Array.from({ length: batch }, (_, n) => ({
      seq: first + n,
      speaker: "callee" as const,
      text: `number ${first + n}`,
      startedAt: at,
      endedAt: at,
      interrupted: false,
    }));
    await floyd.worker.mutation(api.transcript.append, { callId, token, lines });
  }
  open(call.requestId);
  fireEvent.click(await screen.findByRole("button", { name: "Earlier lines" }));
  await waitFor(() => expect(screen.queryByRole("button", { name: "Earlier lines" })).toBeNull());
  const row = (await transcript()).getAllByRole("listitem")[0];
  // A heading and 1,200 lines.
  expect(row?.getAttribute("aria-setsize")).toBe("1201");
});

it("says so when there is no such request, or it is another's", async () => {
  open("nonsense");
  await screen.findByText("There is no request at this address");
  cleanup();
  const hers = await (await floyd.person("sam")).mutation(api.requests.create, { text: "Hers" });
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  open(hers);
  await screen.findByText("This is not here");
});
