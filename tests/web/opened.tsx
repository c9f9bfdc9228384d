/** One page of the client before a real deployment, without the frame around it. */
import { cleanup, configure, render } from "@testing-library/react";
import axe from "axe-core";
import { ConvexProvider, type ConvexReactClient } from "convex/react";
import type { ComponentType } from "react";
import { expect } from "vitest";
import { Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { type Account, AccountContext } from "../../web/src/auth/account.ts";
import { ErrorBoundary } from "../../web/src/layout/ErrorBoundary.tsx";
import { Toasts } from "../../web/src/ui/Toasts.tsx";
import { Tooltips } from "../../web/src/ui/Tooltip.tsx";
import { toast } from "../../web/src/ui/toast.ts";

/** For a page on a busy machine to have caught up with the deployment. */
configure({ asyncUtilTimeout: 8_000 });

/** jsdom lays nothing out, so nothing changes its size. */
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

const ACCOUNT: Account = {
  status: "signedIn",
  away: false,
  generation: 1,
  accessToken: () => Promise.reject(new Error("There is no worker here")),
  operator: false,
  signOut: () => Promise.resolve(),
  tryNow: () => undefined,
};

export function opened(
  Page: ComponentType,
  client: ConvexReactClient,
  { path = "/", ...account }: Partial<Account> & { path?: string } = {},
): ReturnType<typeof memoryLocation> {
  const [pathname = "/", search = ""] = path.split("?");
  const location = memoryLocation({ path: pathname, searchPath: search, record: true });
  render(
    <ErrorBoundary>
      <AccountContext value={{ ...ACCOUNT, ...account }}>
        <ConvexProvider client={client}>
          <Router hook={location.hook} searchHook={location.searchHook}>
            <main>
              <Tooltips>
                <Page />
              </Tooltips>
            </main>
          </Router>
          <Toasts />
        </ConvexProvider>
      </AccountContext>
    </ErrorBoundary>,
  );
  return location;
}

/** Nothing of one test is left for the next; messages stay on a page for a while. */
export async function closed(client: ConvexReactClient): Promise<void> {
  cleanup();
  toast.clear();
  await client.close();
}

/** What would keep somebody from using the page, as far as it can be told without a layout. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`)).toEqual([]);
}
