import type { Run } from "../api/types";

const WITH_VALUE = new Set(["-C", "--directory", "--env", "--var", "--now", "--defer"]);

/** `windrow -C /srv/films run --select x` → `run`: its verb. */
export function verbOf(command: string): string {
  const words = command.split(/\s+/).filter(Boolean);
  for (let i = words[0] === "windrow" ? 1 : 0; i < words.length; i++) {
    const word = words[i]!;
    if (WITH_VALUE.has(word)) i++;
    else if (!word.startsWith("-")) return word.replace(/[^\w].*$/, "");
  }
  return "run";
}

const bare = (schedule: string): string => schedule.slice(schedule.lastIndexOf("/") + 1);

/** What a run was begun for, as people call it. */
export function purpose(run: Pick<Run, "schedule" | "command" | "retry_of">): string {
  if (run.schedule) return bare(run.schedule);
  if (run.retry_of) return "retry";
  const verb = verbOf(run.command);
  return verb === "serve" ? "by hand" : verb; // of a server without a schedule: someone asked it
}

/** Lines of runs of one kind: of a schedule, or by hand. */
export const laneOf = (run: Pick<Run, "schedule" | "command">): string =>
  run.schedule ? bare(run.schedule) : "by hand";

/** The runs whose kind has failed last: what someone should look at. Newest first, as they come. */
export function brokenNow(runs: readonly Run[]): Run[] {
  const seen = new Set<string>();
  const out: Run[] = [];
  for (const run of runs) {
    if (run.status === "running" || run.status === "canceled") continue;
    const key = run.schedule ?? (run.retry_of ? "retry" : run.command);
    if (seen.has(key)) continue;
    seen.add(key);
    if (run.status === "failed" || run.status === "interrupted") out.push(run);
  }
  // A retry that went well mends what it retried.
  const mended = new Set(runs.filter((run) => run.status === "done" && run.retry_of).map((run) => run.retry_of));
  return out.filter((run) => !mended.has(run.run));
}

/** Lays times on a line of `[from, to]` → 0…1, cut at the ends. */
export const share = (time: number, from: number, to: number): number => Math.min(1, Math.max(0, (time - from) / (to - from)));
