import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useGraph, useRuns, useTasks } from "../api/queries";
import type { Run } from "../api/types";
import { between, count, dateTime, duration, shortId, zoneName } from "../parts/format";
import { Answer, Card, Empty } from "../parts/parts";
import { purpose } from "../parts/runs";
import { Status, toneOf } from "../parts/status";
import { useZone } from "../parts/time";
import { themeColours, useDark } from "../shell/theme";
import { gridOf, statusOf, step, type GridModel } from "./gridModel";

const CELL = 16;
const HEAD = 56;
const LABELS = 220;
const TONES = ["done", "running", "failed", "late", "idle", "stale", "line", "ink", "ink-3", "surface", "hay", "sunken"] as const;

/** Assets × runs on one canvas as large as what is seen of it, however many there are. */
export function Grid({ project }: { project: string }) {
  const [limit, setLimit] = useState(60);
  const runs = useRuns(project, { limit });
  const tasks = useTasks(project, limit);
  const graph = useGraph(project);
  const model = useMemo(
    () => (runs.data && tasks.data && graph.data ? gridOf(runs.data, tasks.data, graph.data.nodes) : undefined),
    [runs.data, tasks.data, graph.data],
  );
  return (
    <Card
      title="Assets and runs"
      end={
        <>
          {(["done", "running", "failed", "skipped"] as const).map((status) => (
            <span key={status} className="hide-narrow">
              <Status status={status} />
            </span>
          ))}
          <select className="field" aria-label="How many runs" value={limit} onChange={(e) => setLimit(Number(e.target.value))}>
            {[30, 60, 120, 365].map((n) => (
              <option key={n} value={n}>
                {n} runs
              </option>
            ))}
          </select>
        </>
      }
    >
      <Answer query={{ ...tasks, data: model, error: tasks.error ?? runs.error ?? graph.error }} lines={12}>
        {(found) => (found.assets.length === 0 ? <Empty title="Nothing has run yet." /> : <Cells project={project} model={found} />)}
      </Answer>
    </Card>
  );
}

function Cells({ project, model }: { project: string; model: GridModel }) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<[number, number]>([0, model.runs.length - 1]);
  const [hover, setHover] = useState<[number, number]>();
  const dark = useDark();
  const { zone } = useZone();
  const navigate = useNavigate();
  const width = LABELS + model.runs.length * CELL + 8;
  const height = HEAD + model.assets.length * CELL + 4;
  const colours = useMemo(() => themeColours(TONES), [dark]);
  const shown = hover ?? at;

  // The newest runs are what one comes for.
  useEffect(() => {
    if (scroller.current) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [model.runs.length]);

  useEffect(() => {
    const box = scroller.current;
    const paper = canvas.current;
    if (!box || !paper) return;
    let frame = 0;
    const paint = () => {
      frame = 0;
      drawGrid(paper, box, model, shown, colours);
    };
    const ask = () => (frame ||= requestAnimationFrame(paint));
    const sized = new ResizeObserver(ask);
    sized.observe(box);
    box.addEventListener("scroll", ask, { passive: true });
    ask();
    void document.fonts.ready.then(ask);
    return () => {
      sized.disconnect();
      box.removeEventListener("scroll", ask);
      cancelAnimationFrame(frame);
    };
  }, [model, shown, colours]);

  const cellAt = (event: React.MouseEvent): [number, number] | undefined => {
    const box = scroller.current;
    if (!box) return undefined;
    const rect = box.getBoundingClientRect();
    const x = event.clientX - rect.left;
    const y = event.clientY - rect.top;
    if (x < LABELS || y < HEAD) return undefined;
    const column = Math.floor((x + box.scrollLeft - LABELS) / CELL);
    const row = Math.floor((y + box.scrollTop - HEAD) / CELL);
    return row < model.assets.length && column < model.runs.length ? [row, column] : undefined;
  };
  const open = ([row, column]: [number, number]) => {
    const run = model.runs[column];
    if (run) void navigate({ to: "/p/$project/runs/$run", params: { project, run: run.run }, search: model.cells[row]?.[column] ? { asset: model.assets[row] } : {} });
  };
  const reveal = ([row, column]: [number, number]) => {
    const box = scroller.current;
    if (!box) return;
    const x = LABELS + column * CELL;
    const y = HEAD + row * CELL;
    if (x - LABELS < box.scrollLeft) box.scrollLeft = x - LABELS;
    if (x + CELL * 2 > box.scrollLeft + box.clientWidth) box.scrollLeft = x + CELL * 2 - box.clientWidth;
    if (y - HEAD < box.scrollTop) box.scrollTop = y - HEAD;
    if (y + CELL * 2 > box.scrollTop + box.clientHeight) box.scrollTop = y + CELL * 2 - box.clientHeight;
  };
  const run = model.runs[shown[1]];
  const task = model.cells[shown[0]]?.[shown[1]];
  return (
    <>
      <div
        ref={scroller} className="grid-scroll" tabIndex={0} role="application" aria-label="Assets and runs: arrows move, Enter opens the run"
        aria-describedby="grid-says" style={{ height: Math.min(height + 14, 620) }} onMouseLeave={() => setHover(undefined)}
        onMouseMove={(event) => setHover(cellAt(event))}
        onClick={(event) => {
          const cell = cellAt(event);
          if (cell) open(cell);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") open(at);
          if (!event.key.startsWith("Arrow")) return;
          event.preventDefault();
          setHover(undefined);
          const next = step(model, at[0], at[1], event.key);
          setAt(next);
          reveal(next);
        }}
      >
        <div style={{ width, height }}>
          <canvas ref={canvas} className="grid-canvas" />
        </div>
      </div>
      <div id="grid-says" className="grid-says" aria-live="polite">
        <strong>{model.assets[shown[0]]}</strong>
        {run && (
          <>
            <Status status={statusOf(task)} />
            <span className="mono">{shortId(run.run)}</span>
            <span>{purpose(run)}</span>
            <span className="quiet">
              {dateTime(Date.parse(run.started), zone)} {zoneName(Date.parse(run.started), zone)}
            </span>
          </>
        )}
        {task?.rows !== undefined && <span>{count(task.rows)} rows</span>}
        {task?.started && task.ended && <span>{duration(between(task.started, task.ended, 0))}</span>}
        {task?.problem && <span className="s-failed ellipsis">{task.problem.message}</span>}
      </div>
    </>
  );
}

