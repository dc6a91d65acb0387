import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect, useLocation, useSearch } from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api/client";
import { projectsQuery } from "./api/queries";
import { Failure } from "./parts/parts";
import { Login } from "./shell/Login";
import { Shell } from "./shell/Shell";
import { Today } from "./pages/Today";
import { Runs } from "./pages/Runs";
import { NoProject, NotFound } from "./shell/Nothing";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Outlet, notFoundComponent: NotFound });

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const oneOf = <T extends string>(value: unknown, values: readonly T[]): T | undefined => values.find((one) => one === value);

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  loader: async ({ context }) => {
    const projects = await context.queries.ensureQueryData(projectsQuery);
    const last = localStorage.getItem("windrow.project");
    const project = projects.find((one) => one.project === last) ?? projects[0];
    if (project) throw redirect({ to: "/p/$project", params: { project: project.project }, replace: true });
  },
  component: NoProject,
  errorComponent: ({ error }) => <Failure error={error} again={() => location.reload()} />,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search): { to?: string } => ({ to: text(search.to) }),
  component: () => <Login to={useSearch({ from: "/login" }).to} />,
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  // The token is behind the #, so that no log of a server or proxy has it.
  component: () => <Login token={useLocation().hash} />,
});

const project = createRoute({
  getParentRoute: () => root,
  path: "/p/$project",
  loader: async ({ context, params, location }) => {
    try {
      const projects = await context.queries.ensureQueryData(projectsQuery);
      if (projects.some((one) => one.project === params.project)) localStorage.setItem("windrow.project", params.project);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) throw redirect({ to: "/login", search: { to: location.href } });
      throw error;
    }
  },
  component: Shell,
  errorComponent: ({ error }) => <Failure error={error} again={() => location.reload()} />,
});

const today = createRoute({ getParentRoute: () => project, path: "/", component: Today });
const runs = createRoute({
  getParentRoute: () => project,
  path: "/runs",
  validateSearch: (search): { view?: "list" | "grid"; status?: string; schedule?: string } => ({
    view: oneOf(search.view, ["list", "grid"]), status: text(search.status), schedule: text(search.schedule),
  }),
  component: Runs,
});
const run = createRoute({
  getParentRoute: () => project,
  path: "/runs/$run",
  validateSearch: (search): { tab?: "tasks" | "timeline" | "graph" | "logs" | "checks"; asset?: string } => ({
    tab: oneOf(search.tab, ["tasks", "timeline", "graph", "logs", "checks"]), asset: text(search.asset),
  }),
  component: lazyRouteComponent(() => import("./pages/Run"), "Run"),
});
const graph = createRoute({
  getParentRoute: () => project,
  path: "/graph",
  validateSearch: (search): { focus?: string; column?: string; view?: "picture" | "list"; reach?: number } => ({
    focus: text(search.focus), column: text(search.column), view: oneOf(search.view, ["picture", "list"]), reach: typeof search.reach === "number" ? search.reach : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Graph"), "Graph"),
});
const catalog = createRoute({
  getParentRoute: () => project,
  path: "/catalog",
  validateSearch: (search): { q?: string; layer?: string; kind?: string } => ({ q: text(search.q), layer: text(search.layer), kind: text(search.kind) }),
  component: lazyRouteComponent(() => import("./pages/Catalog"), "Catalog"),
});
const asset = createRoute({
  getParentRoute: () => project,
  path: "/assets/$asset",
  validateSearch: (search): { tab?: "columns" | "sql" | "sample" | "versions" | "runs" | "checks" | "files"; version?: number } => ({
    tab: oneOf(search.tab, ["columns", "sql", "sample", "versions", "runs", "checks", "files"]),
    version: typeof search.version === "number" ? search.version : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Asset"), "Asset"),
});
const plan = createRoute({
  getParentRoute: () => project,
  path: "/plan",
  validateSearch: (search): { select?: string; full_refresh?: boolean } => ({
    select: text(search.select), full_refresh: search.full_refresh === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Plan"), "Plan"),
});
const schedules = createRoute({
  getParentRoute: () => project,
  path: "/schedules",
  component: lazyRouteComponent(() => import("./pages/Schedules"), "Schedules"),
});
const sql = createRoute({
  getParentRoute: () => project,
  path: "/sql",
  validateSearch: (search): { q?: string } => ({ q: text(search.q) }),
  component: lazyRouteComponent(() => import("./pages/Console"), "Console"),
});
const health = createRoute({
  getParentRoute: () => project,
  path: "/health",
  component: lazyRouteComponent(() => import("./pages/Health"), "Health"),
});

const people = createRoute({
  getParentRoute: () => project,
  path: "/people",
  component: lazyRouteComponent(() => import("./pages/People"), "People"),
});

export const makeRouter = (queries: QueryClient) =>
  createRouter({
    routeTree: root.addChildren([
      home, login, setup, project.addChildren([today, runs, run, graph, catalog, asset, plan, schedules, sql, health, people]),
    ]),
    context: { queries },
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultErrorComponent: ({ error }) => <Failure error={error} />,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
