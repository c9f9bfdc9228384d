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

type Page = () => Promise<{ default: ComponentType }>;

const requestPage: Page = () => import("./request/RequestPage");

/** For those who are signed in. A page reads its parameters with `useParams` of wouter. */
export const pages = [
  { path: paths.requests, page: lazy(() => import("./requests/RequestsPage")) },
  { path: "/requests/:id", page: lazy(requestPage) },
  { path: paths.questions, page: lazy(() => import("./questions/QuestionsPage")) },
  { path: paths.knows, page: lazy(() => import("./knowledge/KnowledgePage")) },
  { path: paths.settings, page: lazy(() => import("./settings/SettingsPage")) },
  { path: paths.workers, page: lazy(() => import("./workers/WorkersPage")) },
  { path: paths.line, page: lazy(() => import("./line/LinePage")) },
];

export const SignInPage = lazy(() => import("./auth/SignInPage"));

/** The page most likely to be opened next, fetched while nothing else is going on. */
export function fetchNext(): void {
  void requestPage().catch(() => undefined);
}
