// @vitest-environment jsdom
/** Settings and workers against a real deployment. */
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { ConvexHttpClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "../../web/src/api.ts";
import { asForm, asStored } from "../../web/src/settings/callSettings.ts";
import SettingsPage from "../../web/src/settings/SettingsPage.tsx";
import { allZones, findZones } from "../../web/src/settings/zones.ts";
import WorkersPage from "../../web/src/workers/WorkersPage.tsx";
import { type Worker, workerState } from "../../web/src/workers/workerState.ts";
import { FloydDeployment } from "./floydDeployment.ts";
import { closed, expectAccessible, opened } from "./opened.tsx";

let floyd: FloydDeployment;
let alex: ConvexHttpClient;
let client: ConvexReactClient;

beforeAll(async () => {
  floyd = await FloydDeployment.start();
  alex = await floyd.person("alex");
});
beforeEach(() => {
  client = floyd.page("alex");
});
afterEach(() => closed(client));
afterAll(() => floyd.stop());

const form = async (name: string) => within(await screen.findByRole("form", { name }));
const type = (element: HTMLElement, value: string) => fireEvent.change(element, { target: { value } });
const me = () => alex.query(api.users.me, {});

it("saves what was changed, and shows what is changed elsewhere", async () => {
  opened(SettingsPage, client);
  const you = await form("You");
  expect(you.getByRole("button", { name: "Save" }).hasAttribute("disabled")).toBe(true);
  type(you.getByRole("textbox", { name: "Name" }), "Alex Rivera");
  await alex.mutation(api.users.update, { language: "de-DE" });
  await waitFor(() =>
    expect(you.getByRole<HTMLSelectElement>("combobox", { name: "Language of calls" }).value).toBe("de-DE"),
  );
  await expectAccessible();
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  await screen.findByText("Saved.");
  expect(await me()).toMatchObject({ name: "Alex Rivera", language: "de-DE" });
});

it("keeps what is typed while it saves", async () => {
  opened(SettingsPage, client);
  const you = await form("You");
  const phone = you.getByRole<HTMLInputElement>("textbox", { name: "Your phone number" });
  type(you.getByRole("textbox", { name: "Name" }), "Alex Reed");
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  type(phone, "+1 415 555 0101");
  await screen.findByText("Saved.");
  expect(await me()).toMatchObject({ name: "Alex Reed" });
  expect(phone.value).toBe("+1 415 555 0101");
  expect(you.getByRole("button", { name: "Save" }).hasAttribute("disabled")).toBe(false);
});

it("says at the field what is wrong with it, and takes a number away", async () => {
  opened(SettingsPage, client);
  const you = await form("You");
  const phone = you.getByRole("textbox", { name: "Your phone number" });
  type(phone, "555-0100");
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  expect((await you.findByRole("alert")).textContent).toMatch(/^The number .*country code/);
  expect(phone.getAttribute("aria-invalid")).toBe("true");
  type(phone, "+1 415 555 0100");
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  await screen.findByText("Saved.");
  expect(await me()).toMatchObject({ phone: "+14155550100" });
  type(phone, "");
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  await waitFor(async () => expect((await me())?.phone).toBeUndefined());
});

it("finds a time zone by a part of its name, with the keys alone", async () => {
  opened(SettingsPage, client);
  const you = await form("You");
  const zone = you.getByRole("combobox", { name: "Time zone" });
  zone.focus();
  type(zone, "new yo");
  const zones = within(you.getByRole("listbox", { name: "Time zones" }));
  expect(zones.getByRole("option", { selected: true }).textContent).toMatch(/^America \/ New York/);
  fireEvent.keyDown(zone, { key: "Enter" });
  expect((zone as HTMLInputElement).value).toBe("America / New York");
  fireEvent.keyDown(zone, { key: "ArrowDown" });
  expect(zone.getAttribute("aria-expanded")).toBe("true");
  fireEvent.keyDown(zone, { key: "Escape" });
  expect(zone.getAttribute("aria-expanded")).toBe("false");
  fireEvent.click(you.getByRole("button", { name: "Save" }));
  await waitFor(async () => expect(await me()).toMatchObject({ timezone: "America/New_York" }));
});

it("sets call hours and limits, and refuses nonsense at its field", async () => {
  opened(SettingsPage, client);
  const calls = await form("Calls");
  fireEvent.click(calls.getByRole("switch", { name: "Only call within certain hours" }));
  type(calls.getByLabelText("From"), "08:30");
  type(calls.getByLabelText("To"), "17:00");
  type(calls.getByRole("textbox", { name: /^Longest call/ }), "a while");
  fireEvent.click(calls.getByRole("button", { name: "Save" }));
  await calls.findByText(/must be from 1 to/);
  type(calls.getByRole("textbox", { name: /^Longest call/ }), "7,5");
  type(calls.getByRole("textbox", { name: /^Most that Floyd/ }), "60");
  fireEvent.click(calls.getByRole("button", { name: "Save" }));
  await waitFor(async () =>
    expect(await me()).toMatchObject({
      callHours: { from: "08:30", to: "17:00" },
      limits: { maxCallMinutes: 7.5, maxSpendUsd: 60, recordCalls: false },
    }),
  );
  await waitFor(() => expect(calls.queryByRole("button", { name: "Discard" })).toBeNull());
  fireEvent.click(calls.getByRole("switch", { name: "Only call within certain hours" }));
  fireEvent.click(calls.getByRole("button", { name: "Save" }));
  await waitFor(async () => expect((await me())?.callHours).toBeUndefined());
});

it("signs out", async () => {
  const signOut = vi.fn(() => Promise.resolve());
  opened(SettingsPage, client, { signOut });
  fireEvent.click(await screen.findByRole("button", { name: "Sign out" }));
  await waitFor(() => expect(signOut).toHaveBeenCalledOnce());
});

it("signs another browser out", async () => {
  const begin = async (digit: string, device: string) => {
    const [codeHash, secretHash] = [digit.repeat(64), `f${digit.repeat(63)}`];
    await floyd.worker.mutation(api.signIn.offer, { codeHash, subject: "person:alex", operator: false });
    await floyd.worker.mutation(api.signIn.redeem, { codeHash, secretHash, device });
  };
  await begin("1", "Firefox on Android");
  await begin("2", "Safari on iPad");
  opened(SettingsPage, client);
  const browsers = within(await screen.findByRole("list", { name: "Browsers" }));
  expect(browsers.getAllByRole("listitem")).toHaveLength(2);
  await expectAccessible();
  fireEvent.click(browsers.getByRole("button", { name: "Sign out Firefox on Android" }));
  await waitFor(() => expect(browsers.getAllByRole("listitem")).toHaveLength(1));
  browsers.getByText("Safari on iPad");
});

describe("call settings", () => {
  it("come out of the form as they went in", () => {
    const stored = [
      { limits: { maxCallMinutes: 10, recordCalls: false } },
      {
        limits: { maxCallMinutes: 2.5, maxSpendUsd: 0, recordCalls: true },
        callHours: { from: "22:00", to: "06:00" },
        voice: "alloy",
      },
    ];
    for (const person of stored) {
      expect(asStored(asForm(person))).toEqual({ callHours: null, voice: null, ...person });
    }
  });
});

describe("time zones", () => {
  it.each([
    ["berlin", "Europe/Berlin"],
    ["new york", "America/New_York"],
    ["america/los", "America/Los_Angeles"],
    ["utc", "UTC"],
  ])("%s is %s", (wanted, expected) => {
    expect(findZones(allZones(), wanted, 5)[0]).toBe(expected);
  });

  it("are few at once, and none for what is no place", () => {
    expect(findZones(allZones(), "", 5)).toHaveLength(5);
    expect(findZones(allZones(), "atlantis", 5)).toEqual([]);
  });
});

it("people who are not operators are told what the page of workers is for", async () => {
  opened(WorkersPage, client);
  await screen.findByText("This page is for operators");
  await expectAccessible();
});

it("operators see who is alive, and drain and resume them", async () => {
  const operator = floyd.page("alex", { operator: true });
  try {
    opened(WorkersPage, operator, { operator: true });
    await screen.findByText("1 worker alive, 0 of 20 calls.");
    const worker = within(screen.getByRole("listitem", { name: "kitchen" }));
    worker.getByText("Running");
    await expectAccessible();
    fireEvent.click(worker.getByRole("button", { name: "Drain" }));
    await worker.findByText("Drained");
    fireEvent.click(worker.getByRole("button", { name: "Resume" }));
    await worker.findByText("Running");
  } finally {
    await closed(operator);
  }
});

it("a worker's state is told in one word", () => {
  const now = 1_800_000_000_000;
  const row = { status: "running", calls: 0, maxCalls: 20, heartbeatAt: now } as Worker;
  const said = (change: Partial<Worker>) => workerState({ ...row, ...change }, now).label;
  expect(said({})).toBe("Running");
  expect(said({ drain: true })).toBe("Drained");
  expect(said({ status: "draining" })).toBe("Shutting down");
  expect(said({ status: "stopped" })).toBe("Stopped");
  expect(said({ heartbeatAt: now - 60_000 })).toBe("Silent");
  expect(said({ heartbeatAt: now - 60_000, status: "stopped", drain: true })).toBe("Stopped");
});
