import { useEffect } from "react";
import { navigate } from "wouter/use-browser-location";
import { paths } from "../routes";

/** The text field of a new request, on the page of requests. */
export const NEW_REQUEST_ID = "new-request";

type Wish = { newRequest: true };

/** From anywhere: to the field of a new request, ready to type. */
export function goToNewRequest(): void {
  if (location.pathname === paths.requests) focusNewRequest();
  else navigate(paths.requests, { state: { newRequest: true } satisfies Wish });
}

/** For the page that has the field: takes the focus when the way here led through `goToNewRequest`. */
export function useNewRequestFocus(): void {
  useEffect(() => {
    const wish: unknown = history.state;
    if (typeof wish !== "object" || wish === null || !("newRequest" in wish)) return;
    history.replaceState(null, "");
    focusNewRequest();
  }, []);
}

function focusNewRequest(): void {
  const field = document.getElementById(NEW_REQUEST_ID);
  field?.focus();
  field?.scrollIntoView({ block: "center" });
}
