import { expect, it } from "vitest";
import type { ProjectGraph } from "../api/types";
import { centre, groupName, linksOf, neighbourhood, pictureOf } from "./model";

const node = (asset: string, tags: string[] = []) => ({
  asset, kind: "model", layer: asset.split(".")[0]!, file: `models/${asset.replace(".", "/")}.sql`, tags, level: 0,
});
const graph: ProjectGraph = {
  nodes: [node("bronze.a"), node("bronze.b"), node("silver.c", ["x"]), node("gold.d"), node("gold.e")],
  edges: [["bronze.a", "silver.c"], ["bronze.b", "silver.c"], ["silver.c", "gold.d"], ["silver.c", "gold.e"]].map(([from, to]) => ({ from: from!, to: to! })),
};
const links = linksOf(graph);
const none = () => undefined;

it("a neighbourhood goes up and down, not sideways", () => {
  expect([...neighbourhood("gold.d", links, 1)].sort()).toEqual(["gold.d", "silver.c"]);
  expect([...neighbourhood("gold.d", links, 9)].sort()).toEqual(["bronze.a", "bronze.b", "gold.d", "silver.c"]);
});
it("the centre is what much goes through", () => expect(centre(graph, links)).toBe("silver.c"));
it("layers fold into one box each, with one edge between two", () => {
  const picture = pictureOf(graph, undefined, "layer", new Set(), none);
  expect(picture.boxes.map(({ label, sub }) => [label, sub])).toEqual([["bronze", "2 assets"], ["silver", "1 asset"], ["gold", "2 assets"]]);
  expect(picture.edges.from.length).toBe(2);
});
it("an open group shows its assets, the others stay folded", () => {
  const picture = pictureOf(graph, undefined, "layer", new Set(["gold"]), none);
  expect(picture.boxes.map((box) => [box.label, groupName(box)])).toEqual([["bronze", "bronze"], ["silver", "silver"], ["gold.d", undefined], ["gold.e", undefined]]);
});
it("a group is as bad as the worst in it", () => {
  const picture = pictureOf(graph, undefined, "layer", new Set(), (asset) => (asset === "gold.e" ? "failed" : "done"));
  expect(picture.boxes.map((box) => box.status)).toEqual(["done", "done", "failed"]);
});
it("folders and tags fold too", () => {
  expect(pictureOf(graph, undefined, "folder", new Set(), none).boxes.map((box) => box.label)).toEqual(["models/bronze", "models/silver", "models/gold"]);
  expect(pictureOf(graph, undefined, "tag", new Set(), none).boxes.map((box) => box.label)).toEqual(["(no tag)", "x"]);
});
it("two groups that feed each other make no circle", () => {
  const picture = pictureOf({ ...graph, edges: [...graph.edges, { from: "gold.d", to: "bronze.a" }] }, undefined, "tag", new Set(), none);
  expect(picture.edges.from.length).toBe(1);
});
