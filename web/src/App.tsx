import type { ConvexReactClient } from "convex/react";
import { Suspense, useEffect } from "react";
import { Route, Switch } from "wouter";
import { AuthProvider, SignedIn } from "./auth";
import { type Config, ConfigContext } from "./config";
import { ErrorBoundary } from "./layout/ErrorBoundary";
import { Frame, PageLoading } from "./layout/Frame";
import { KnownPerson } from "./layout/KnownPerson";
import { NotFoundPage } from "./layout/NotFoundPage";
import { fetchOthers, pages, paths, SignInPage } from "./routes";
import { Toasts } from "./ui/Toasts";
import { Tooltips } from "./ui/Tooltip";

/** The first page is there by then. */
const FETCH_OTHERS_MS = 2_000;

export function App({ config, client }: { config: Config; client: ConvexReactClient }) {
  return (
    <ErrorBoundary>
      <ConfigContext value={config}>
        <AuthProvider workerUrl={config.workerUrl} client={client}>
          <Switch>
            <Route path={paths.signIn}>
              <Suspense fallback={<PageLoading />}>
                <SignInPage />
              </Suspense>
            </Route>
            <Route>
              <Tooltips>
                <PersonalPages />
              </Tooltips>
            </Route>
          </Switch>
          <Toasts />
        </AuthProvider>
      </ConfigContext>
    </ErrorBoundary>
  );
}

/** Everything but the sign-in page is for people who are signed in. */
function PersonalPages() {
  useEffect(() => {
    const wait = setTimeout(() => void fetchOthers(), FETCH_OTHERS_MS);
    return () => clearTimeout(wait);
  }, []);
  return (
    <SignedIn
      waiting={
        <Frame>
          <PageLoading />
        </Frame>
      }
    >
      <Frame>
        <KnownPerson>
          <Switch>
            {pages.map(({ path, page }) => (
              <Route key={path} path={path} component={page} />
            ))}
            <Route component={NotFoundPage} />
          </Switch>
        </KnownPerson>
      </Frame>
    </SignedIn>
  );
}
