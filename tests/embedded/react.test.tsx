// @vitest-environment jsdom
/** The official React client in a browser-like page: queries, optimistic mutations, pages. */
import { ConvexProvider, ConvexReactClient, useMutation, usePaginatedQuery, useQuery } from "convex/react";
import type { ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterAll, afterEach, beforeAll, it } from "vitest";
import WebSocket from "ws";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, eventually } from "./harness.ts";

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
afterAll(() => deployment.stop());

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
