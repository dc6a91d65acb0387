import type { GraphNode, ProjectGraph } from "../api/types";
import type { LayoutGraph } from "./layout";

/** A box of the picture: an asset, or several that were folded into one. */
export interface Box {
  id: string;
  label: string;
  sub: string;
  /** Of the status marks. */
  status?: string;
  /** How many assets it stands for; 1: an asset. */
  size: number;
  members: string[];
}

export interface Picture {
  boxes: Box[];
  at: Map<string, number>;
  edges: LayoutGraph;
}

export type FoldBy = "none" | "layer" | "folder" | "tag";

/** Which way a walk goes. */
export interface Links {
  up: Map<string, string[]>;
  down: Map<string, string[]>;
}

export function linksOf(graph: ProjectGraph): Links {
  const up = new Map<string, string[]>();
  const down = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, key: string, value: string) => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };
  for (const { from, to } of graph.edges) {
    add(down, from, to);
    add(up, to, from);
  }
  return { up, down };
}

/** All that is reached from `start` in at most `steps` steps, with it. */
export function walk(start: string, links: Map<string, string[]>, steps: number): Set<string> {
  const seen = new Set([start]);
  let edge = [start];
  for (let step = 0; step < steps && edge.length > 0; step++) {
    const next: string[] = [];
    for (const node of edge) {
      for (const other of links.get(node) ?? []) {
        if (!seen.has(other)) {
          seen.add(other);
          next.push(other);
        }
      }
    }
    edge = next;
  }
  return seen;
}

/** What feeds `focus` and what it feeds, `reach` steps each way. */
export const neighbourhood = (focus: string, links: Links, reach: number): Set<string> =>
  new Set([...walk(focus, links.up, reach), ...walk(focus, links.down, reach)]);

/** Where someone begins who has named nothing: the asset that most others hang on, of those that have both sides. */
export function centre(graph: ProjectGraph, links: Links): string | undefined {
  let best: string | undefined;
  let most = -1;
  for (const { asset } of graph.nodes) {
    const up = links.up.get(asset)?.length ?? 0;
    const down = links.down.get(asset)?.length ?? 0;
    const weight = Math.min(up, down) * 1000 + up + down;
    if (weight > most) {
      most = weight;
      best = asset;
    }
  }
  return best;
}

const folderOf = (file: string): string => file.slice(0, Math.max(0, file.lastIndexOf("/"))) || "(project)";

export function groupOf(node: GraphNode, by: FoldBy): string | undefined {
  switch (by) {
    case "layer":
      return node.layer || node.kind;
    case "folder":
      return folderOf(node.file);
    case "tag":
      return node.tags[0] ?? "(no tag)";
    default:
      return undefined;
  }
}

const GROUP = "group:";

/** The picture of some of a graph's nodes; groups that are not in `open` are one box each. */
export function pictureOf(
  graph: ProjectGraph, shown: ReadonlySet<string> | undefined, by: FoldBy, open: ReadonlySet<string>, statusOf: (asset: string) => string | undefined,
): Picture {
  const boxes: Box[] = [];
  const at = new Map<string, number>();
  const boxOf = new Map<string, number>();
  for (const node of graph.nodes) {
    if (shown && !shown.has(node.asset)) continue;
    const group = groupOf(node, by);
    const folded = group !== undefined && !open.has(group);
    const id = folded ? GROUP + group : node.asset;
    let position = at.get(id);
    if (position === undefined) {
      position = boxes.length;
      at.set(id, position);
      boxes.push({ id, label: folded ? group : node.asset, sub: folded ? "" : node.kind, size: 0, members: [], ...(folded ? {} : { status: statusOf(node.asset) }) });
    }
    const box = boxes[position]!;
    box.size++;
    box.members.push(node.asset);
    boxOf.set(node.asset, position);
  }
  for (const box of boxes) {
    if (!box.id.startsWith(GROUP)) continue;
    box.sub = box.size === 1 ? "1 asset" : `${box.size.toLocaleString("en-US")} assets`;
    const states = box.members.map(statusOf);
    box.status = (["failed", "running", "late", "stale"] as const).find((one) => states.includes(one)) ?? (states.every((one) => one === "done") ? "done" : undefined);
  }
  const from: number[] = [];
  const to: number[] = [];
  const known = new Set<number>();
  for (const edge of graph.edges) {
    const a = boxOf.get(edge.from);
    const b = boxOf.get(edge.to);
    if (a === undefined || b === undefined || a === b) continue;
    const key = a * boxes.length + b;
    // Of two groups that feed each other the first way is drawn: a picture has no circles.
    if (known.has(key) || (by !== "none" && known.has(b * boxes.length + a))) continue;
    known.add(key);
    from.push(a);
    to.push(b);
  }
  return { boxes, at, edges: { count: boxes.length, from: Uint32Array.from(from), to: Uint32Array.from(to) } };
}

export const groupName = (box: Box): string | undefined => (box.id.startsWith(GROUP) ? box.id.slice(GROUP.length) : undefined);
