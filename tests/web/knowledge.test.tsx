// @vitest-environment jsdom
/** What Floyd knows, against a real deployment: edited, forgotten, taken back, learnt and imported. */
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { ConvexHttpClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { api } from "../../web/src/api.ts";
import KnowledgePage from "../../web/src/knowledge/KnowledgePage.tsx";
import { FloydDeployment } from "./floydDeployment.ts";
import { closed, expectAccessible, opened } from "./opened.tsx";

let floyd: FloydDeployment;
let client: ConvexReactClient;
let alex: ConvexHttpClient;
let people = 0;

beforeAll(async () => {
  floyd = await FloydDeployment.start();
});
beforeEach(async () => {
  people += 1;
  const name = `alex${people}`;
  alex = await floyd.person(name);
  client = floyd.page(name);
});
afterEach(() => closed(client));
afterAll(() => floyd.stop());

const facts = () => alex.query(api.facts.list, {});
const contacts = () => alex.query(api.contacts.list, {});
const row = async (name: string) => within(await screen.findByRole("listitem", { name }));
const type = (element: HTMLElement, value: string) => fireEvent.change(element, { target: { value } });

it("a fact is added, edited where it stands, marked, forgotten and taken back", async () => {
  opened(KnowledgePage, client);
  await screen.findByText("Floyd knows nothing about you yet");
  type(screen.getByRole("textbox", { name: "Tell Floyd something" }), "Mara is in class 3B");
  fireEvent.click(screen.getByRole("button", { name: "Add" }));
  const added = await row("Mara is in class 3B");
  added.getByText(/You told Floyd/);
  await expectAccessible();

  fireEvent.click(added.getByRole("button", { name: "Edit" }));
  const field = screen.getByRole("textbox", { name: "Fact" });
  type(field, "Mara is in class 4B");
  fireEvent.keyDown(field, { key: "Enter" });
  const edited = await row("Mara is in class 4B");
  await waitFor(() => expect(document.activeElement).toBe(edited.getByRole("button", { name: "Edit" })));

  type(edited.getByRole("combobox", { name: "May Floyd tell it?" }), "never");
  await waitFor(async () => expect(await facts()).toMatchObject([{ sharing: "never" }]));

  fireEvent.click(edited.getByRole("button", { name: "Delete" }));
  const undo = await screen.findByRole("button", { name: "Undo" });
  expect(await facts()).toEqual([]);
  fireEvent.click(undo);
  await row("Mara is in class 4B");
  expect(await facts()).toMatchObject([{ sharing: "never", source: "owner", status: "accepted" }]);
});

it("Escape leaves a fact as it was", async () => {
  await alex.mutation(api.facts.add, { text: "Class 4B" });
  opened(KnowledgePage, client);
  fireEvent.click((await row("Class 4B")).getByRole("button", { name: "Edit" }));
  const field = screen.getByRole("textbox", { name: "Fact" });
  type(field, "Something else");
  fireEvent.keyDown(field, { key: "Escape" });
  await row("Class 4B");
});

it("what was learnt in a call is shown with its evidence, and kept or discarded", async () => {
  const requestId = await alex.mutation(api.requests.create, { text: "Ask the school when it opens" });
  const { token, callId } = await floyd.pickedUp(await floyd.claim(requestId), "+14155550134");
  const at = Date.now();
  const said = { speaker: "callee" as const, startedAt: at, endedAt: at, interrupted: false };
  const lines = [{ seq: 0, text: "We open at eight, ask for Dana.", ...said }];
  await floyd.worker.mutation(api.transcript.append, { callId, token, lines });
  const learnt = ["The office opens at 8", "Dana works there"].map((text) => ({ text, lines: [0] }));
  await floyd.worker.mutation(api.facts.offer, { requestId, token, callId, facts: learnt });
  await alex.mutation(api.requests.cancel, { requestId });

  opened(KnowledgePage, client);
  const offer = await row("The office opens at 8");
  fireEvent.click(offer.getByText("Where this comes from"));
  await offer.findByText(/“We open at eight, ask for Dana.”/);
  const link = offer.getByRole("link", { name: "Ask the school when it opens" });
  expect(link.getAttribute("href")).toBe(`/requests/${requestId}#lines=${callId}:0`);
  await expectAccessible();

  type(offer.getByRole("combobox", { name: "May Floyd tell it?" }), "free");
  fireEvent.click(offer.getByRole("button", { name: "Keep" }));
  fireEvent.click((await row("Dana works there")).getByRole("button", { name: "Discard" }));
  await screen.findByText("1 thing you turned down");
  expect(await facts()).toMatchObject([
    { status: "accepted", sharing: "free" },
    { status: "rejected", sharing: "ask" },
  ]);
});

it("lines of text become facts; what is known is left out, and it is said", async () => {
  await alex.mutation(api.facts.add, { text: "Class 4B" });
  opened(KnowledgePage, client);
  await row("Class 4B");
  fireEvent.click(screen.getByRole("button", { name: "Import" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Import facts" }));
  type(
    dialog.getByRole("textbox", { name: "Facts, one a line" }),
    "# us\n- Two cats\nClass 4B\nRex is a dog",
  );
  type(dialog.getByRole("combobox", { name: "May Floyd tell them?" }), "ask");
  const added = within(dialog.getByRole("list", { name: "To be added" }));
  expect(added.getAllByRole("listitem").map((item) => item.textContent)).toEqual([
    "Two cats",
    "Rex is a dog",
  ]);
  dialog.getByText("1 left out");
  dialog.getByText(/Floyd knows this already/);
  await expectAccessible();
  fireEvent.click(dialog.getByRole("button", { name: "Add 2 facts" }));
  await row("Rex is a dog");
  expect(await facts()).toMatchObject([
    { text: "Class 4B" },
    { text: "Two cats", sharing: "ask", source: "import" },
    { text: "Rex is a dog", sharing: "ask" },
  ]);
});

it("a contact is added, refused at its field, edited, deleted and taken back", async () => {
  opened(KnowledgePage, client, { path: "/knows?show=contacts" });
  await screen.findByText("No contacts yet");
  fireEvent.click(screen.getByRole("button", { name: "Add" }));
  const dialog = within(await screen.findByRole("dialog", { name: "New contact" }));
  type(dialog.getByRole("textbox", { name: "Name" }), "Lincoln Elementary");
  type(dialog.getByRole("textbox", { name: "Phone number" }), "911");
  fireEvent.click(dialog.getByRole("button", { name: "Add contact" }));
  expect((await dialog.findByRole("alert")).textContent).toMatch(/^The number is an emergency number/);
  await expectAccessible();
  type(dialog.getByRole("textbox", { name: "Phone number" }), "+1 415 555 0134");
  type(dialog.getByRole("textbox", { name: "What you also call them" }), "school, , Mara's school");
  fireEvent.click(dialog.getByRole("button", { name: "Add contact" }));
  const added = await row("Lincoln Elementary");
  added.getByText("+1 415 555 0134");
  added.getByText("Also: school, Mara's school");

  fireEvent.click(added.getByRole("button", { name: "Edit Lincoln Elementary" }));
  const edit = within(await screen.findByRole("dialog", { name: "Edit contact" }));
  type(edit.getByRole("textbox", { name: "Notes for Floyd" }), "Ask for Dana");
  fireEvent.click(edit.getByRole("button", { name: "Save" }));
  await (await row("Lincoln Elementary")).findByText("Ask for Dana");

  const before = await contacts();
  fireEvent.click(
    (await row("Lincoln Elementary")).getByRole("button", { name: "Delete Lincoln Elementary" }),
  );
  fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  await row("Lincoln Elementary");
  const { _id, _creationTime, ...kept } = before[0] ?? {};
  expect(await contacts()).toMatchObject([kept]);
});

function pick(dialog: ReturnType<typeof within>, content: string | Uint8Array<ArrayBuffer>, name: string) {
  const file = new File([content], name);
  fireEvent.change(dialog.getByLabelText(/Choose a file/), { target: { files: [file] } });
}

it("an address book is looked at before it is imported", async () => {
  await alex.mutation(api.contacts.add, { name: "School", phone: "+14155550134" });
  opened(KnowledgePage, client, { path: "/knows?show=contacts" });
  await row("School");
  fireEvent.click(screen.getByRole("button", { name: "Import" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Import contacts" }));

  pick(dialog, new Uint8Array([0x50, 0x4b, 3, 4]), "contacts.xlsx");
  await dialog.findByText(/Save it as CSV/);

  const rows = [
    "Name,Phone",
    "School,+1 415 555 0134",
    "Praxis am Ring,030 901820",
    "Dentist,+1 415 555 0120",
    "Vet,+1 415 555 0121",
    "Help,112",
    "Mail only,",
  ];
  pick(dialog, rows.join("\n"), "contacts.csv");
  await dialog.findByText("2 contacts can be added");
  const leftOut = within(dialog.getByRole("list", { name: "Left out", hidden: true }));
  expect(leftOut.getAllByRole("listitem", { hidden: true }).map((item) => item.textContent)).toEqual([
    "School, +1 415 555 0134 (row 2): You have this contact already",
    expect.stringMatching(/^Praxis am Ring, 030 901820 \(row 3\): The number .*country code/),
    expect.stringMatching(/^Help, 112 \(row 6\): The number is an emergency number/),
    "Mail only (row 7): Has no phone number",
  ]);
  await expectAccessible();

  type(dialog.getByRole("combobox", { name: "Numbers without a country code are from" }), "DE");
  await dialog.findByText("3 contacts can be added");
  dialog.getByText("+49 309 018 20");
  fireEvent.click(dialog.getByRole("checkbox", { name: /^Vet/ }));
  fireEvent.click(dialog.getByRole("button", { name: "Add 2 contacts" }));
  await screen.findByText("2 contacts added.");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect((await contacts()).map(({ name, phone }) => [name, phone])).toEqual([
    ["School", "+14155550134"],
    ["Praxis am Ring", "+4930901820"],
    ["Dentist", "+14155550120"],
  ]);
});
