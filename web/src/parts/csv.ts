import type { Rows } from "../api/types";

const quoted = (text: string): string => (/[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text);
const field = (value: unknown): string =>
  value === null || value === undefined ? "" : quoted(typeof value === "object" ? JSON.stringify(value) : String(value));

/** RFC 4180; NULL is nothing, an empty text is `""`. */
export const csvOf = ({ columns, rows }: Pick<Rows, "columns" | "rows">): string =>
  [columns.map(({ name }) => quoted(name)), ...rows.map((row) => row.map(field))].map((line) => `${line.join(",")}\r\n`).join("");

export function saveCsv(rows: Rows, name: string): void {
  const url = URL.createObjectURL(new Blob([csvOf(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
