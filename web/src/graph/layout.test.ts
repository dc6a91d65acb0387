import { describe, expect, it } from "vitest";
import { GAP_Y, layout, NODE_H, type LayoutGraph } from "./layout";

export function graphOf(count: number, edges: [number, number][]): LayoutGraph {
  return { count, from: Uint32Array.from(edges, ([a]) => a), to: Uint32Array.from(edges, ([, b]) => b) };
}

/** As projects are: each table reads one or two of the tables before it, most of them near. */
export function randomGraph(count: number, seed = 1): LayoutGraph {
  let state = seed;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const edges: [number, number][] = [];
  for (let i = Math.floor(count / 8); i < count; i++) {
    for (let k = 0; k < (random() < 0.8 ? 2 : 1); k++) edges.push([Math.floor(random() ** 0.6 * i), i]);
  }
  return graphOf(count, edges);
}

describe("layout", () => {
  it("leads every edge to the right", () => {
    const graph = randomGraph(500);
    const { column } = layout(graph);
    for (let e = 0; e < graph.from.length; e++) expect(column[graph.to[e]!]!).toBeGreaterThan(column[graph.from[e]!]!);
  });
  it("lets no two nodes overlap", () => {
    for (const seed of [1, 2, 3]) {
      const { columns, y } = layout(randomGraph(300, seed));
      for (const nodes of columns) {
        for (let i = 1; i < nodes.length; i++) expect(y[nodes[i]!]! - y[nodes[i - 1]!]!).toBeGreaterThanOrEqual(NODE_H + GAP_Y - 1e-6);
      }
    }
  });
  it("draws a chain as a straight line", () => {
    const { y, column } = layout(graphOf(4, [[0, 1], [1, 2], [2, 3]]));
    expect([...column]).toEqual([0, 1, 2, 3]);
    expect(new Set(y).size).toBe(1);
  });
  it("uncrosses what can be uncrossed", () => {
    const { y } = layout(graphOf(4, [[0, 3], [1, 2]]));
    expect(Math.sign(y[0]! - y[1]!)).toBe(Math.sign(y[3]! - y[2]!));
  });
  it("stands a source beside the first that reads it", () => expect(layout(graphOf(4, [[0, 1], [1, 2], [3, 2]])).column[3]).toBe(1));
  it("takes an empty graph, one node, and a cycle", () => {
    expect(layout(graphOf(0, [])).height).toBe(0);
    expect(layout(graphOf(1, [])).height).toBe(NODE_H);
    expect(layout(graphOf(2, [[0, 1], [1, 0]])).columns.length).toBe(1);
  });
});
