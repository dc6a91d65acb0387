import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useAsset, useChecks, useDiff, useHistory, useRows, useStats } from "../api/queries";
import type { AssetDetail, AssetTask, Commit, TableStats } from "../api/types";
import { between, bytes, cell, count, duration, percent, plural, shortId } from "../parts/format";
import { Answer, Card, Empty, PageHead, ProblemBox, Tabs, Waiting } from "../parts/parts";
import { RowsTable } from "../parts/RowsTable";
import { Sql } from "../parts/sql";
import { Status } from "../parts/status";
import { Ago, At } from "../parts/time";
import { Names } from "./Graph";
import { scored } from "./Run";

const Chart = lazy(() => import("../parts/Chart").then(({ Chart }) => ({ default: Chart })));
type Tab = "columns" | "sql" | "sample" | "versions" | "runs" | "checks" | "files";

export function Asset() {
  const { project, asset } = useParams({ from: "/p/$project/assets/$asset" });
  const detail = useAsset(project, asset);
  return (
    <div className="page">
      {detail.data === undefined && <PageHead title={asset} />}
      <Answer query={detail} lines={8}>
        {(found) => <Found project={project} asset={found} />}
      </Answer>
    </div>
  );
}

function Found({ project, asset }: { project: string; asset: AssetDetail }) {
  const { tab: asked } = useSearch({ from: "/p/$project/assets/$asset" });
  const navigate = useNavigate({ from: "/p/$project/assets/$asset" });
  const table = asset.version !== undefined;
  const tabs: [Tab, React.ReactNode][] = [
    ...(asset.columns?.length ? [["columns", `Columns ${asset.columns.length}`] as [Tab, string]] : []),
    ...(asset.sql ? [["sql", "SQL"] as [Tab, string]] : []),
    ...(table ? ([["sample", "Rows"], ["versions", "Versions"], ["files", "Files"]] as [Tab, string][]) : []),
    ["runs", "Runs"],
    ["checks", "Checks"],
  ];
  const tab = tabs.find(([key]) => key === asked)?.[0] ?? tabs[0]![0];
  const go = (name: string) => void navigate({ to: "/p/$project/assets/$asset", params: { project, asset: name }, search: { tab: asked } });
  return (
    <>
      <PageHead title={asset.asset} sub={<span className="tag">{asset.kind}</span>}>
        <Link className="button" to="/p/$project/graph" params={{ project }} search={{ focus: asset.asset }}>
          In the graph
        </Link>
        <Link className="button" to="/p/$project/plan" params={{ project }} search={{ select: asset.asset }}>
          Plan it
        </Link>
        {table && (
          <Link className="button" to="/p/$project/sql" params={{ project }} search={{ q: `SELECT * FROM ${asset.asset} LIMIT 100` }}>
            Query it
          </Link>
        )}
      </PageHead>
      {asset.description && <p className="lead">{asset.description}</p>}
      <dl className="facts">
        {(
          [
            ["Rows", count(asset.rows)],
            ["Size", bytes(asset.bytes)],
            ["Version", asset.version === undefined ? <span className="quiet">not built yet</span> : asset.version],
            ["Updated", asset.updated && <Ago at={asset.updated} />],
            ["Owner", asset.owner],
            ["File", <span className="mono">{asset.file}</span>],
            ["Tags", asset.tags.length > 0 && asset.tags.join(", ")],
          ] as [string, React.ReactNode][]
        )
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <div className="asset-split">
        <div className="stack grow">
          <Tabs label={`Of ${asset.asset}`} panel="asset-panel" value={tab} options={tabs} onChange={(value) => void navigate({ search: (before) => ({ ...before, tab: value }), replace: true })} />
          <div id="asset-panel" role="tabpanel" aria-labelledby={`asset-panel-${tab}`}>
            {tab === "columns" && <Columns project={project} asset={asset} />}
            {tab === "sql" && asset.sql && (
              <div className="card">
                <Sql text={asset.sql} />
              </div>
            )}
            {tab === "sample" && <Sample project={project} asset={asset} />}
            {tab === "versions" && <Versions project={project} table={asset.asset} />}
            {tab === "files" && <Files project={project} table={asset.asset} />}
            {tab === "runs" && <AssetRuns project={project} runs={asset.runs ?? []} />}
            {tab === "checks" && <AssetChecks project={project} asset={asset} />}
          </div>
        </div>
        {(asset.upstream?.length || asset.downstream?.length) ? (
          <aside className="asset-side stack" aria-label="Neighbours">
            <Names title="Reads" names={asset.upstream ?? []} onSelect={go} />
            <Names title="Read by" names={asset.downstream ?? []} onSelect={go} />
          </aside>
        ) : null}
      </div>
    </>
  );
}

/** A check as its file writes it. */
const checkText = (check: unknown): string => (typeof check === "string" ? check : JSON.stringify(check)?.replace(/^\{"|"|\}$/g, "").replace(":", ": ") ?? "");

function Columns({ project, asset }: { project: string; asset: AssetDetail }) {
  const described = asset.columns!.some((column) => column.description || column.checks?.length);
  return (
    <Card label="Columns">
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th>Column</th>
              <th>Type</th>
              {described && <th>Meaning and checks</th>}
              <th>
                <span className="visually-hidden">Lineage</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {asset.columns!.map((column) => (
              <tr key={column.name}>
                <td className="mono">{column.name}</td>
                <td className="mono quiet">{column.type?.toLowerCase()}</td>
                {described && (
                  <td>
                    {column.description} {column.checks?.map((check) => <span key={checkText(check)} className="tag">{checkText(check)}</span>)}
                  </td>
                )}
                <td className="num">
                  <Link to="/p/$project/graph" params={{ project }} search={{ focus: asset.asset, column: column.name }} aria-label={`Lineage of ${column.name}`}>
                    lineage
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Sample({ project, asset }: { project: string; asset: AssetDetail }) {
  const { version } = useSearch({ from: "/p/$project/assets/$asset" });
  const navigate = useNavigate({ from: "/p/$project/assets/$asset" });
  const rows = useRows(project, asset.asset, version, true);
  const newest = asset.version ?? 0;
  const at = version ?? newest;
  const to = (next: number) => void navigate({ search: (before) => ({ ...before, version: next === newest ? undefined : next }), replace: true });
  return (
    <Card
      title={version === undefined ? "Rows as they are" : `Rows as they were in version ${version}`}
      end={
        <>
          <button type="button" className="button small" disabled={at <= 0} onClick={() => to(at - 1)}>
            Older
          </button>
          <span className="num">version {at}</span>
          <button type="button" className="button small" disabled={at >= newest} onClick={() => to(at + 1)}>
            Newer
          </button>
        </>
      }
    >
      <Answer query={rows} lines={10}>
        {(found) => (found.rows.length === 0 ? <Empty title="The table has no rows." /> : <RowsTable rows={found} label={`Rows of ${asset.asset}`} />)}
      </Answer>
    </Card>
  );
}

const metric = (commit: Commit, ...names: string[]): number | undefined => {
  for (const name of names) {
    const value = commit.metrics?.[name];
    if (value !== undefined) return Number(value);
  }
  return undefined;
};

function Versions({ project, table }: { project: string; table: string }) {
  const history = useHistory(project, table, true);
  const [compared, setCompared] = useState<number>();
  return (
    <Card label="Versions">
      <Answer query={history} lines={6}>
        {(commits) => (
          <div className="scroll">
            <table className="table">
              <thead>
                <tr>
                  <th className="num">Version</th>
                  <th>When</th>
                  <th>What</th>
                  <th className="num">Rows written</th>
                  <th>Run</th>
                  <th>
                    <span className="visually-hidden">Look</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {commits.map((commit) => (
                  <Version key={commit.version} project={project} table={table} commit={commit} open={compared === commit.version} onOpen={(yes) => setCompared(yes ? commit.version : undefined)} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answer>
    </Card>
  );
}

function Version({ project, table, commit, open, onOpen }: { project: string; table: string; commit: Commit; open: boolean; onOpen: (open: boolean) => void }) {
  const run = commit.windrow?.run;
  const { version } = commit;
  return (
    <>
      <tr>
        <td className="num">{version}</td>
        <td>
          <At at={commit.timestamp} />
        </td>
        <td>
          {commit.operation.toLowerCase()}
          {commit.windrow?.reasons?.[0] && <div className="sub">{commit.windrow.reasons[0]}</div>}
        </td>
        <td className="num">{count(metric(commit, "numOutputRows", "numTargetRowsInserted", "numAddedRows"))}</td>
        <td>
          {run && (
            <Link to="/p/$project/runs/$run" params={{ project, run }} className="mono">
              {shortId(run)}
            </Link>
          )}
        </td>
        <td className="num nowrap">
          <Link to="/p/$project/assets/$asset" params={{ project, asset: table }} search={{ tab: "sample", version }} className="button small">
            Rows<span className="visually-hidden"> of version {version}</span>
          </Link>{" "}
          {version > 0 && (
            <button type="button" className="button small" aria-expanded={open} onClick={() => onOpen(!open)}>
              Difference<span className="visually-hidden"> of version {version}</span>
            </button>
          )}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={6} className="nested">
            <Difference project={project} table={table} version={version} />
          </td>
        </tr>
      )}
    </>
  );
}

function Difference({ project, table, version }: { project: string; table: string; version: number }) {
  const diff = useDiff(project, table, version - 1, version);
  return (
    <Answer query={diff} lines={3}>
      {(rows) => (rows.rows.length === 0 ? <Empty title="No row is another.">It wrote the same rows again, or looked after files.</Empty> : <RowsTable rows={rows} label={`What version ${version} changed`} />)}
    </Answer>
  );
}

function AssetRuns({ project, runs }: { project: string; runs: AssetTask[] }) {
  if (runs.length === 0) return <Empty title="It has not run yet.">Plan it, and start that.</Empty>;
  const oldestFirst = [...runs].reverse().filter((task) => task.started && task.ended);
  return (
    <div className="stack">
      {oldestFirst.length > 2 && (
        <Card title="How long it took">
          <Suspense fallback={<Waiting lines={5} />}>
            <Chart
              times={oldestFirst.map((task) => Date.parse(task.started!) / 1000)} label="Seconds of each run"
              series={[{ name: "seconds", values: oldestFirst.map((task) => between(task.started, task.ended, 0) ?? null), tone: "running", format: duration }]}
            />
          </Suspense>
        </Card>
      )}
      <Card label="Runs of this asset">
        <div className="scroll">
          <table className="table">
            <thead>
              <tr>
                <th>State</th>
                <th>Run</th>
                <th>Why</th>
                <th className="num">Rows</th>
                <th className="num">Quality</th>
                <th className="num">Took</th>
                <th className="num">Started</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((task) => (
                <tr key={task.run}>
                  <td>
                    <Status status={task.status} />
                  </td>
                  <td>
                    <Link to="/p/$project/runs/$run" params={{ project, run: task.run }} search={{ asset: task.asset }} className="mono">
                      {shortId(task.run)}
                    </Link>
                  </td>
                  <td>
                    {task.reasons?.[0]}
                    {task.problem && <ProblemBox problem={task.problem} />}
                    {task.caused_by && <span className="quiet">held back by {task.caused_by}</span>}
                  </td>
                  <td className="num">{count(task.rows)}</td>
                  <td className="num">{task.quality_score === undefined ? "" : percent(scored(task.quality_score))}</td>
                  <td className="num">{task.ended ? duration(between(task.started, task.ended, 0)) : ""}</td>
                  <td className="num">
                    <Ago at={task.started} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
    </div>
  );
}

function AssetChecks({ project, asset }: { project: string; asset: AssetDetail }) {
  const checks = useChecks(project, asset.asset, true);
  return (
    <Card label="Checks">
      <Answer query={checks}>
        {(found) =>
          found.length === 0 ? (
            <Empty title="Nothing is checked here.">
              Write <code>checks: [not_null, unique]</code> under a column, or for the table.
            </Empty>
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>Result</th>
                    <th>Check</th>
                    <th className="num">Failing</th>
                    <th className="num">Looked at</th>
                  </tr>
                </thead>
                <tbody>
                  {found.map((check, i) => (
                    <tr key={i}>
                      <td>
                        <Status status={check.passed ? "ok" : check.severity === "warn" ? "late" : "failed"} label={check.passed ? "passed" : check.severity === "warn" ? "warns" : "failed"} />
                      </td>
                      <td>
                        <span className="mono">{check.check}</span>
                        {!check.passed && check.message && <div>{check.message}</div>}
                        {!check.passed && check.sample?.rows[0] && (
                          <div className="sub mono">{check.sample.columns.map((name, k) => `${name}=${cell(check.sample!.rows[0]![k])}`).join(" ")}</div>
                        )}
                      </td>
                      <td className="num">{check.passed ? "" : count(check.failing)}</td>
                      <td className="num">{count(check.total)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answer>
    </Card>
  );
}

function Files({ project, table }: { project: string; table: string }) {
  const stats = useStats(project, table, true);
  return (
    <Answer query={stats} lines={6}>
      {(found) => (
        <div className="stack">
          <FileFacts stats={found} />
          {found.sizes && found.sizes.length > 2 && (
            <Card title="How it grows">
              <Suspense fallback={<Waiting lines={5} />}>
                <Chart
                  times={found.sizes.map(({ time }) => Date.parse(time) / 1000)} label="Size over time"
                  series={[{ name: "size", values: found.sizes.map((one) => one.bytes), tone: "done", format: bytes }]}
                />
              </Suspense>
            </Card>
          )}
        </div>
      )}
    </Answer>
  );
}

function FileFacts({ stats }: { stats: TableStats }) {
  const facts: [string, string][] = [
    ["Rows", count(stats.rows)],
    ["Files", count(stats.files)],
    ["Size", bytes(stats.bytes)],
    ["Small files", count(stats.small_files)],
    ["Partitions", count(stats.partitions)],
    ["Versions", count(stats.versions)],
    ["Log", bytes(stats.log_bytes)],
    ["To be vacuumed", stats.tombstones === undefined ? "" : plural(stats.tombstones, "file")],
    ["Grows a day by", stats.growth ? bytes(Math.max(0, Math.round(stats.growth.bytes_per_day))) : ""],
  ];
  return (
    <div className="card">
      <dl className="facts body">
        {facts.filter(([, value]) => value !== "").map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
