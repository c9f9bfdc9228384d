import type { ConvexReactClient } from "convex/react";
import { Suspense, useEffect } from "react";
import { Route, Switch, useLocation } from "wouter";
import { AuthProvider, SignedIn } from "./auth";
import { type Config, ConfigContext } from "./config";
import { ErrorBoundary } from "./layout/ErrorBoundary";
import { Frame, PageLoading } from "./layout/Frame";
import { KnownPerson } from "./layout/KnownPerson";
import { NotFoundPage } from "./layout/NotFoundPage";
import { fetchNext, pages, paths, SignInPage } from "./routes";
import { Toasts } from "./ui/Toasts";
import { Tooltips } from "./ui/Tooltip";

export function App({ config, client }: { config: Config; client: ConvexReactClient }) {
  return (
    <ErrorBoundary>
      <ConfigContext value={config}>
        <AuthProvider workerUrl={config.workerUrl} client={client}>
          <Tooltips>
            <Pages />
            <Toasts />
          </Tooltips>
        </AuthProvider>
      </ConfigContext>
    </ErrorBoundary>
  );
}

function Pages() {
  const [location] = useLocation();
  if (location === paths.signIn)
    return (
      <Suspense fallback={<PageLoading />}>
        <SignInPage />
      </Suspense>
    );
  return (
    <Frame>
      <SignedIn waiting={<PageLoading />}>
        <KnownPerson>
          <Chosen />
        </KnownPerson>
      </SignedIn>
    </Frame>
  );
}

function Chosen() {
  useEffect(() => {
    const wait = setTimeout(fetchNext, FETCH_NEXT_MS);
    return () => clearTimeout(wait);
  }, []);
  return (
    <Switch>
      {pages.map(({ path, page }) => (
        <Route key={path} path={path} component={page} />
      ))}
      <Route component={NotFoundPage} />
    </Switch>
  );
}

/** The first page is there by then. */
const FETCH_NEXT_MS = 2_000;
