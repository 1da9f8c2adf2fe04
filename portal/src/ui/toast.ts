export interface Message {
  text: string;
  tone: "success" | "danger" | "info";
}

const SHOWN_MS = 6_000;

/** Says briefly what came of something; what one must read stands on the page. */
export function toast(text: string, tone: Message["tone"] = "success"): void {
  void import("./toastQueue").then(({ queue }) => queue.add({ text, tone }, { timeout: SHOWN_MS }));
  for (const listener of listeners) listener();
}

const listeners = new Set<() => void>();

/** Tells that there is a first message, for which the region is loaded. */
export function onToast(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
