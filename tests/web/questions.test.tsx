// @vitest-environment jsdom
/** Questions against a real deployment: they appear, are answered, and are answered elsewhere. */
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { ConvexHttpClient } from "convex/browser";
import type { ConvexReactClient } from "convex/react";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { api } from "../../web/src/api.ts";
import { closedUnsent, inOrder, isYesOrNo, type Question } from "../../web/src/questions/asked.ts";
import QuestionsPage from "../../web/src/questions/QuestionsPage.tsx";
import { FloydDeployment, type OnCall } from "./floydDeployment.ts";
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

async function onTheLine(text: string): Promise<OnCall> {
  const requestId = await alex.mutation(api.requests.create, { text });
  return floyd.pickedUp(await floyd.claim(requestId), "+14155550134");
}

async function asks({ requestId, token, callId }: OnCall, question: string) {
  const deadline = Date.now() + 45_000;
  await floyd.worker.mutation(api.requests.ask, { requestId, token, callId, question, deadline });
}

async function over({ requestId }: OnCall) {
  await alex.mutation(api.requests.cancel, { requestId });
}

const card = async (question: string) => within(await screen.findByRole("article", { name: question }));

it("says that there is nothing, then what is asked, and sends the answer", async () => {
  opened(QuestionsPage, client);
  await screen.findByText("Floyd has no questions");
  const call = await onTheLine("Call the school: Mara is sick");
  await asks(call, "Which class is Mara in?");
  const question = await card("Which class is Mara in?");
  question.getByText("On the line now");
  question.getByRole("link", { name: "Call the school: Mara is sick" });
  expect(question.getByRole("timer").textContent).toMatch(/^0:\d\d left$/);
  expect(question.getByRole("button", { name: "Answer" }).hasAttribute("disabled")).toBe(true);
  expect(question.queryByRole("button", { name: "Yes" })).toBeNull();
  await expectAccessible();

  const field = question.getByRole("textbox", { name: "Your answer" });
  fireEvent.change(field, { target: { value: "4B" } });
  fireEvent.keyDown(field, { key: "Enter" });
  await screen.findByText("Floyd has no questions");
  await screen.findByText("Floyd passes it on.");
  // What was sent is not offered back as if it had been lost.
  expect(screen.queryByText(/is not open any more/)).toBeNull();
  const { questions } = await alex.query(api.requests.show, { requestId: call.requestId });
  expect(questions).toMatchObject([{ status: "answered", answer: "4B" }]);
  await over(call);
});

it("offers yes and no where they may be the whole answer", async () => {
  const call = await onTheLine("Order flowers");
  await asks(call, "It would cost 70 dollars. Shall I agree?");
  opened(QuestionsPage, client);
  const question = await card("It would cost 70 dollars. Shall I agree?");
  fireEvent.click(question.getByRole("button", { name: "No" }));
  await screen.findByText("Floyd has no questions");
  const { questions } = await alex.query(api.requests.show, { requestId: call.requestId });
  expect(questions).toMatchObject([{ answer: "No" }]);
  await over(call);
});

it("keeps what was being typed when the question is answered on another device", async () => {
  const call = await onTheLine("Order flowers");
  await asks(call, "What is your budget?");
  opened(QuestionsPage, client);
  const question = await card("What is your budget?");
  fireEvent.change(question.getByRole("textbox"), { target: { value: "About fifty" } });
  await alex.mutation(api.questions.answer, { id: call.requestId, text: "Sixty dollars" });
  await screen.findByText(/“What is your budget\?” is not open any more/);
  screen.getByText("You had typed: About fifty");
  fireEvent.click(screen.getByRole("button", { name: "Dismiss" }));
  await waitFor(() => expect(screen.queryByText(/You had typed/)).toBeNull());
  await over(call);
});

describe("what is asked", () => {
  const question = (_id: string, deadline: number, callId?: string) =>
    ({ _id, deadline, callId, text: "?" }) as unknown as Question;

  it("stands in the order in which it should be answered", () => {
    const later = question("later", 9);
    const held = question("held", 8, "call");
    const heldLonger = question("heldLonger", 10, "call");
    const soon = question("soon", 1);
    expect(inOrder([later, heldLonger, soon, held])).toEqual([held, heldLonger, soon, later]);
  });

  it("is missed only if something was typed and not sent", () => {
    const before = ["sent", "typed", "blank", "open"].map((id) => question(id, 1));
    const drafts = new Map([
      ["sent", "yes"],
      ["typed", "perhaps"],
      ["blank", " "],
      ["open", "no"],
    ]);
    const unsent = closedUnsent(before, [question("open", 1)], drafts, new Set(["sent"]));
    expect(unsent.map(({ _id }) => _id)).toEqual(["typed"]);
  });

  it.each([
    ["May I tell them that you have a fever?", true],
    ['They ask about something that needs your permission. May I say: "4B"?', true],
    ["It would cost $70. Shall I agree? If so, up to which amount?", false],
    ["Is Monday or Tuesday better?", false],
    ["What is your budget?", false],
    ["Can you tell me", false],
  ])("%s yes or no: %s", (text, expected) => {
    expect(isYesOrNo(text)).toBe(expected);
  });
});
