// @vitest-environment jsdom
/** The official React client in a browser-like page: queries, optimistic mutations, pages. */

import { rmSync } from "node:fs";
import {
  ConvexProvider,
  ConvexReactClient,
  useAction,
  useMutation,
  usePaginatedQuery,
  useQuery,
} from "convex/react";
import { makeFunctionReference } from "convex/server";
import { type ReactNode, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { api } from "./app/convex/_generated/api.js";
import type { Id } from "./app/convex/_generated/dataModel.js";
import { Deployment, eventually } from "./harness.ts";
import { Random } from "./random.ts";

let deployment: Deployment;
let root: Root | null = null;
let client: ConvexReactClient | null = null;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterEach(async () => {
  root?.unmount();
  await client?.close();
});
afterAll(async () => {
  await deployment.stop();
  rmSync(deployment.data, { recursive: true, force: true });
});

async function render(children: ReactNode): Promise<HTMLElement> {
  const opened = new ConvexReactClient(deployment.url, {
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
    unsavedChangesWarning: false,
  });
  client = opened;
  const page = document.createElement("main");
  root = createRoot(page);
  root.render(<ConvexProvider client={opened}>{children}</ConvexProvider>);
  return page;
}

async function shows(page: HTMLElement, text: string): Promise<void> {
  await eventually(async () => (page.textContent === text ? true : null), `"${text}" on the page`);
}

function Channel() {
  const messages = useQuery(api.messages.list, { channel: "react" });
  const send = useMutation(api.messages.send);
  if (messages === undefined) return <p>loading</p>;
  return (
    <button
      type="button"
      onClick={() => void send({ channel: "react", seq: messages.length, body: "clicked" })}
    >
      {messages.map((message) => message.body).join(",") || "empty"}
    </button>
  );
}

it("useQuery follows what the page and others write", async () => {
  const page = await render(<Channel />);
  await shows(page, "empty");
  page.querySelector("button")?.click();
  await shows(page, "clicked");
  await deployment.http().mutation(api.messages.send, { channel: "react", seq: 9, body: "elsewhere" });
  await shows(page, "clicked,elsewhere");
});

function Pages() {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.page,
    { channel: "react pages" },
    { initialNumItems: 2 },
  );
  return (
    <button type="button" onClick={() => loadMore(2)}>
      {status} {results.map((message) => message.seq).join(",")}
    </button>
  );
}

it("usePaginatedQuery loads pages and keeps them live", async () => {
  const messages = [0, 1, 2, 3, 4].map((seq) => ({ channel: "react pages", seq, body: "b" }));
  await deployment.http().mutation(api.messages.sendMany, { messages });
  const page = await render(<Pages />);
  await shows(page, "CanLoadMore 4,3");
  page.querySelector("button")?.click();
  await shows(page, "CanLoadMore 4,3,2,1");
  await deployment.http().mutation(api.messages.send, { channel: "react pages", seq: 5, body: "b" });
  await shows(page, "CanLoadMore 5,4,3,2,1");
  page.querySelector("button")?.click();
  await shows(page, "Exhausted 5,4,3,2,1,0");
});

function Everything() {
  const { results, status, loadMore } = usePaginatedQuery(
    api.messages.page,
    { channel: "gapless" },
    { initialNumItems: 3 },
  );
  return (
    <button type="button" data-status={status} onClick={() => loadMore(3)}>
      {results.map((message) => message.seq).join(",")}
    </button>
  );
}

it("usePaginatedQuery has no gaps and no doubles while rows are inserted and deleted", async () => {
  const random = new Random(5);
  const client = deployment.http();
  let truth: { seq: number; id: Id<"messages"> }[] = [];
  const add = async (seq: number) => {
    const id = await client.mutation(api.messages.send, { channel: "gapless", seq, body: "b" });
    truth = [...truth, { seq, id }].sort((a, b) => b.seq - a.seq);
  };
  for (let seq = 0; seq < 20; seq++) await add(seq * 100);
  const page = await render(<Everything />);
  const button = () => page.querySelector("button");
  // What is shown is always the newest rows there are, as far as pages have been loaded.
  const settled = () =>
    eventually(async () => {
      const shown = button()?.textContent;
      const status = button()?.getAttribute("data-status");
      if (!shown || status === "LoadingMore" || status === "LoadingFirstPage") return null;
      const expected = truth.map(({ seq }) => seq).slice(0, shown.split(",").length);
      const complete = status !== "Exhausted" || expected.length === truth.length;
      return shown === expected.join(",") && complete ? shown.split(",").length : null;
    }, "a page without gaps");
  await settled();
  for (let step = 0; step < 60; step++) {
    const kind = random.below(5);
    if (kind === 0) button()?.click();
    else if (kind <= 2 || truth.length < 8) await add(random.below(2_000) + random.below(1_000) / 1_000);
    else {
      const gone = random.pick(truth);
      await client.mutation(api.messages.remove, { id: gone.id });
      truth = truth.filter((row) => row !== gone);
    }
    if (random.below(3) === 0) await settled();
  }
  await settled();
});

const echo = makeFunctionReference<"action", Record<string, never>, { ip: string }[]>("meta:both");

function Optimistic() {
  const messages = useQuery(api.messages.list, { channel: "optimistic" });
  const send = useMutation(api.messages.send).withOptimisticUpdate((store, args) => {
    const known = store.getQuery(api.messages.list, { channel: "optimistic" }) ?? [];
    const guess = { ...args, body: "guessed", _id: "guess" as Id<"messages">, _creationTime: 0 };
    store.setQuery(api.messages.list, { channel: "optimistic" }, [...known, guess]);
  });
  const act = useAction(echo);
  const [answer, setAnswer] = useState("");
  return (
    <p>
      <button type="button" onClick={() => void send({ channel: "optimistic", seq: 1, body: "true" })}>
        {messages?.map((message) => message.body).join(",")}
      </button>
      <button type="button" onClick={() => void act({}).then((both) => setAnswer(`answered ${both.length}`))}>
        {answer}
      </button>
    </p>
  );
}

it("useMutation shows an optimistic update until the truth arrives; useAction answers", async () => {
  const page = await render(<Optimistic />);
  const seen: string[] = [];
  const watch = new MutationObserver(() => seen.push(page.querySelector("button")?.textContent ?? ""));
  watch.observe(page, { childList: true, subtree: true, characterData: true });
  await eventually(async () => page.querySelector("button"), "the page");
  page.querySelector("button")?.click();
  await shows(page, "true");
  watch.disconnect();
  expect(seen.filter((text, i) => text !== "" && text !== seen[i - 1])).toEqual(["guessed", "true"]);
  page.querySelectorAll("button")[1]?.click();
  await shows(page, "trueanswered 2");
});

it("the page goes on after the deployment was killed and has come back", async () => {
  const port = new URL(deployment.url).port;
  const page = await render(<Channel />);
  await shows(page, "clicked,elsewhere");
  const { data } = deployment;
  await deployment.kill();
  page.querySelector("button")?.click();
  deployment = await Deployment.start({ data, extra: ["--port", port] });
  await shows(page, "clicked,clicked,elsewhere");
});
