import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { useConfig } from "../config";
import { SkeletonList } from "../ui/Skeleton";
import { useShortcut } from "../ui/useShortcut";
import { BottomBar } from "./BottomBar";
import { ErrorBoundary } from "./ErrorBoundary";
import { goToNewRequest } from "./newRequest";
import { OfflineBanner } from "./OfflineBanner";
import { Rehearsed } from "./Rehearsed";
import { SideBar } from "./SideBar";
import { UrgentQuestion } from "./UrgentQuestion";
import { placeLeft } from "./wayBack";

/** Only where the browser is the telephone. */
const IncomingCall = lazy(() => import("../line/IncomingCall"));

/** What is around every page of a person who is signed in. */
export function Frame({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const { line } = useConfig();
  const main = useRef<HTMLElement>(null);
  const before = useRef(location);
  useEffect(() => {
    if (before.current === location) return;
    before.current = location;
    if (placeLeft() === undefined) window.scrollTo(0, 0);
    // Whoever does not see that the page is another one begins at its beginning.
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [location]);
  useShortcut("n", goToNewRequest);
  return (
    <div className="flex min-h-dvh overflow-x-clip">
      <a
        href="#content"
        className="sr-only z-50 rounded-control bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        To the content
      </a>
      {line === "browser" && (
        <Suspense>
          <IncomingCall />
        </Suspense>
      )}
      <SideBar />
      <div className="flex min-w-0 flex-1 flex-col pb-[calc(4.5rem+env(safe-area-inset-bottom))] md:pb-0">
        <OfflineBanner />
        <UrgentQuestion />
        <main id="content" ref={main} tabIndex={-1} className="min-w-0 flex-1 outline-none">
          <ErrorBoundary resetOn={location}>
            <Suspense fallback={<PageLoading />}>{children}</Suspense>
          </ErrorBoundary>
        </main>
        <footer className="md:hidden">
          <Rehearsed className="px-4 pb-3 text-center" />
        </footer>
      </div>
      <BottomBar />
    </div>
  );
}

export function PageLoading() {
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-8 sm:px-6">
      <SkeletonList />
    </div>
  );
}
