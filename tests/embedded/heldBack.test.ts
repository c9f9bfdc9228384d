/** What one socket is told: only the newest when it reads slowly, and each of its query ids as long as it wants it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment } from "./harness.ts";
import { RawSocket } from "./rawSocket.ts";

/** More than the buffers between two sockets take in. */
const CHANGES = 60;
const LARGE = "x".repeat(500_000);

type Version = { querySet: number; identity: number; ts: string };
type Row = { seq: number; body: string };
type Change = { queryId: number; value?: Row[] };

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

function shows(queryId: number, seq: number) {
  return (message: Record<string, unknown>) =>
    (message.modifications as Change[]).some(
      (change) => change.queryId === queryId && change.value?.[0]?.seq === seq,
    );
}

it("tells a client that reads again the newest result, not every one it missed", async () => {
  const [socket, other] = [await RawSocket.connect(deployment.url), await RawSocket.connect(deployment.url)];
  for (const one of [socket, other]) {
    one.subscribe(0, "messages:latest", { channel: "slow", count: 1 });
    await one.until("Transition");
  }
  socket.ws.pause();
  const http = deployment.http();
  for (let seq = 1; seq <= CHANGES; seq++) {
    await http.mutation(api.messages.send, { channel: "slow", seq, body: LARGE });
  }
  // The deployment has told everyone who reads; nothing but the reading itself brings the rest.
  await other.until("Transition", shows(0, CHANGES));
  socket.ws.resume();
  await socket.until("Transition", shows(0, CHANGES));
  const transitions = socket.messages.filter(({ type }) => type === "Transition");
  expect(transitions.length).toBeLessThan(CHANGES);
  for (const [i, { startVersion }] of transitions.entries()) {
    const before = (transitions[i - 1]?.endVersion ?? {
      querySet: 0,
      identity: 0,
      ts: "AAAAAAAAAAA=",
    }) as Version;
    expect(startVersion).toEqual(before);
  }
  for (const one of [socket, other]) one.close();
});

it("keeps a query live for one id when another id of the same query is removed", async () => {
  const socket = await RawSocket.connect(deployment.url);
  const add = (queryId: number) => {
    const args = [{ channel: "twice", count: 1 }];
    return { type: "Add", queryId, udfPath: "messages:latest", args };
  };
  const modify = (baseVersion: number, modifications: object[]) =>
    socket.send({ type: "ModifyQuerySet", baseVersion, newVersion: baseVersion + 1, modifications });
  modify(0, [add(0), add(1)]);
  const http = deployment.http();
  await http.mutation(api.messages.send, { channel: "twice", seq: 1, body: "" });
  await socket.until("Transition", shows(0, 1));
  await socket.until("Transition", shows(1, 1));
  modify(1, [{ type: "Remove", queryId: 0 }]);
  await socket.until("Transition", ({ endVersion }) => (endVersion as Version).querySet === 2);
  await http.mutation(api.messages.send, { channel: "twice", seq: 2, body: "" });
  await socket.until("Transition", shows(1, 2));
  expect(socket.messages.some((message) => message.type === "Transition" && shows(0, 2)(message))).toBe(
    false,
  );
  socket.close();
});
