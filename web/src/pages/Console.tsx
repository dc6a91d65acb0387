import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQueries } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { useAssets } from "../api/queries";
import type { Rows } from "../api/types";
import { count, duration, plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { Bars } from "../parts/Bars";
import { drawingOf } from "../parts/chartable";
import { Card, Empty, Failure, PageHead, Segments, Waiting } from "../parts/parts";
import { RowsTable } from "../parts/RowsTable";
import { remembered, remember } from "../parts/queryHistory";
import { Ago } from "../parts/time";
import { saveCsv } from "../parts/csv";

const Chart = lazy(() => import("../parts/Chart").then(({ Chart }) => ({ default: Chart })));
const Editor = lazy(() => import("../parts/Editor").then(({ Editor }) => ({ default: Editor })));

type State = { at: "nothing" } | { at: "running"; id: string; since: number } | { at: "rows"; rows: Rows; sql: string } | { at: "error"; error: unknown };

export function Console() {
  const { project } = useParams({ from: "/p/$project/sql" });
  const { q } = useSearch({ from: "/p/$project/sql" });
  const navigate = useNavigate({ from: "/p/$project/sql" });
  const [text, setText] = useState(() => q ?? remembered(project)[0]?.sql ?? "");
  const [state, setState] = useState<State>({ at: "nothing" });
  const [history, setHistory] = useState(() => remembered(project));
  const [limit, setLimit] = useState(1000);
  const tables = useTables(project);
  const latest = useRef({ text, limit });
  latest.current = { text, limit };
  const asked = useRef(q);
  useEffect(() => {
    // What one has run oneself is not put back over what one has written since.
    if (q !== undefined && q !== asked.current) setText(q);
    asked.current = q;
  }, [q]);

  const run = useCallback(async () => {
    const sql = latest.current.text.trim().replace(/;\s*$/, "");
    if (!sql) return;
    const id = crypto.randomUUID();
    setState({ at: "running", id, since: Date.now() });
    setHistory(remember(project, sql));
    asked.current = sql;
    void navigate({ search: { q: sql }, replace: true });
    try {
      const rows = await api.query(project, { sql, limit: latest.current.limit, id });
      setState((now) => (now.at === "running" && now.id === id ? { at: "rows", rows, sql } : now));
    } catch (error) {
      setState((now) => (now.at === "running" && now.id === id ? { at: "error", error } : now));
    }
  }, [project, navigate]);
  const stop = () => {
    if (state.at !== "running") return;
    void api.stopQuery(project, state.id).catch(() => undefined);
    setState({ at: "nothing" });
  };
  return (
    <div className="page">
      <PageHead title="SQL" sub={<span className="quiet">reads the lake; changes nothing</span>}>
        <label className="row quiet">
          at most
          <select className="field" value={limit} onChange={(e) => setLimit(Number(e.target.value))}>
            {[100, 1000, 10_000].map((n) => (
              <option key={n} value={n}>
                {count(n)} rows
              </option>
            ))}
          </select>
        </label>
        {state.at === "running" ? (
          <button type="button" className="button danger" onClick={stop}>
            <Icon name="stop" size={14} /> Stop
          </button>
        ) : (
          <button type="button" className="button primary" disabled={text.trim() === ""} onClick={() => void run()}>
            <Icon name="play" size={14} /> Run <kbd className="kbd">Ctrl ⏎</kbd>
          </button>
        )}
      </PageHead>
      <div className="card editor-card">
        <Suspense fallback={<Waiting lines={5} />}>
          <Editor text={text} onChange={setText} onRun={() => void run()} tables={tables} />
        </Suspense>
      </div>
      <div aria-live="polite">
        {state.at === "running" && (
          <Card label="Running">
            <Waiting lines={6} />
          </Card>
        )}
        {state.at === "error" && (
          <Card title="It did not run">
            <Failure error={state.error} />
          </Card>
        )}
        {state.at === "rows" && <Result key={state.sql} rows={state.rows} name={project} />}
      </div>
      {history.length > 0 && (
        <Card title="Before">
          <ul className="query-history">
            {history.slice(0, 12).map(({ sql, at }) => (
              <li key={sql}>
                <button type="button" onClick={() => setText(sql)}>
                  <code className="ellipsis">{sql.replace(/\s+/g, " ")}</code>
                  <span className="quiet">
                    <Ago at={at} />
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

const TONES = ["running", "done", "hay", "stale", "failed"] as const;

function Result({ rows, name }: { rows: Rows; name: string }) {
  const [view, setView] = useState<"table" | "chart">("table");
  const drawing = useMemo(() => drawingOf(rows), [rows]);
  return (
    <Card
      title={`${plural(rows.rows.length, "row")}${rows.more ? ", and more" : ""}`}
      end={
        <>
          <span className="quiet num">{duration(rows.seconds)}</span>
          {drawing && <Segments label="Shown as" value={view} options={[["table", "Table"], ["chart", "Chart"]]} onChange={setView} />}
          <button type="button" className="button small" onClick={() => saveCsv(rows, `${name}.csv`)}>
            <Icon name="down" size={12} /> CSV
          </button>
        </>
      }
    >
      {rows.rows.length === 0 ? (
        <Empty title="No row is like that." />
      ) : view === "table" || !drawing ? (
        <RowsTable rows={rows} label="Result" />
      ) : drawing.kind === "bars" ? (
        <Bars name={drawing.name} bars={drawing.bars} />
      ) : (
        <>
          <Suspense fallback={<Waiting lines={8} />}>
            <Chart
              times={drawing.times} zone="UTC" height={280} label={drawing.series.map((one) => one.name).join(", ")}
              series={drawing.series.map((one, i) => ({ ...one, tone: TONES[i]!, format: (value) => value.toLocaleString("en-US") }))}
            />
          </Suspense>
          <div className="legend">
            {drawing.series.map((one, i) => (
              <span key={one.name}>
                <i style={{ background: `var(--${TONES[i]})` }} />
                {one.name}
              </span>
            ))}
          </div>
        </>
      )}
    </Card>
  );
}

const COLUMNS_OF = 60; // tables whose columns are asked for at once, for completion

/** Tables with their columns, for completion. */
function useTables(project: string): Record<string, string[]> {
  const assets = useAssets(project).data;
  const names = useMemo(() => (assets ?? []).filter((asset) => asset.version !== undefined).map((asset) => asset.asset), [assets]);
  const details = useQueries({
    queries: names.slice(0, COLUMNS_OF).map((asset) => ({
      queryKey: [project, "asset", asset], queryFn: () => api.asset(project, asset), staleTime: 300_000,
    })),
    combine: (all) => all.map((one) => one.data),
  });
  return useMemo(() => {
    const out: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
    for (const detail of details) if (detail) out[detail.asset] = detail.columns?.map((column) => column.name) ?? [];
    return out;
  }, [names, details]);
}
