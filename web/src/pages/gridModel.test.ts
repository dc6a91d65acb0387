import { expect, it } from "vitest";
import type { AssetTask, GraphNode, Run } from "../api/types";
import { gridOf, step } from "./gridModel";

const node = (asset: string, layer: string): GraphNode => ({ asset, kind: "model", layer, file: "", tags: [], level: 0 });
const run = (id: string, started: string): Run => ({ run: id, status: "done", environment: "dev", command: "run", version: "", started, tasks: 1, failed: 0 });
const task = (runId: string, asset: string): AssetTask => ({ run: runId, asset, kind: "model", status: "done", attempts: 1 });

const model = gridOf(
  [run("new", "2026-01-02"), run("old", "2026-01-01")],
  [task("new", "gold.a"), task("old", "silver.b"), task("old", "gold.gone"), task("elsewhere", "gold.a")],
  [node("bronze.x", "bronze"), node("silver.b", "silver"), node("gold.a", "gold")],
);

it("time goes to the right", () => expect(model.runs.map((r) => r.run)).toEqual(["old", "new"]));
it("assets stand by layer, those that are gone last, those that never ran not at all", () => {
  expect(model.assets).toEqual(["silver.b", "gold.a", "gold.gone"]);
  expect(model.layers).toEqual([{ at: 0, name: "silver" }, { at: 1, name: "gold" }, { at: 2, name: "no longer there" }]);
});
it("a task of a run that is not shown is left out", () => expect(model.cells.map((row) => row.map((c) => c?.run))).toEqual([["old", undefined], [undefined, "new"], ["old", undefined]]));
it("arrows stay inside", () => {
  expect(step(model, 0, 0, "ArrowUp")).toEqual([0, 0]);
  expect(step(model, 2, 1, "ArrowDown")).toEqual([2, 1]);
  expect(step(model, 1, 0, "ArrowRight")).toEqual([1, 1]);
});
