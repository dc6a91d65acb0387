import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQueries } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { useAssets } from "../api/queries";
import type { Rows } from "../api/types";
import { count, duration, plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { Card, Empty, Failure, PageHead, Waiting } from "../parts/parts";
import { RowsTable } from "../parts/RowsTable";
import { remembered, remember } from "../parts/queryHistory";
import { Ago } from "../parts/time";
import { saveCsv } from "../parts/csv";

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
  useEffect(() => {
    if (q !== undefined) setText(q);
  }, [q]);

  const run = useCallback(async () => {
    const sql = latest.current.text.trim().replace(/;\s*$/, "");
    if (!sql) return;
    const id = crypto.randomUUID();
    setState({ at: "running", id, since: Date.now() });
    setHistory(remember(project, sql));
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
        {state.at === "rows" && (
          <Card
            title={`${plural(state.rows.rows.length, "row")}${state.rows.more ? ", and more" : ""}`}
            end={
              <>
                <span className="quiet num">{duration(state.rows.seconds)}</span>
                <button type="button" className="button small" onClick={() => saveCsv(state.rows, `${project}.csv`)}>
                  <Icon name="down" size={12} /> CSV
                </button>
              </>
            }
          >
            {state.rows.rows.length === 0 ? <Empty title="No row is like that." /> : <RowsTable rows={state.rows} label="Result" />}
          </Card>
        )}
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
