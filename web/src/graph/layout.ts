/** Lays a directed acyclic graph out in columns: what depends on nothing stands left, and every edge leads to the right.
 *
 * The usual three steps (Sugiyama), each linear in nodes and edges: the column of a node is the longest path to it;
 * within columns the order is found by sweeps in which a node goes to the mean of its neighbours' places; then heights
 * are moved towards the neighbours' as far as those in between leave room. */

export interface LayoutGraph {
  count: number;
  /** Positions of nodes, one of each edge. */
  from: Uint32Array;
  to: Uint32Array;
}

export interface Layout {
  column: Uint32Array;
  /** Upper left corners. */
  x: Float64Array;
  y: Float64Array;
  /** The nodes of each column, from above. */
  columns: Uint32Array[];
  width: number;
  height: number;
}

export const NODE_W = 190;
export const NODE_H = 34;
export const GAP_X = 58;
export const GAP_Y = 10;
const SWEEPS = 4;

interface Neighbours {
  start: Uint32Array;
  list: Uint32Array;
}

/** For each node a slice of `list`: the other ends of its edges. */
function neighbours(count: number, of: Uint32Array, other: Uint32Array): Neighbours {
  const start = new Uint32Array(count + 1);
  for (const node of of) start[node + 1]!++;
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const fill = start.slice(0, count);
  const list = new Uint32Array(of.length);
  for (let e = 0; e < of.length; e++) list[fill[of[e]!]!++] = other[e]!;
  return { start, list };
}

/** The longest path to each node. In a cycle, which a project cannot have, its nodes stay in the first column. */
function columnsOf(count: number, up: Neighbours, down: Neighbours): Uint32Array {
  const column = new Uint32Array(count);
  const missing = new Uint32Array(count);
  const ready: number[] = [];
  for (let i = 0; i < count; i++) {
    missing[i] = up.start[i + 1]! - up.start[i]!;
    if (missing[i] === 0) ready.push(i);
  }
  for (let at = 0; at < ready.length; at++) {
    const node = ready[at]!;
    for (let e = down.start[node]!; e < down.start[node + 1]!; e++) {
      const next = down.list[e]!;
      column[next] = Math.max(column[next]!, column[node]! + 1);
      if (--missing[next]! === 0) ready.push(next);
    }
  }
  // What depends on nothing stands just left of the first that needs it, not far away.
  for (let at = ready.length - 1; at >= 0; at--) {
    const node = ready[at]!;
    if (up.start[node + 1]! > up.start[node]! || down.start[node + 1] === down.start[node]) continue;
    let nearest = Infinity;
    for (let e = down.start[node]!; e < down.start[node + 1]!; e++) nearest = Math.min(nearest, column[down.list[e]!]!);
    if (nearest !== Infinity) column[node] = nearest - 1;
  }
  return column;
}

function meanOf(node: number, by: Neighbours, value: Float64Array, otherwise: number): number {
  const first = by.start[node]!;
  const end = by.start[node + 1]!;
  if (first === end) return otherwise;
  let sum = 0;
  for (let e = first; e < end; e++) sum += value[by.list[e]!]!;
  return sum / (end - first);
}

export function layout(graph: LayoutGraph): Layout {
  const { count } = graph;
  const up = neighbours(count, graph.to, graph.from);
  const down = neighbours(count, graph.from, graph.to);
  const column = columnsOf(count, up, down);
  const lists: number[][] = [];
  for (let i = 0; i < count; i++) (lists[column[i]!] ??= []).push(i);
  const columns = Array.from(lists, (list) => Uint32Array.from(list ?? []));

  // Places as shares of the column, so that short and long columns can be compared.
  const place = new Float64Array(count);
  const mean = new Float64Array(count);
  const settle = (nodes: Uint32Array) => nodes.forEach((node, i) => (place[node] = (i + 0.5) / nodes.length));
  columns.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const by = sweep % 2 === 0 ? up : down;
    const order = sweep % 2 === 0 ? columns : [...columns].reverse();
    for (const nodes of order) {
      for (const node of nodes) mean[node] = meanOf(node, by, place, place[node]!);
      nodes.sort((a, b) => mean[a]! - mean[b]! || a - b);
      settle(nodes);
    }
  }

  const step = NODE_H + GAP_Y;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const tallest = Math.max(1, ...columns.map((nodes) => nodes.length)) * step;
  columns.forEach((nodes) => nodes.forEach((node, i) => (y[node] = (tallest - nodes.length * step) / 2 + i * step)));
  for (const [by, order] of [[up, columns], [down, [...columns].reverse()], [up, columns]] as const) {
    for (const nodes of order) align(nodes, by, y, step);
  }
  let top = Infinity;
  let bottom = 0;
  for (let i = 0; i < count; i++) top = Math.min(top, y[i]!);
  for (let i = 0; i < count; i++) {
    x[i] = column[i]! * (NODE_W + GAP_X);
    y[i]! -= top;
    bottom = Math.max(bottom, y[i]! + NODE_H);
  }
  return { column, x, y, columns, width: Math.max(0, columns.length * (NODE_W + GAP_X) - GAP_X), height: bottom };
}

/** Moves a column's nodes towards the mean of their neighbours. Nodes that would overlap become a block, which stands
 * where its members would be on average (isotonic regression: pool adjacent violators), so the order stays. */
function align(nodes: Uint32Array, by: Neighbours, y: Float64Array, step: number): void {
  const sums: number[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    // As if all stood at the same height: i × step is added back at the end.
    let sum = meanOf(node, by, y, y[node]!) - i * step;
    let size = 1;
    while (sums.length > 0 && sums.at(-1)! / sizes.at(-1)! > sum / size) {
      sum += sums.pop()!;
      size += sizes.pop()!;
    }
    sums.push(sum);
    sizes.push(size);
  }
  let i = 0;
  sums.forEach((sum, block) => {
    const level = sum / sizes[block]!;
    for (let k = 0; k < sizes[block]!; k++, i++) y[nodes[i]!] = level + i * step;
  });
}
