import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const watchers = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");
let theme = (localStorage.getItem("windrow.theme") as Theme | null) ?? "system";

/** Before anything is drawn. */
export function applyTheme(next: Theme = theme): void {
  theme = next;
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem("windrow.theme", next);
  for (const watcher of watchers) watcher();
}

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  system.addEventListener("change", watcher);
  return () => {
    watchers.delete(watcher);
    system.removeEventListener("change", watcher);
  };
};

export const useTheme = (): Theme => useSyncExternalStore(watch, () => theme);
/** For what draws its colours itself. */
export const useDark = (): boolean => useSyncExternalStore(watch, () => theme === "dark" || (theme === "system" && system.matches));

/** Colours of the theme as a canvas takes them: custom properties are resolved by an element that has them. */
export function themeColours<K extends string>(names: readonly K[]): Record<K, string> {
  const probe = document.createElement("span");
  document.body.append(probe);
  const found = {} as Record<K, string>;
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}
