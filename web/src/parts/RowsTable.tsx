import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { Rows } from "../api/types";
import { isNumber } from "./chartable";
import { cell, count } from "./format";

const ROW = 26;

/** Rows of any number: only those in sight are drawn. Widths are those of the first rows, so nothing jumps. */
export function RowsTable({ rows, label }: { rows: Rows; label: string }) {
  const room = useRef<HTMLDivElement>(null);
  const lines = useVirtualizer({ count: rows.rows.length, getScrollElement: () => room.current, estimateSize: () => ROW, overscan: 20 });
  const numeric = useMemo(() => rows.columns.map(({ type }) => isNumber(type)), [rows.columns]);
  const widths = useMemo(
    () =>
      rows.columns.map(({ name, type }, i) => {
        let longest = Math.max(name.length + 1, type.length * 0.85);
        for (const row of rows.rows.slice(0, 100)) longest = Math.max(longest, shownCell(row[i]).length);
        return Math.min(360, Math.max(64, longest * 7.4 + 24));
      }),
    [rows],
  );
  const fixed = { gridTemplateColumns: `52px ${widths.map((width) => `${Math.round(width)}px`).join(" ")} 1fr` };
  return (
    <div ref={room} className="rows-room" tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={rows.rows.length + 1} aria-colcount={rows.columns.length} className="rows" style={{ height: lines.getTotalSize() + 44 }}>
        <div role="row" className="rows-head" style={fixed} aria-rowindex={1}>
          <span role="columnheader" className="quiet num">
            #
          </span>
          {rows.columns.map(({ name, type }, i) => (
            <span role="columnheader" key={i} className={numeric[i] ? "num" : undefined}>
              <b>{name}</b>
              <small>{type.toLowerCase()}</small>
            </span>
          ))}
        </div>
        {lines.getVirtualItems().map((line) => (
          <div role="row" key={line.key} aria-rowindex={line.index + 2} className="rows-line" style={{ ...fixed, transform: `translateY(${line.start}px)` }}>
            <span role="rowheader" className="quiet num">
              {count(line.index + 1)}
            </span>
            {rows.rows[line.index]!.map((value, i) => (
              <span role="cell" key={i} className={`ellipsis${numeric[i] ? " num" : ""}${value === null ? " null" : ""}`} title={cell(value).length > 30 ? cell(value) : undefined}>
                {shownCell(value)}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

const shownCell = (value: unknown): string => cell(value).slice(0, 400).replaceAll("\n", "⏎");
