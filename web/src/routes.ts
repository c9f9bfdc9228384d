/** Every page and its address. Each is loaded when it is first needed. */
import { type ComponentType, lazy } from "react";

export const paths = {
  requests: "/",
  request: (id: string) => `/requests/${encodeURIComponent(id)}`,
  questions: "/questions",
  knows: "/knows",
  settings: "/settings",
  workers: "/workers",
  line: "/line",
  signIn: "/sign-in",
} as const;

type Load = () => Promise<{ default: ComponentType }>;

/**
 * A browser that could not fetch a part of the page takes it for missing until the page is loaded anew. So nothing is
 * asked for while there is no network; whoever goes to a page then waits for it.
 */
function page(path: string, load: Load) {
  const patiently = async () => {
    if (!navigator.onLine)
      await new Promise((resolve) => addEventListener("online", resolve, { once: true }));
    return load();
  };
  return { path, load: patiently, page: lazy(patiently) };
}

const request = page("/requests/:id", () => import("./request/RequestPage"));

/** For those who are signed in. A page reads its parameters with `useParams` of wouter. */
export const pages = [
  page(paths.requests, () => import("./requests/RequestsPage")),
  request,
  page(paths.questions, () => import("./questions/QuestionsPage")),
  page(paths.knows, () => import("./knowledge/KnowledgePage")),
  page(paths.settings, () => import("./settings/SettingsPage")),
  page(paths.workers, () => import("./workers/WorkersPage")),
  page(paths.line, () => import("./line/LinePage")),
];

export const SignInPage = lazy(() => import("./auth/SignInPage"));

/** Begin to fetch the page at an address, without waiting until it is known who is signed in. */
export function fetchPage(address: string): void {
  const found =
    pages.find(({ path }) => path === address) ?? (address.startsWith("/requests/") ? request : null);
  // What can't be fetched now is reported when it is shown.
  found?.load().catch(() => undefined);
}

/** All other pages, one by one, while nothing else is going on: from then on every one is there at once. */
export async function fetchOthers(): Promise<void> {
  const { connection } = navigator as { connection?: { saveData?: boolean } };
  if (connection?.saveData) return;
  for (const { load } of pages) await load().catch(() => undefined);
}
