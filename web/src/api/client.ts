import type {
  Asset, AssetDetail, AssetTask, Backfill, Check, Commit, Critical, Due, Fire, HealthReport, Lineage, LogLine, Plan, Problem,
  Project, ProjectGraph, Quality, Role, Rows, Run, RunDetail, Schedule, Sensor, ServerInfo, TableStats, Token, User,
} from "./types";

/** A request that the server refused, or that did not reach it (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problems: Problem[],
  ) {
    super(problems[0]?.message ?? `the server answered ${status}`);
  }
  get hint(): string | undefined {
    return this.problems[0]?.hint;
  }
}

export const base = "/api/v1";

type Params = Record<string, string | number | boolean | undefined>;

function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "" && value !== false) query.set(key, String(value));
  }
  const text = query.toString();
  return `${base}${path ? `/${path}` : "/"}${text ? `?${text}` : ""}`;
}

function problemsOf(body: unknown, status: number): Problem[] {
  const found = body as (Problem & { problems?: Problem[]; title?: string }) | undefined;
  if (found?.problems && found.problems.length > 0) return found.problems;
  if (found?.message || found?.title) return [{ ...found, message: found.message ?? found.title ?? "" }];
  return [{ code: String(status), message: `the server answered ${status}` }];
}

async function answerOf(method: string, url: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") {
    // Neither can be sent by a form of another site.
    headers["X-Windrow"] = "1";
    headers["Content-Type"] = "application/json";
    headers["Idempotency-Key"] = crypto.randomUUID();
  }
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
    });
  } catch {
    throw new ApiError(0, [
      { code: "unavailable", message: "the server does not answer", hint: "it is asked again; look at windrow serve" },
    ]);
  }
  if (answer.ok) return answer;
  let problem: unknown;
  try {
    problem = await answer.json();
  } catch {
    problem = undefined; // a proxy in between answered
  }
  if (answer.status === 401) onLoggedOut();
  throw new ApiError(answer.status, problemsOf(problem, answer.status));
}

async function ask<T>(method: string, url: string, body?: unknown): Promise<T> {
  const answer = await answerOf(method, url, body);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

const get = <T>(path: string, params?: Params) => ask<T>("GET", address(path, params));
const post = <T>(path: string, body?: unknown) => ask<T>("POST", address(path), body);

/** All pages of a list, each with the address that the one before it gave. */
async function every<T>(path: string, params?: Params): Promise<T[]> {
  const all: T[] = [];
  let next: string | undefined = address(path, params);
  while (next) {
    const answer: Response = await answerOf("GET", next);
    all.push(...((await answer.json()) as T[]));
    next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
  }
  return all;
}

/** Lines of a log with their places (`number`). */
export function numbered(lines: readonly Record<string, unknown>[], after: number): LogLine[] {
  let n = after;
  return lines.map((one) => {
    n = typeof one.number === "number" ? one.number : n + 1;
    return { ...one, n } as unknown as LogLine;
  });
}

let onLoggedOut: () => void = () => undefined;
/** Whom to tell that a request needs a log-in. */
export const whenLoggedOut = (tell: () => void) => (onLoggedOut = tell);

const of = (project: string, rest: string) => `projects/${encodeURIComponent(project)}/${rest}`;
const part = encodeURIComponent;

export interface PlanOptions {
  select?: string;
  start?: string;
  end?: string;
  full_refresh?: boolean;
  rebuild_sealed?: boolean;
}

export interface BackfillRequest {
  start: string;
  end: string;
  select?: string;
  only?: string;
  order?: string;
  max_active?: number;
  dry_run?: boolean;
}

export interface QueryRequest {
  sql: string;
  limit: number;
  id?: string;
}

