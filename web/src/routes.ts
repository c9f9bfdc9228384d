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

const page = (path: string, load: Load) => ({ path, load, page: lazy(load) });

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
  // What can't be fetched now is fetched, or reported, when it is shown.
  found?.load().catch(() => undefined);
}

/** The page most likely to be opened next, fetched while nothing else is going on. */
export function fetchNext(): void {
  fetchPage(paths.request(""));
}
