import { expect, it } from "vitest";
import { rank } from "./search";

const names = ["silver.movies", "gold.genre_analytics", "gold.movies_by_genre", "bronze.movies", "gold.remoVies"];
const found = (query: string) => rank(names, query, (name) => name, 10).map(({ item }) => item);

it("wants every word", () => expect(found("gold genre")).toEqual(["gold.genre_analytics", "gold.movies_by_genre"]));
it("puts a name that only contains it last", () => expect(found("movies").at(-1)).toBe("gold.remoVies"));
it("marks what matched, without overlap", () => expect(rank(["aab"], "aa ab", (t) => t, 1)[0]?.marks).toEqual([[0, 3]]));
it("without words everything is there, as it was", () => expect(found("  ")).toEqual(names));
it("finds nothing for what is not there", () => expect(found("silver genre")).toEqual([]));
it("searches 10,000 names in less than 100 ms", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `layer${i % 7}.table_${i}_of_some_length`);
  const start = performance.now();
  rank(many, "layer3 99", (name) => name, 50);
  expect(performance.now() - start).toBeLessThan(100);
});
