/** What the page is live about: the request with all that belongs to it, and the words being spoken. */
import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { useEffect, useRef } from "react";
import { api, type Id } from "../api";
import { share } from "./sharing";
import { LINES_SHOWN } from "./transcript";

export type Show = FunctionReturnType<typeof api.requests.show>;
export type Request = Show["request"];
export type Call = Show["calls"][number];
export type Line = Show["transcript"][number];
export type Live = Show["live"][number];
export type Turn = Show["turns"][number];
export type Question = Show["questions"][number];
export type Disclosure = Show["disclosures"][number];
export type Hint = Show["hints"][number];

/** Undefined while it loads. Rows that have not changed stay the same objects. */
export function useShow(requestId: Id<"requests">): Show | undefined {
  // Words come several times a second: asked for apart, they do not bring the rest along each time.
  const request = useQuery(api.requests.show, { requestId, lines: LINES_SHOWN, live: false });
  const live = useQuery(api.live.list, { requestId });
  const fresh = request && live && { ...request, live };
  const last = useRef<Show>(undefined);
  const shown = fresh === undefined ? undefined : share(last.current, fresh);
  useEffect(() => {
    last.current = shown;
  });
  return shown;
}
