import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { useLogs } from "../api/queries";
import type { LogLine } from "../api/types";
import { cell, clock, count } from "../parts/format";
import { Answer, Empty } from "../parts/parts";
import { useZone } from "../parts/time";

const KNOWN = new Set(["ts", "level", "event", "run", "asset", "line", "n", "number", "at", "project"]);

/** What a line says beside its time, level and asset. */
export function textOf(line: LogLine): string {
  if (line.event === "task.said" && typeof line.line === "string") return line.line;
  const rest = Object.entries(line)
    .filter(([key]) => !KNOWN.has(key))
    .map(([key, value]) => `${key}=${cell(value)}`);
  return [line.event, ...rest].join(" ");
}

/** A run's log: only the lines that are seen are drawn, and it follows what comes as long as one stands at its end. */
export function Logs({ project, run, running, asset, onAsset, assets }: {
  project: string;
  run: string;
  running: boolean;
  asset: string | undefined;
  onAsset: (asset: string | undefined) => void;
  assets: string[];
}) {
  const logs = useLogs(project, run, running);
  const [words, setWords] = useState("");
  const [level, setLevel] = useState("");
  const shown = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    return (logs.data ?? [])
      .filter((line) => (asset === undefined || line.asset === asset) && (level === "" || line.level === level || line.level === "error"))
      .map((line) => ({ line, text: textOf(line) }))
      .filter(({ line, text }) => wanted.every((word) => `${line.asset ?? ""} ${text}`.toLowerCase().includes(word)));
  }, [logs.data, words, level, asset]);
  return (
    <div className="card log-card">
      <header className="row wrap log-head">
        <input className="field grow" type="search" placeholder="Search the log" aria-label="Search the log" value={words} onChange={(e) => setWords(e.target.value)} />
        <select className="field" aria-label="Asset" value={asset ?? ""} onChange={(e) => onAsset(e.target.value || undefined)}>
          <option value="">every asset</option>
          {assets.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select className="field" aria-label="Level" value={level} onChange={(e) => setLevel(e.target.value)}>
          <option value="">every level</option>
          <option value="warning">warnings and errors</option>
          <option value="error">errors</option>
        </select>
        <span className="quiet num">{logs.data ? `${count(shown.length)} of ${count(logs.data.length)} lines` : ""}</span>
      </header>
      <Answer query={logs} lines={12}>
        {() => (shown.length === 0 ? <Empty title="No line is like that.">{words || asset || level ? "Take away a filter." : "This run's log is gone, or has not begun."}</Empty> : <Lines lines={shown} words={words} running={running} />)}
      </Answer>
    </div>
  );
}

function Lines({ lines, words, running }: { lines: { line: LogLine; text: string }[]; words: string; running: boolean }) {
  const room = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(running);
  const { zone } = useZone();
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => room.current, estimateSize: () => 20, overscan: 30 });
  useEffect(() => {
    if (follow && lines.length > 0) rows.scrollToIndex(lines.length - 1);
  }, [follow, lines.length, rows]);
  return (
    <>
      <div
        ref={room} className="log-lines" tabIndex={0} role="log" aria-label="Lines of the log" aria-live="off"
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          if (running) setFollow(scrollHeight - scrollTop - clientHeight < 30);
        }}
      >
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((row) => {
            const { line, text } = lines[row.index]!;
            return (
              <div key={row.key} data-index={row.index} ref={rows.measureElement} className={`log-line l-${line.level}`} style={{ transform: `translateY(${row.start}px)` }}>
                <span className="quiet">{clock(Date.parse(line.ts), zone, true)}</span>
                <span className="log-asset ellipsis" title={line.asset}>
                  {line.asset ?? ""}
                </span>
                <span className="log-text">{found(text, words)}</span>
              </div>
            );
          })}
        </div>
      </div>
      {running && !follow && (
        <button type="button" className="button small log-follow" onClick={() => setFollow(true)}>
          Follow what comes
        </button>
      )}
    </>
  );
}

function found(text: string, words: string): React.ReactNode {
  const word = words.trim().split(/\s+/)[0]?.toLowerCase();
  const at = word ? text.toLowerCase().indexOf(word) : -1;
  if (!word || at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + word.length)}</mark>
      {text.slice(at + word.length)}
    </>
  );
}
