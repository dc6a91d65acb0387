import type { AssetTask, GraphNode, Run, TaskStatus } from "../api/types";

export interface GridModel {
  /** Oldest first: time goes to the right. */
  runs: Run[];
  assets: string[];
  /** Where a layer begins, and its name. */
  layers: { at: number; name: string }[];
  /** `cells[asset][run]`; nothing where the asset was not in the run. */
  cells: (AssetTask | undefined)[][];
}

/** Assets × runs. Assets stand in the graph's order, layer by layer; those that are gone stand last. */
export function gridOf(runs: readonly Run[], tasks: readonly AssetTask[], nodes: readonly GraphNode[]): GridModel {
  const columns = [...runs].sort((a, b) => a.started.localeCompare(b.started));
  const columnOf = new Map(columns.map((run, i) => [run.run, i]));
  const seen = new Set(tasks.map((task) => task.asset));
  const layerOf = new Map(nodes.map((node) => [node.asset, node.layer || node.kind]));
  const layerOrder = [...new Set(nodes.map((node) => node.layer || node.kind))];
  const known = nodes.filter((node) => seen.has(node.asset)).map((node) => node.asset);
  known.sort((a, b) => layerOrder.indexOf(layerOf.get(a) ?? "") - layerOrder.indexOf(layerOf.get(b) ?? ""));
  const gone = [...seen].filter((asset) => !layerOf.has(asset)).sort();
  const assets = [...known, ...gone];
  const rowOf = new Map(assets.map((asset, i) => [asset, i]));
  const cells = assets.map(() => new Array<AssetTask | undefined>(columns.length).fill(undefined));
  for (const task of tasks) {
    const row = rowOf.get(task.asset);
    const column = columnOf.get(task.run);
    if (row !== undefined && column !== undefined) cells[row]![column] = task;
  }
  const layers: GridModel["layers"] = [];
  assets.forEach((asset, at) => {
    const name = layerOf.get(asset) ?? "no longer there";
    if (layers.at(-1)?.name !== name) layers.push({ at, name });
  });
  return { runs: columns, assets, layers, cells };
}

/** From a cell one step; at the edge the same one. */
export function step(model: GridModel, row: number, column: number, key: string): [number, number] {
  const [dr, dc] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] ?? [0, 0];
  const rows = model.assets.length;
  const columns = model.runs.length;
  const r = Math.min(rows - 1, Math.max(0, row + dr!));
  const c = Math.min(columns - 1, Math.max(0, column + dc!));
  return [r, c];
}

export const statusOf = (task: AssetTask | undefined): TaskStatus | "not in this run" => task?.status ?? "not in this run";
