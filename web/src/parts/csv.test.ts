import { expect, it } from "vitest";
import { csvOf } from "./csv";

it("quotes what must be quoted, and tells NULL from an empty text", () =>
  expect(csvOf({ columns: [{ name: "a,b", type: "" }, { name: "c", type: "" }, { name: "d", type: "" }], rows: [["x\ny", null, ""], ['say "hi"', 1.5, { k: [1] }]] })).toBe(
    '"a,b",c,d\r\n"x\ny",,""\r\n"say ""hi""",1.5,"{""k"":[1]}"\r\n',
  ));
