import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useRuns, useSchedules } from "../api/queries";
import type { Run } from "../api/types";
import { between, bytes, duration, shortId } from "../parts/format";
import { Answer, Card, Empty, PageHead, Segments, Waiting } from "../parts/parts";
import { purpose } from "../parts/runs";
import { Status } from "../parts/status";
import { Ago, useNow } from "../parts/time";

const Grid = lazy(() => import("./Grid").then(({ Grid }) => ({ default: Grid })));
const STATES = [["", "All"], ["running", "Running"], ["failed,interrupted", "Failed"], ["done", "Done"]] as const;
const PAGE = 100;

export function Runs() {
  const { project } = useParams({ from: "/p/$project" });
  const { view = "list", status = "", schedule = "" } = useSearch({ from: "/p/$project/runs" });
  const navigate = useNavigate({ from: "/p/$project/runs" });
  const schedules = useSchedules(project).data?.schedules ?? [];
  const set = (search: { view?: "list" | "grid"; status?: string; schedule?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...search }), replace: true });
  return (
    <div className="page">
      <PageHead title="Runs">
        {view === "list" && (
          <>
            <Segments label="State" value={status} options={STATES} onChange={(value) => set({ status: value || undefined })} />
            {schedules.length > 0 && (
              <select className="field" aria-label="Schedule" value={schedule} onChange={(e) => set({ schedule: e.target.value || undefined })}>
                <option value="">every schedule</option>
                {schedules.map((one) => (
                  <option key={one.schedule} value={one.schedule}>
                    {one.schedule}
                  </option>
                ))}
              </select>
            )}
          </>
        )}
        <Segments label="View" value={view} options={[["list", "List"], ["grid", "Grid"]]} onChange={(value) => set({ view: value })} />
      </PageHead>
      {view === "grid" ? (
        <Suspense fallback={<Waiting lines={8} />}>
          <Grid project={project} />
        </Suspense>
      ) : (
        <List project={project} status={status} schedule={schedule} />
      )}
    </div>
  );
}

function List({ project, status, schedule }: { project: string; status: string; schedule: string }) {
  const [limit, setLimit] = useState(PAGE);
  const runs = useRuns(project, { limit, status: status || undefined, schedule: schedule || undefined });
  return (
    <Card label="Runs">
      <Answer query={runs} lines={10}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={status || schedule ? "No run is like that." : "Nothing has run yet."}>
              {status || schedule ? (
                "Take away a filter."
              ) : (
                <>
                  <Link to="/p/$project/plan" params={{ project }}>
                    Look at the plan
                  </Link>{" "}
                  and start it, or <code>windrow run</code>.
                </>
              )}
            </Empty>
          ) : (
            <>
              <div className="scroll">
                <table className="table">
                  <thead>
                    <tr>
                      <th>State</th>
                      <th>Run</th>
                      <th>For</th>
                      <th className="num">Tasks</th>
                      <th className="num">Took</th>
                      <th className="num">Read</th>
                      <th className="num">Started</th>
                    </tr>
                  </thead>
                  <tbody>
                    {all.map((run) => (
                      <RunRow key={run.run} project={project} run={run} />
                    ))}
                  </tbody>
                </table>
              </div>
              {all.length >= limit && (
                <div className="body">
                  <button type="button" className="button small" onClick={() => setLimit(limit + PAGE)}>
                    Older runs
                  </button>
                </div>
              )}
            </>
          )
        }
      </Answer>
    </Card>
  );
}

function RunRow({ project, run }: { project: string; run: Run }) {
  const now = useNow(run.status === "running" ? 1000 : 3_600_000);
  return (
    <tr>
      <td>
        <Status status={run.status} />
      </td>
      <td className="nowrap">
        <Link to="/p/$project/runs/$run" params={{ project, run: run.run }} className="mono">
          {shortId(run.run)}
        </Link>
      </td>
      <td>
        {purpose(run)}
        {run.retry_of && <span className="sub"> of {shortId(run.retry_of)}</span>}
      </td>
      <td className="num">
        {run.failed > 0 ? <span className="s-failed">{run.failed} failed of </span> : null}
        {run.tasks}
      </td>
      <td className="num">{run.status === "interrupted" && !run.ended ? "" : duration(between(run.started, run.ended, now))}</td>
      <td className="num">{bytes(run.usage?.bytes_read)}</td>
      <td className="num">
        <Ago at={run.started} />
      </td>
    </tr>
  );
}
