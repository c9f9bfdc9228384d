import {
  BookUser,
  Inbox,
  type LucideIcon,
  MessageCircleQuestion,
  Phone,
  Server,
  Settings,
} from "lucide-react";
import type { Config } from "../config";
import { paths } from "../routes";

export type Destination = { path: string; label: string; icon: LucideIcon };

export const requests: Destination = { path: paths.requests, label: "Requests", icon: Inbox };
export const questions: Destination = {
  path: paths.questions,
  label: "Questions",
  icon: MessageCircleQuestion,
};
export const knows: Destination = { path: paths.knows, label: "What Floyd knows", icon: BookUser };
const line: Destination = { path: paths.line, label: "The line", icon: Phone };
const settings: Destination = { path: paths.settings, label: "Settings", icon: Settings };
const workers: Destination = { path: paths.workers, label: "Workers", icon: Server };

/** Less often needed; on a phone they are behind "More". */
export function moreDestinations(config: Config, operator: boolean): Destination[] {
  return [...(config.line === "browser" ? [line] : []), settings, ...(operator ? [workers] : [])];
}

/** A request's own page belongs to the requests. */
export function isAt(destination: Destination, location: string): boolean {
  return destination.path === paths.requests
    ? location === "/" || location.startsWith("/requests/")
    : location === destination.path;
}
