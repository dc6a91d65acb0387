import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { useLive } from "../api/live";
import { useCritical, useGraph, useRun } from "../api/queries";
import type { Check, RunDetail, Task } from "../api/types";
import { GraphCanvas } from "../graph/GraphCanvas";
import { pictureOf } from "../graph/model";
import { Act } from "../parts/act";
import { between, bytes, cell, count, duration, percent, plural, shortId } from "../parts/format";
import { Icon } from "../parts/icons";
import { Answer, Card, Empty, PageHead, ProblemBox, Tabs } from "../parts/parts";
import { purpose } from "../parts/runs";
import { Status } from "../parts/status";
import { At, useNow } from "../parts/time";
import { Logs } from "./Logs";
import { Timeline } from "./Timeline";

type Tab = "tasks" | "timeline" | "graph" | "logs" | "checks";

export function Run() {
  const { project, run: id } = useParams({ from: "/p/$project/runs/$run" });
  const run = useRun(project, id);
  return (
    <div className="page full">
      {run.data === undefined && <PageHead title={shortId(id)} />}
      <Answer query={run} lines={8}>
        {(found) => <Found project={project} run={found} />}
      </Answer>
    </div>
  );
}

function Found({ project, run }: { project: string; run: RunDetail }) {
  const { tab = "tasks", asset } = useSearch({ from: "/p/$project/runs/$run" });
  const navigate = useNavigate({ from: "/p/$project/runs/$run" });
  const failedChecks = run.checks.filter((check) => !check.passed).length;
  const tabs: [Tab, React.ReactNode][] = [
    ["tasks", `Tasks ${run.tasks.length}`],
    ["timeline", "Timeline"],
    ["graph", "Graph"],
    ["logs", "Logs"],
    ["checks", failedChecks > 0 ? <>Checks <span className="s-failed">{failedChecks} failed</span></> : `Checks ${run.checks.length}`],
  ];
  const only = (name: string | undefined) => void navigate({ search: (before) => ({ ...before, asset: name }), replace: true });
  return (
    <>
      <PageHead title={<>{purpose({ ...run, command: run.command })} <span className="mono quiet">{shortId(run.run)}</span></>} sub={<Status status={run.status} pill />}>
        <Deeds project={project} run={run} />
      </PageHead>
      <Facts project={project} run={run} />
      <div>
        <Tabs label="Of this run" panel="run-panel" value={tab} options={tabs} onChange={(value) => void navigate({ search: (before) => ({ ...before, tab: value }), replace: true })} />
      </div>
      <div id="run-panel" role="tabpanel" aria-labelledby={`run-panel-${tab}`} className="panel-room">
        {tab === "tasks" && <Tasks project={project} run={run} asset={asset} />}
        {tab === "timeline" && <Timeline project={project} run={run} />}
        {tab === "graph" && <RunGraph project={project} run={run} asset={asset} onSelect={only} />}
        {tab === "logs" && <Logs project={project} run={run.run} running={run.status === "running"} asset={asset} onAsset={only} assets={run.tasks.map((task) => task.asset)} />}
        {tab === "checks" && <Checks project={project} checks={run.checks} />}
      </div>
    </>
  );
}

function Deeds({ project, run }: { project: string; run: RunDetail }) {
  const navigate = useNavigate();
  const to = ({ run: next }: { run: string }) => void navigate({ to: "/p/$project/runs/$run", params: { project, run: next } });
  const mendable = run.status !== "running" && run.status !== "done";
  return (
    <>
      {run.status === "running" && (
        <Act
          project={project} className="button danger" act={() => api.cancel(project, run.run)}
          ask={{ title: "Cancel this run?", text: "It stops at its next commit. What is committed stays; nothing is left half done.", verb: "Cancel the run" }}
        >
          <Icon name="stop" size={14} /> Cancel
        </Act>
      )}
      {mendable && (
        <Act project={project} className="button primary" act={() => api.retry(project, run.run)} done={to}>
          <Icon name="again" size={14} /> Retry what failed
        </Act>
      )}
    </>
  );
}

