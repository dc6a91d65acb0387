import { describe, expect, it } from "vitest";
import { bytes, cell, clock, count, dateTime, duration, percent, plural, relative, zoneName } from "./format";

const noon = Date.parse("2026-03-29T00:30:00Z");

describe("numbers", () => {
  it("groups digits", () => expect(count(1234567)).toBe("1,234,567"));
  it("knows one and many", () => expect([plural(1, "row"), plural(0, "row"), plural(2, "query", "queries")]).toEqual(["1 row", "0 rows", "2 queries"]));
  it("writes sizes with one digit below a hundred", () =>
    expect([0, 999, 1000, 180_600, 99_949, 1_000_000, 5.5e12].map(bytes)).toEqual(["0 B", "999 B", "1.0 kB", "181 kB", "99.9 kB", "1.0 MB", "5.5 TB"]));
  it("never writes 1000 of a unit", () => expect([999_499, 999_600].map(bytes)).toEqual(["999 kB", "1.0 MB"]));
  it("rounds no share up to all", () => expect([1, 0.9996, 0.034, 0.5].map(percent)).toEqual(["100 %", "99.9 %", "3.4 %", "50 %"]));
});

describe("durations", () => {
  it("keeps the unit that matters", () =>
    expect([0.004, 0.63, 9.96, 59.4, 59.6, 61, 3600, 90_061].map(duration)).toEqual([
      "4 ms", "0.6 s", "10.0 s", "59 s", "1 min 0 s", "1 min 1 s", "1 h 0 min", "1 d 1 h",
    ]));
  it("says how long ago", () =>
    expect([0, -4000, -240_000, 7_200_000].map((d) => relative(noon + d, noon))).toEqual(["now", "now", "4 min ago", "in 2 h"]));
});

describe("times", () => {
  it("are in the zone, and say so", () => {
    expect(dateTime(noon, "Europe/Berlin")).toBe("2026-03-29 01:30:00");
    expect(zoneName(noon, "Europe/Berlin")).toBe("CET");
    expect(zoneName(noon + 3_600_000, "Europe/Berlin")).toBe("CEST");
    expect(dateTime(noon + 3_600_000, "Europe/Berlin", false)).toBe("2026-03-29 03:30");
    expect(zoneName(noon, "UTC")).toBe("UTC");
  });
  it("midnight is 00, not 24", () => expect(clock(Date.parse("2026-01-01T00:00:00.007Z"), "UTC", true)).toBe("00:00:00.007"));
});

it("cells", () => expect([null, 1, "a", { b: 1 }, true].map(cell)).toEqual(["NULL", "1", "a", '{"b":1}', "true"]));
