import type { Run } from "../api/types";

/** What a run was begun for, as people call it. */
export const purpose = (run: Pick<Run, "schedule" | "command" | "retry_of">): string =>
  run.schedule ? run.schedule.slice(run.schedule.lastIndexOf("/") + 1) : run.retry_of ? "retry" : run.command.split(" ")[0] || "run";

/** Lines of runs of one kind: of a schedule, or by hand. */
export const laneOf = (run: Pick<Run, "schedule" | "command">): string =>
  run.schedule ? run.schedule.slice(run.schedule.lastIndexOf("/") + 1) : "by hand";

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
