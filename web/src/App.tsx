import { ConvexProviderWithAuth, type ConvexReactClient, useConvexAuth } from "convex/react";
import { Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { useFloydAuth } from "./auth/session";
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
        <ConvexProviderWithAuth client={client} useAuth={useFloydAuth}>
          <Tooltips>
            <Pages />
            <Toasts />
          </Tooltips>
        </ConvexProviderWithAuth>
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
  return <SignedIn />;
}

/** Everything but the sign-in page is for people who are signed in. */
function SignedIn() {
  const { isLoading, isAuthenticated } = useConvexAuth();
  if (!isLoading && !isAuthenticated) return <Redirect to={paths.signIn} replace />;
  return (
    <Frame>
      {isLoading ? (
        <PageLoading />
      ) : (
        <KnownPerson>
          <Chosen />
        </KnownPerson>
      )}
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
