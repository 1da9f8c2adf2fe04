import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "trestle.theme";
const listeners = new Set<() => void>();

function current(): Theme {
  return themeOf(localStorage.getItem(KEY));
}

/** The theme of a name; the system's for any other. */
export function themeOf(name: string | null): Theme {
  return themes.find((each) => each === name) ?? "system";
}

/** Puts the theme that was chosen onto the document; without a choice the system's counts. */
export function applyTheme(theme: Theme = current()): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