type Colours = Record<(typeof TONES)[number], string>;

function drawGrid(paper: HTMLCanvasElement, box: HTMLElement, model: GridModel, shown: [number, number], colours: Colours): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height, scrollLeft, scrollTop } = box;
  if (paper.width !== width * ratio || paper.height !== height * ratio) {
    paper.width = width * ratio;
    paper.height = height * ratio;
    paper.style.width = `${width}px`;
    paper.style.height = `${height}px`;
  }
  const g = paper.getContext("2d");
  if (!g) return;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  const firstColumn = Math.max(0, Math.floor(scrollLeft / CELL));
  const lastColumn = Math.min(model.runs.length, Math.ceil((scrollLeft + width - LABELS) / CELL) + 1);
  const firstRow = Math.max(0, Math.floor(scrollTop / CELL));
  const lastRow = Math.min(model.assets.length, Math.ceil((scrollTop + height - HEAD) / CELL) + 1);
  const x = (column: number) => LABELS + column * CELL - scrollLeft;
  const y = (row: number) => HEAD + row * CELL - scrollTop;

  g.fillStyle = colours.sunken;
  g.fillRect(x(shown[1]), 0, CELL, height);
  g.fillRect(0, y(shown[0]), width, CELL);
  for (let row = firstRow; row < lastRow; row++) {
    for (let column = firstColumn; column < lastColumn; column++) {
      const task = model.cells[row]?.[column];
      if (!task) continue;
      drawCell(g, x(column), y(row), task.status, colours);
    }
  }
  g.strokeStyle = colours.line;
  for (const layer of model.layers) {
    if (layer.at === 0) continue;
    g.beginPath();
    g.moveTo(0, y(layer.at) - 0.5);
    g.lineTo(width, y(layer.at) - 0.5);
    g.stroke();
  }
  // Labels lie over what was scrolled below them.
  g.fillStyle = colours.surface;
  g.fillRect(0, HEAD, LABELS - 6, height);
  g.font = "12px Inter, system-ui, sans-serif";
  g.textBaseline = "middle";
  for (let row = firstRow; row < lastRow; row++) {
    g.fillStyle = row === shown[0] ? colours.ink : colours["ink-3"];
    g.fillText(fitted(g, model.assets[row] ?? "", LABELS - 28), 14, y(row) + CELL / 2 + 1);
  }
  g.fillStyle = colours.surface;
  g.fillRect(0, 0, width, HEAD);
  drawDurations(g, model.runs, firstColumn, lastColumn, x, colours);
  g.fillStyle = colours.surface;
  g.fillRect(0, 0, LABELS - 6, HEAD);
  g.strokeStyle = colours.hay;
  g.lineWidth = 2;
  if (x(shown[1]) >= LABELS - 8 && y(shown[0]) >= HEAD - 8) g.strokeRect(x(shown[1]) + 1, y(shown[0]) + 1, CELL - 2, CELL - 2);
  g.lineWidth = 1;
}

/** State by shape as well as by colour: failed has a cross, skipped and canceled are small. */
function drawCell(g: CanvasRenderingContext2D, x: number, y: number, status: string, colours: Colours): void {
  const tone = toneOf(status);
  g.fillStyle = colours[tone];
  if (tone === "idle") {
    g.fillRect(x + 4, y + 6, CELL - 8, 4);
    return;
  }
  // What went well steps back.
  g.globalAlpha = tone === "done" ? 0.62 : 1;
  g.fillRect(x + 2, y + 2, CELL - 4, CELL - 4);
  g.globalAlpha = 1;
  if (tone === "failed") {
    g.strokeStyle = colours.surface;
    g.lineWidth = 1.6;
    g.beginPath();
    g.moveTo(x + 5, y + 5);
    g.lineTo(x + CELL - 5, y + CELL - 5);
    g.moveTo(x + CELL - 5, y + 5);
    g.lineTo(x + 5, y + CELL - 5);
    g.stroke();
    g.lineWidth = 1;
  }
}

/** How long each run took, as a bar above its column; longer ones on a scale by roots, so that short ones are seen. */
function drawDurations(
  g: CanvasRenderingContext2D, runs: readonly Run[], first: number, last: number, x: (column: number) => number, colours: Colours,
): void {
  const took = (run: Run | undefined) => (run?.ended ? (Date.parse(run.ended) - Date.parse(run.started)) / 1000 : 0);
  const most = Math.max(0.001, ...runs.map(took));
  for (let column = first; column < last; column++) {
    const run = runs[column];
    if (!run) continue;
    const height = Math.max(2, Math.sqrt(took(run) / most) * (HEAD - 14));
    g.fillStyle = colours[toneOf(run.status)];
    g.globalAlpha = run.status === "done" ? 0.45 : 1;
    g.fillRect(x(column) + 3, HEAD - 4 - height, CELL - 6, height);
    g.globalAlpha = 1;
  }
}

function fitted(g: CanvasRenderingContext2D, text: string, width: number): string {
  if (g.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && g.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}