/** Every address that the page knows. */
export const api = {
  server: () => get<ServerInfo>(""),
  login: (user: string, password: string) => post<{ user: string; role: Role }>("session", { user, password }),
  setup: (token: string, user: string, password: string) => post<{ user: string; role: Role }>("setup", { token, user, password }),
  logout: () => ask<void>("DELETE", address("session")),
  projects: () => get<Project[]>("projects"),
  assets: (p: string) => every<Asset>(of(p, "assets")),
  asset: (p: string, a: string) => get<AssetDetail>(of(p, `assets/${part(a)}`)),
  lineage: (p: string, subject: string) => get<Lineage>(of(p, "lineage"), { subject }),
  graph: (p: string) => get<ProjectGraph>(of(p, "graph")),
  runs: (p: string, options: { limit: number; status?: string; schedule?: string; after?: string }) => get<Run[]>(of(p, "runs"), options),
  run: (p: string, r: string) => get<RunDetail>(of(p, `runs/${part(r)}`)),
  critical: (p: string, r: string) => get<Run & { critical: Critical }>(of(p, `runs/${part(r)}/critical`)),
  logs: async (p: string, r: string, after: number) =>
    numbered(await every<Record<string, unknown>>(of(p, `runs/${part(r)}/logs`), { after: after || undefined }), after),
  tasks: (p: string, limit: number, assets?: string) => get<AssetTask[]>(of(p, "tasks"), { assets, limit }),
  start: (p: string, body: { select?: string; full_refresh?: boolean }) => post<{ run: string }>(of(p, "runs"), body),
  cancel: (p: string, r: string) => post<{ run: string }>(of(p, `runs/${part(r)}/cancel`)),
  retry: (p: string, r: string) => post<{ run: string }>(of(p, `runs/${part(r)}/retry`)),
  plan: (p: string, options: PlanOptions) => get<Plan>(of(p, "plan"), { ...options, files: true }),
  schedules: (p: string) => get<{ schedules: Schedule[]; problems: Problem[] }>(of(p, "schedules")),
  due: (p: string, count: number) => get<{ from: string; due: Due[] }>(of(p, "due"), { count }),
  fires: (p: string, limit: number) => get<Fire[]>(of(p, "fires"), { limit }),
  trigger: (p: string, s: string) => post<{ run: string }>(of(p, `schedules/${part(s)}/trigger`)),
  pause: (p: string, s: string) => post<unknown>(of(p, `schedules/${part(s)}/pause`)),
  resume: (p: string, s: string) => post<unknown>(of(p, `schedules/${part(s)}/resume`)),
  sensors: (p: string) => get<{ sensors: Sensor[]; problems: Problem[] }>(of(p, "sensors")),
  backfills: (p: string) => get<Backfill[]>(of(p, "backfills")),
  backfill: (p: string, body: BackfillRequest) => post<Backfill & Partial<Plan>>(of(p, "backfills"), body),
  backfillDo: (p: string, b: string, what: "pause" | "resume" | "cancel") => post<unknown>(of(p, `backfills/${part(b)}/${what}`)),
  history: (p: string, t: string) => get<Commit[]>(of(p, `tables/${part(t)}/history`), { limit: 100 }),
  stats: (p: string, t: string) => get<TableStats>(of(p, `tables/${part(t)}/stats`)),
  rows: (p: string, t: string, limit: number, version?: number) => get<Rows>(of(p, `tables/${part(t)}/rows`), { limit, version }),
  diff: (p: string, t: string, from: number, to: number) => get<Rows>(of(p, `tables/${part(t)}/diff`), { from, to, limit: 200 }),
  query: (p: string, body: QueryRequest) => post<Rows>(of(p, "query"), body),
  stopQuery: (p: string, id: string) => ask<void>("DELETE", address(of(p, `queries/${part(id)}`))),
  checks: (p: string, asset: string) => get<(Check & { run: string })[]>(of(p, "checks"), { asset }),
  quality: (p: string) => get<Quality[]>(of(p, "quality")),
  users: () => get<User[]>("users"),
  addUser: (user: string, password: string, role: Role) => post<unknown>("users", { user, password, role }),
  removeUser: (user: string) => ask<void>("DELETE", address(`users/${part(user)}`)),
  tokens: () => get<Token[]>("tokens"),
  addToken: (name: string, role: Role, expires: string | undefined) => post<{ id: string; token: string }>("tokens", { name, role, expires }),
  removeToken: (id: string) => ask<void>("DELETE", address(`tokens/${part(id)}`)),
  health: (p: string) => get<HealthReport>(of(p, "health")),
};
