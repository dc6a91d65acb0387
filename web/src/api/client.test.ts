import { expect, it } from "vitest";
import { numbered } from "./client";

it("lines keep their places", () =>
  expect(numbered([{ number: 4, event: "a" }, { number: 5, line: "packed", event: "task.said" }, { number: 7, event: "b" }], 3).map(({ n }) => n)).toEqual([4, 5, 7]));
it("what comes after goes on from there", () => expect(numbered([{ line: "x", event: "task.said" }], 9)[0]?.n).toBe(10));
