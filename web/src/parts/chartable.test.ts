import { expect, it } from "vitest";
import { drawingOf } from "./chartable";

it("numbers over a time are lines, sorted, in UTC where no zone is told", () =>
  expect(
    drawingOf({ columns: [{ name: "day", type: "DATE" }, { name: "n", type: "BIGINT" }, { name: "t", type: "VARCHAR" }], rows: [["2026-01-02", 2, "b"], ["2026-01-01", null, "a"]] }),
  ).toEqual({ kind: "time", times: [1767225600, 1767312000], series: [{ name: "n", values: [null, 2] }] }));
it("a timestamp without a zone is not moved by the browser's", () =>
  expect(drawingOf({ columns: [{ name: "at", type: "TIMESTAMP" }, { name: "n", type: "INTEGER" }], rows: [["2026-01-01 00:00:00", 1], ["2026-01-01 01:00:00", 1]] })).toMatchObject({ times: [1767225600, 1767229200] }));
it("several rows of one time are no line", () =>
  expect(drawingOf({ columns: [{ name: "d", type: "DATE" }, { name: "n", type: "DOUBLE" }], rows: [["2026-01-01", 1], ["2026-01-01", 2]] })).toBeUndefined());
it("a text and a number are bars; decimals may come as text", () =>
  expect(drawingOf({ columns: [{ name: "genre", type: "VARCHAR" }, { name: "r", type: "DECIMAL(3,1)" }], rows: [["Drama", "6.5"], [null, 2]] })).toEqual({
    kind: "bars", name: "r", bars: [{ label: "Drama", value: 6.5 }, { label: "NULL", value: 2 }],
  }));
it("only texts, or one row, are no picture", () => {
  expect(drawingOf({ columns: [{ name: "a", type: "VARCHAR" }], rows: [["x"], ["y"]] })).toBeUndefined();
  expect(drawingOf({ columns: [{ name: "a", type: "VARCHAR" }, { name: "n", type: "BIGINT" }], rows: [["x", 1]] })).toBeUndefined();
});