function Facts({ project, run }: { project: string; run: RunDetail }) {
  const now = useNow(run.status === "running" ? 1000 : 3_600_000);
  const rows = run.tasks.reduce((sum, task) => sum + (task.rows ?? 0), 0);
  const expected = useCritical(project, run.run, run.status === "running").data?.critical?.expected;
  const facts: [string, React.ReactNode][] = [
    ["Started", <At key="s" at={run.started} />],
    [run.ended ? "Took" : "For", duration(between(run.started, run.ended, now))],
    ...(expected ? ([["Expected to end", <At key="e" at={expected} />]] as [string, React.ReactNode][]) : []),
    ...(run.due ? ([["Due", <At key="d" at={run.due} seconds={false} />]] as [string, React.ReactNode][]) : []),
    ...(run.retry_of ? ([["Retry of", <Link key="r" to="/p/$project/runs/$run" params={{ project, run: run.retry_of }}>{shortId(run.retry_of)}</Link>]] as [string, React.ReactNode][]) : []),
    ["Environment", run.environment],
    ["Rows", count(rows)],
    ["Read", bytes(run.usage?.bytes_read)],
    ["Written", bytes(run.usage?.bytes_written)],
    ["Processor", duration(run.usage?.cpu_seconds)],
    ["Memory", bytes(run.usage?.peak_memory)],
  ];
  return (
    <dl className="facts">
      {facts.filter(([, value]) => value !== "").map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const ORDER: Record<string, number> = { failed: 0, running: 1, canceled: 2, skipped: 3, waiting: 4, done: 5 };

function Tasks({ project, run, asset }: { project: string; run: RunDetail; asset: string | undefined }) {
  const now = useNow(run.status === "running" ? 1000 : 3_600_000);
  const { progress } = useLive();
  const tasks = useMemo(() => [...run.tasks].sort((a, b) => (ORDER[a.status] ?? 4) - (ORDER[b.status] ?? 4)), [run.tasks]);
  if (tasks.length === 0) return <Empty title={run.status === "running" ? "Nothing has begun yet." : "It had nothing to do."}>Everything was up to date.</Empty>;
  return (
    <Card label="Tasks">
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th>State</th>
              <th>Asset</th>
              <th>Why</th>
              <th className="num">Rows</th>
              <th className="num">Quality</th>
              <th className="num">Attempts</th>
              <th className="num">Took</th>
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => {
              const moved = progress.get(`${run.run}/${task.asset}`);
              return (
                <tr key={task.asset} className={task.asset === asset ? "marked" : undefined}>
                  <td>
                    <Status status={task.status} />
                  </td>
                  <td className="nowrap">
                    <Link to="/p/$project/assets/$asset" params={{ project, asset: task.asset }}>
                      {task.asset}
                    </Link>
                    <div className="sub">{task.kind}</div>
                  </td>
                  <td className="why">
                    <Reasons task={task} />
                    {task.status === "running" && moved && (
                      <div className="row">
                        <progress value={moved.fraction} max={1} aria-label={moved.phase} />
                        <span className="sub">{moved.phase}</span>
                      </div>
                    )}
                    {task.warnings?.map((text) => (
                      <div key={text} className="s-late">
                        {text}
                      </div>
                    ))}
                    {task.problem && !task.caused_by && <ProblemBox problem={task.problem} />}
                    {task.caused_by && <span className="quiet">held back by {task.caused_by}</span>}
                  </td>
                  <td className="num">
                    {count(moved?.rows ?? task.rows)}
                    {task.rejected ? <div className="sub s-late">{count(task.rejected)} set aside</div> : null}
                  </td>
                  <td className="num">{task.quality_score === undefined ? "" : percent(scored(task.quality_score))}</td>
                  <td className="num">{task.attempts > 1 ? <span className="s-late">{task.attempts}</span> : task.attempts || ""}</td>
                  <td className="num">{duration(between(task.started, task.ended, now))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** Quality is told as a share, or of a hundred. */
export const scored = (score: number): number => (score > 1 ? score / 100 : score);

function Reasons({ task }: { task: Task }) {
  const [all, setAll] = useState(false);
  const reasons = task.reasons ?? [];
  const shown = all ? reasons : reasons.slice(0, 2);
  return (
    <>
      {shown.map((reason) => (
        <div key={reason}>{reason}</div>
      ))}
      {reasons.length > shown.length && (
        <button type="button" className="button small plain" onClick={() => setAll(true)}>
          {plural(reasons.length - shown.length, "reason")} more
        </button>
      )}
    </>
  );
}

function RunGraph({ project, run, asset, onSelect }: { project: string; run: RunDetail; asset: string | undefined; onSelect: (asset: string | undefined) => void }) {
  const graph = useGraph(project);
  const navigate = useNavigate();
  const status = useMemo(() => new Map<string, string>(run.tasks.map((task) => [task.asset, task.status])), [run.tasks]);
  const picture = useMemo(
    () => graph.data && pictureOf(graph.data, new Set(status.keys()), "none", new Set(), (name) => status.get(name)),
    [graph.data, status],
  );
  return (
    <Answer query={{ ...graph, data: picture }}>
      {(found) => (
        <div className="card graph-card">
          <GraphCanvas
            picture={found} selected={asset} onSelect={onSelect} label="The run's graph"
            onOpen={(id) => void navigate({ to: "/p/$project/assets/$asset", params: { project, asset: id } })}
          />
        </div>
      )}
    </Answer>
  );
}

function Checks({ project, checks }: { project: string; checks: Check[] }) {
  if (checks.length === 0) {
    return <Empty title="This run checked nothing.">Checks stand in the header of a model, or under its columns: <code>checks: [not_null, unique]</code></Empty>;
  }
  const sorted = [...checks].sort((a, b) => Number(a.passed) - Number(b.passed) || a.asset.localeCompare(b.asset));
  return (
    <Card label="Checks">
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th>Result</th>
              <th>Asset</th>
              <th>Check</th>
              <th className="num">Failing</th>
              <th className="num">Looked at</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((check, i) => (
              <tr key={i}>
                <td>
                  <Status status={check.passed ? "ok" : check.severity === "warn" ? "late" : "failed"} label={check.passed ? "passed" : check.severity === "warn" ? "warns" : "failed"} />
                </td>
                <td className="nowrap">
                  <Link to="/p/$project/assets/$asset" params={{ project, asset: check.asset }}>
                    {check.asset}
                  </Link>
                </td>
                <td>
                  <span className="mono">{check.check}</span>
                  {check.message && !check.passed && <div>{check.message}</div>}
                  {!check.passed && check.sample && <Sample columns={check.sample.columns} rows={check.sample.rows} />}
                </td>
                <td className="num">{check.passed ? "" : count(check.failing)}</td>
                <td className="num">{count(check.total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Sample({ columns, rows }: { columns: string[]; rows: unknown[][] }) {
  return (
    <details>
      <summary>{plural(rows.length, "row")} of those</summary>
      <div className="scroll">
        <table className="table mono">
          <thead>
            <tr>
              {columns.map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((value, k) => (
                  <td key={k}>{cell(value)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
