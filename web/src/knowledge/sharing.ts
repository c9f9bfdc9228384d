/** Whether Floyd may tell a fact: the three ways, in the words of the page. */
import { BellRing, LockKeyhole, type LucideIcon, Megaphone } from "lucide-react";
import type { Doc } from "../api";

export type Sharing = Doc<"facts">["sharing"];

export const SHARINGS: readonly { value: Sharing; label: string; icon: LucideIcon; meaning: string }[] = [
  { value: "free", label: "Free", icon: Megaphone, meaning: "Floyd tells it when that helps the call." },
  {
    value: "ask",
    label: "Ask me",
    icon: BellRing,
    meaning: "Floyd asks you each time before it tells anybody.",
  },
  {
    value: "never",
    label: "Never",
    icon: LockKeyhole,
    meaning: "Floyd keeps it for you. No call and no AI model gets to see it.",
  },
];

export function meaningOf(sharing: Sharing): string {
  return SHARINGS.find(({ value }) => value === sharing)?.meaning ?? "";
}
