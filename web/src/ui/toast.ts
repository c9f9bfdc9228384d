/** Short messages about something that was just done, or could not be. Shown by `Toasts`. */
import { toast as sonner } from "sonner";

/** Long enough to be read slowly; an error or one with a button stays longer. */
const PLAIN_MS = 5_000;
const LONG_MS = 10_000;
/** More would cover the page. */
export const MAX_SHOWN = 3;

type Action = { label: string; run: () => void };

function show(tone: "plain" | "error", text: string, action?: Action): void {
  const shown = sonner.getToasts();
  // The same message again replaces the one that is there, as a new one, so that it is read out again.
  const same = shown.filter((one) => "title" in one && one.title === text);
  const others = shown.filter((one) => !same.includes(one));
  for (const { id } of [...same, ...others.slice(0, -(MAX_SHOWN - 1))]) sonner.dismiss(id);
  const say = tone === "error" ? sonner.error : sonner;
  say(text, {
    // On a phone a dialog has its buttons where messages are otherwise.
    ...(isDialogOpen() ? { position: "top-center" } : {}),
    duration: tone === "error" || action !== undefined ? LONG_MS : PLAIN_MS,
    ...(action === undefined ? {} : { action: { label: action.label, onClick: action.run } }),
  });
}

function isDialogOpen(): boolean {
  return document.querySelector('[role="dialog"], [role="alertdialog"]') !== null;
}

export const toast = {
  say: (text: string, action?: Action): void => show("plain", text, action),
  error: (text: string, action?: Action): void => show("error", text, action),
  /** All of them go: what they tell, and offer to undo, was another person's doing. */
  clear: (): void => void sonner.dismiss(),
};
