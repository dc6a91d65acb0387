import type { Rows } from "../api/types";

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|DOUBLE|FLOAT|REAL|long|short|byte)/i;
const TIME = /^(DATE|TIMESTAMP)/i;

export const isNumber = (type: string): boolean => NUMBER.test(type);

export type Drawing =
  | { kind: "time"; times: number[]; series: { name: string; values: (number | null)[] }[] }
  | { kind: "bars"; name: string; bars: { label: string; value: number }[] };

const SERIES_MAX = 5;
const BARS_MAX = 40;
const numberOf = (value: unknown): number | null => (value === null || value === undefined || Number.isNaN(Number(value)) ? null : Number(value));
const timeOf = (value: unknown): number => {
  const text = String(value).replace(" ", "T");
  // A time without a zone is as it is written: it is drawn in UTC, and its labels too.
  return Date.parse(/[zZ]|[+-]\d\d(:?\d\d)?$/.test(text.slice(10)) || text.length <= 10 ? text : `${text}Z`) / 1000;
};

/** How rows look as a picture: values over the first column where that is a time, else bars of the first numbers. */
export function drawingOf({ columns, rows }: Pick<Rows, "columns" | "rows">): Drawing | undefined {
  const numbers = columns.flatMap(({ type }, i) => (isNumber(type) ? [i] : []));
  const time = columns.findIndex(({ type }) => TIME.test(type));
  if (rows.length < 2) return undefined;
  if (time >= 0 && numbers.length > 0) {
    const sorted = rows.map((row) => ({ at: timeOf(row[time]), row })).filter(({ at }) => !Number.isNaN(at)).sort((a, b) => a.at - b.at);
    if (sorted.some(({ at }, i) => i > 0 && at === sorted[i - 1]!.at)) return undefined; // several rows a time: no line
    return {
      kind: "time", times: sorted.map(({ at }) => at),
      series: numbers.slice(0, SERIES_MAX).map((i) => ({ name: columns[i]!.name, values: sorted.map(({ row }) => numberOf(row[i])) })),
    };
  }
  const label = columns.findIndex((_, i) => !numbers.includes(i));
  const number = numbers.find((i) => i !== label);
  if (label < 0 || number === undefined) return undefined;
  return {
    kind: "bars", name: columns[number]!.name,
    bars: rows.slice(0, BARS_MAX).flatMap((row) => {
      const value = numberOf(row[number]);
      return value === null ? [] : [{ label: String(row[label] ?? "NULL"), value }];
    }),
  };
}
