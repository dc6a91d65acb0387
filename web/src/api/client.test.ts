import { expect, it } from "vitest";
import { numbered } from "./client";

it("lines keep their places, also where a command's text stands in the way", () =>
  expect(numbered([{ line: 4, event: "a" }, { line: "packed", event: "task.said" }, { line: 7, event: "b" }], 3).map(({ n }) => n)).toEqual([4, 5, 7]));
it("what comes after goes on from there", () => expect(numbered([{ line: "x", event: "task.said" }], 9)[0]?.n).toBe(10));
