import { expect, it } from "vitest";
import type { Run } from "../api/types";
import { brokenNow, laneOf, purpose } from "./runs";

const run = (over: Partial<Run>): Run => ({
  run: "r", status: "done", environment: "dev", command: "run", version: "0.1", started: "2026-01-01T00:00:00Z", tasks: 1, failed: 0, ...over,
});

it("only the last run of a schedule counts", () =>
  expect(brokenNow([run({ run: "2", schedule: "p/h" }), run({ run: "1", schedule: "p/h", status: "failed" })])).toEqual([]));
it("a failed one is there until another of its kind went well", () =>
  expect(brokenNow([run({ run: "3", status: "running", schedule: "p/h" }), run({ run: "2", schedule: "p/h", status: "failed" }), run({ run: "1" })]).map((r) => r.run)).toEqual(["2"]));
it("a retry that went well mends the run it retried", () =>
  expect(brokenNow([run({ run: "2", retry_of: "1" }), run({ run: "1", schedule: "p/h", status: "failed" })])).toEqual([]));
it("a retry that failed is told too", () =>
  expect(brokenNow([run({ run: "2", retry_of: "1", status: "failed" }), run({ run: "1", status: "failed" })]).map((r) => r.run)).toEqual(["2", "1"]));
it("names", () => {
  expect(purpose(run({ schedule: "films/hourly" }))).toBe("hourly");
  expect(laneOf(run({ command: "run --select x" }))).toBe("by hand");
  expect(purpose(run({ command: "windrow -C /srv/films --env prod backfill 2025-01-01" }))).toBe("backfill");
  expect(purpose(run({ command: "windrow serve" }))).toBe("by hand");
  expect(purpose(run({ command: "run, for task.a of films in run 01a2" }))).toBe("run");
});
