/** What the server answers: the shapes that `windrow VERB --json` prints (docs/cli.md, JSON). A key whose value is
 * not known is left out. Times are ISO 8601 in UTC. */

export interface Problem {
  code: string;
  message: string;
  hint?: string;
  file?: string;
  line?: number;
  column?: number;
}

export type Role = "viewer" | "operator" | "editor" | "admin";

export interface ServerInfo {
  windrow: string;
  duckdb: string;
  /** `open`: nobody need log in; `setup`: there is no user yet. */
  login: "open" | "required" | "setup";
  user?: string;
  role?: Role;
}

export interface Project {
  project: string;
  folder: string;
  environment: string;
  broken?: boolean | Problem[];
  timezone: string;
  runs?: { run: string; schedule?: string; due?: string; started: string }[];
  ingests?: { source: string; run: string }[];
}

export interface Asset {
  asset: string;
  kind: string;
  layer: string;
  file: string;
  tags: string[];
  owner?: string;
  description?: string;
  version?: number;
  rows?: number;
  bytes?: number;
  files?: number;
  updated?: string;
}

export interface Column {
  name: string;
  type?: string; // of a table that is not there yet nobody knows it
  description?: string;
  nullable?: boolean;
  checks?: unknown[];
}

export interface AssetDetail extends Asset {
  build?: unknown;
  sql?: string;
  upstream?: string[];
  downstream?: string[];
  columns?: Column[];
  checks?: unknown[];
  runs?: AssetTask[];
}

export interface GraphNode {
  asset: string;
  kind: string;
  layer: string;
  file: string;
  tags: string[];
  owner?: string;
  level: number;
}

export interface ProjectGraph {
  nodes: GraphNode[];
  edges: { from: string; to: string }[];
}

export interface Lineage {
  subject: string;
  nodes: string[];
  edges: { from: string; to: string }[];
  expressions?: Record<string, string>;
}

export type RunStatus = "running" | "done" | "failed" | "canceled" | "interrupted";
export type TaskStatus = "waiting" | "running" | "done" | "failed" | "canceled" | "skipped" | "up to date";

export interface Usage {
  cpu_seconds?: number;
  peak_memory?: number;
  bytes_read?: number;
  files_read?: number;
  bytes_written?: number;
  files_written?: number;
}

export interface Task {
  asset: string;
  kind: string;
  status: TaskStatus;
  attempts: number;
  started?: string;
  ended?: string;
  rows?: number;
  version?: number;
  intervals?: number;
  rejected?: number;
  quality_score?: number;
  reasons?: string[];
  warnings?: string[];
  problem?: Problem;
  caused_by?: string;
  usage?: Usage;
}

export interface Check {
  asset: string;
  check: string;
  severity: string;
  passed: boolean;
  failing: number;
  total: number;
  message: string;
  sample: { columns: string[]; rows: unknown[][] } | null;
}

export interface Run {
  run: string;
  status: RunStatus;
  environment: string;
  command: string;
  version: string;
  started: string;
  tasks: number;
  failed: number;
  ended?: string;
  retry_of?: string;
  schedule?: string;
  due?: string;
  project_version?: string;
  usage?: Usage;
}

export interface RunDetail extends Omit<Run, "tasks"> {
  tasks: Task[];
  checks: Check[];
}

export interface AssetTask extends Task {
  run: string;
}

export interface LogLine {
  /** Its place in the log, from 1. */
  n: number;
  ts: string;
  level: string;
  event: string;
  asset?: string;
  [key: string]: unknown;
}

export interface Interval {
  start: string;
  end: string;
}

export interface PlanStep {
  asset: string;
  kind: string;
  certain: boolean;
  reasons: string[];
  how?: string;
  grain?: string;
  interval_count?: number;
  intervals?: Interval[];
  sealed_count?: number;
  inputs: Record<string, number>;
  files?: { table: string; read: number; there: number }[];
  cost?: { files: number; rows: number; bytes: number; commits: number };
  problem?: Problem;
}

export interface Plan {
  steps: PlanStep[];
  up_to_date: number;
  notices: string[];
}

export interface Schedule {
  schedule: string;
  project: string;
  trigger: string;
  timezone: string;
  next?: string;
  calendar?: string;
  select: string;
  tags: string[];
  paused: boolean;
  paused_by_hand?: boolean;
  running?: string[];
  catchup?: string;
  overlap?: string;
  max_active_runs?: number;
  deadline?: string;
}

export interface Due {
  schedule: string;
  due: string;
  local: string;
  timezone: string;
}

export interface Sensor {
  sensor: string;
  looks_at: string;
  schedules: string[];
  state: string;
  sees?: string;
  looked?: string;
  next_look?: string;
  seen?: string;
  seen_at?: string;
  problem?: Problem | string;
}

export interface Backfill {
  backfill: string;
  status: string;
  start: string;
  end: string;
  select?: string;
  order?: string;
  only?: string;
  created: string;
  ended?: string;
  name?: string;
  reason?: string;
  intervals?: { total: number; done: number; failed: number; left: number };
  rows?: number;
  seconds?: number;
  seconds_left?: number;
  tables?: { asset: string; grain: string; total: number; done: number; failed: number; left: number }[];
  failures?: { asset: string; start: string; end: string; intervals: number; problem?: Problem; caused_by?: string }[];
  problem?: Problem;
}

export interface Commit {
  version: number;
  timestamp: string;
  operation: string;
  engine?: string;
  parameters?: Record<string, unknown>;
  metrics?: Record<string, string | number>;
  windrow?: { run?: string; reasons?: string[]; [key: string]: unknown };
}

export interface TableStats {
  version: number;
  timestamp: string;
  rows: number;
  files: number;
  bytes: number;
  small_files?: number;
  partitions?: number;
  tombstones?: number;
  versions?: number;
  log_bytes?: number;
  growth?: { bytes_per_day: number; points: unknown };
  sizes?: { time: string; bytes: number }[];
}

export interface HealthReport {
  ok: boolean;
  findings: { what: string; ok: boolean; finding: string; hint?: string }[];
}

export interface Rows {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  more: boolean;
  seconds: number;
}

export interface Fire {
  schedule: string;
  due: string;
  run?: string;
  status: string;
  decided?: string;
  ended?: string;
  reason?: string;
  count?: number;
}

export interface Quality {
  asset: string;
  run: string;
  ended?: string;
  quality_score?: number;
  checks: number;
  failed: number;
  warned: number;
  rejected: number;
}

export interface Critical {
  seconds: number;
  steps: { asset: string; wait: number; seconds: number; share: number; ended: boolean; median?: number; p90?: number; runs?: number }[];
  expected?: string;
  late?: string;
}

/** What happens, as it happens: in runs, and in the server (docs/server.md, live events). */
export type LiveEvent =
  | { event: "lost" }
  | { event: "task.progress"; run: string; asset: string; phase: string; fraction?: number; rows?: number }
  | { event: "task.ended"; run: string; asset: string; status: TaskStatus }
  | { event: string; run?: string; asset?: string };

export interface User {
  user: string;
  role: Role;
  created: string;
  last_login?: string;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  created: string;
  created_by?: string;
  expires?: string;
  last_used?: string;
}
