import type { IconName } from "../parts/icons";

/** The pages of a project, as the navigation lists them. `g` and the key lead there. */
export const PAGES = [
  { path: "/p/$project", title: "Today", icon: "today", key: "t" },
  { path: "/p/$project/runs", title: "Runs", icon: "runs", key: "r" },
  { path: "/p/$project/graph", title: "Graph", icon: "graph", key: "g" },
  { path: "/p/$project/catalog", title: "Catalog", icon: "catalog", key: "c" },
  { path: "/p/$project/plan", title: "Plan", icon: "plan", key: "p" },
  { path: "/p/$project/schedules", title: "Schedules", icon: "schedules", key: "s" },
  { path: "/p/$project/sql", title: "SQL", icon: "sql", key: "q" },
  { path: "/p/$project/health", title: "Health", icon: "health", key: "h" },
] as const satisfies readonly { path: string; title: string; icon: IconName; key: string }[];
