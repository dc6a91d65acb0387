import { Link, useParams } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { projectsQuery, useAssets, useCritical, useDue, useQuality, useRun, useRuns, useSchedules, useSensors } from "../api/queries";
import { useLive } from "../api/live";
import type { Asset, Due, Problem, Quality, Run, Sensor } from "../api/types";
import { between, clock, count, dateTime, duration, percent, plural, relative, shortId, zoneName } from "../parts/format";
import { Answer, Card, Empty, PageHead, ProblemBox } from "../parts/parts";
import { brokenNow, purpose } from "../parts/runs";
import { Mark, Status } from "../parts/status";
import { Ago, useNow, useZone } from "../parts/time";
import { DayStrip } from "./DayStrip";

/** What runs, what failed, what is late, what comes next, how fresh it all is. */
export function Today() {
  const { project } = useParams({ from: "/p/$project" });
  const runs = useRuns(project, { limit: 300 });
  const running = runs.data?.filter((run) => run.status === "running") ?? [];
  return (
    <div className="page">
      <PageHead title="Today" sub={<Summary project={project} runs={runs.data} />} />
      {running.length > 0 && (
        <Card title="Running">
          {running.map((run) => (
            <RunningRun key={run.run} project={project} run={run} />
          ))}
        </Card>
      )}
      <Attention project={project} runs={runs.data} />
      <Card title="The last day, and what comes" label="The last day">
        <Answer query={runs} lines={3}>{(all) => <DayStrip project={project} runs={all} />}</Answer>
      </Card>
      <div className="columns">
        <Next project={project} />
        <Freshness project={project} />
      </div>
    </div>
  );
}

function Summary({ project, runs }: { project: string; runs: Run[] | undefined }) {
  const now = useNow(60_000);
  const assets = useAssets(project).data;
  if (!runs || !assets) return null;
  const day = runs.filter((run) => now - Date.parse(run.started) < 86_400_000);
  const failed = day.filter((run) => run.status === "failed").length;
  const rows = assets.reduce((sum, asset) => sum + (asset.rows ?? 0), 0);
  return (
    <span className="quiet">
      {plural(day.length, "run")} in 24 h, {failed === 0 ? "none failed" : `${failed} failed`} · {plural(assets.length, "asset")} · {plural(rows, "row")}
    </span>
  );
}

function RunningRun({ project, run }: { project: string; run: Run }) {
  const now = useNow(1000);
  const detail = useRun(project, run.run).data;
  const critical = useCritical(project, run.run, true).data?.critical;
  const { progress } = useLive();
  const { zone } = useZone();
  const tasks = detail?.tasks ?? [];
  const ended = tasks.filter((task) => task.ended).length;
  const at = tasks.filter((task) => task.status === "running");
  const partly = at.reduce((sum, task) => sum + (progress.get(`${run.run}/${task.asset}`)?.fraction ?? 0), 0);
  const all = Math.max(run.tasks, tasks.length, 1);
  return (
    <div className="running">
      <Status status="running" label={purpose(run)} />
      <Link to="/p/$project/runs/$run" params={{ project, run: run.run }} className="mono">
        {shortId(run.run)}
      </Link>
      <span className="grow ellipsis quiet">{at.length > 0 ? at.map((task) => task.asset).join(", ") : "begins"}</span>
      <progress value={ended + partly} max={all} aria-label={`${ended} of ${all} tasks ended`} />
      <span className="num">
        {ended} / {all}
      </span>
      <span className="num quiet">{duration(between(run.started, undefined, now))}</span>
      {critical?.expected && (
        <span className="quiet nowrap">
          ends about {clock(Date.parse(critical.expected), zone)} {zoneName(Date.parse(critical.expected), zone)}
        </span>
      )}
    </div>
  );
}

interface Trouble {
  key: string;
  status: string;
  what: React.ReactNode;
  when?: string;
  problem?: Problem;
}

function Attention({ project, runs }: { project: string; runs: Run[] | undefined }) {
  const quality = useQuality(project).data;
  const sensors = useSensors(project).data;
  const schedules = useSchedules(project).data;
  const served = useQuery(projectsQuery).data?.find((one) => one.project === project);
  const trouble: Trouble[] = [
    ...(served?.broken ? [{ key: "broken", status: "wrong", what: "The project's files are broken: the last good ones are used", problem: Array.isArray(served.broken) ? served.broken[0] : undefined }] : []),
    ...(schedules?.problems ?? []).map((problem, i) => ({ key: `schedule${i}`, status: "wrong", what: "A schedule is wrong, and left out", problem })),
    ...(quality ?? []).filter((one) => one.failed > 0).map((one) => qualityTrouble(project, one)),
    ...(sensors?.sensors ?? []).filter((one) => one.state === "failing").map(sensorTrouble),
  ];
  const broken = brokenNow(runs ?? []);
  if (trouble.length + broken.length === 0) {
    return runs && runs.length > 0 ? (
      <div className="all-well">
        <Status status="ok" label="Nothing needs you" />
        <span className="quiet">the last run of everything went well</span>
      </div>
    ) : null;
  }
  return (
    <Card title="Needs attention">
      {broken.map((run) => (
        <FailedRun key={run.run} project={project} run={run} />
      ))}
      {trouble.map(({ key, status, what, when, problem }) => (
        <div key={key} className="trouble">
          <Mark status={status} />
          <div className="grow">
            <div className="row">
              <span className="grow">{what}</span>
              <span className="quiet">
                <Ago at={when} />
              </span>
            </div>
            {problem && <ProblemBox problem={problem} />}
          </div>
        </div>
      ))}
    </Card>
  );
}

const qualityTrouble = (project: string, one: Quality): Trouble => ({
  key: `quality ${one.asset}`, status: "failed", when: one.ended,
  what: (
    <>
      <Link to="/p/$project/assets/$asset" params={{ project, asset: one.asset }} search={{ tab: "checks" }}>
        {one.asset}
      </Link>
      : {one.failed} of {plural(one.checks, "check")} failed; the table stays at its last good version
    </>
  ),
});

const sensorTrouble = (one: Sensor): Trouble => ({
  key: `sensor ${one.sensor}`, status: "failing", when: one.looked, what: <>Sensor {one.sensor} cannot look at {one.looks_at}</>,
  problem: typeof one.problem === "string" ? { code: "", message: one.problem } : one.problem,
});

function FailedRun({ project, run }: { project: string; run: Run }) {
  const detail = useRun(project, run.run).data;
  const failed = detail?.tasks.filter((task) => task.problem && !task.caused_by) ?? [];
  const held = detail?.tasks.filter((task) => task.status === "skipped").length ?? 0;
  return (
    <div className="trouble">
      <Mark status={run.status} />
      <div className="grow">
        <div className="row wrap">
          <Link to="/p/$project/runs/$run" params={{ project, run: run.run }}>
            <strong>{purpose(run)}</strong> <span className="mono">{shortId(run.run)}</span>
          </Link>
          <span>{run.status === "interrupted" ? "was interrupted" : failed.length > 0 ? `failed in ${failed.map((task) => task.asset).join(", ")}` : "failed"}</span>
          {held > 0 && <span className="quiet">holds back {plural(held, "asset")}</span>}
          <span className="grow" />
          <span className="quiet">
            <Ago at={run.ended ?? run.started} />
          </span>
        </div>
        {failed.slice(0, 2).map((task) => task.problem && <ProblemBox key={task.asset} problem={task.problem} />)}
      </div>
    </div>
  );
}

/** One that is due every minute hides no other. */
function firstOfEach(due: readonly Due[]): Due[] {
  const seen = new Set<string>();
  return due.filter(({ schedule }) => !seen.has(schedule) && seen.add(schedule)).slice(0, 10);
}

function Next({ project }: { project: string }) {
  const due = useDue(project, 40);
  const schedules = useSchedules(project).data?.schedules ?? [];
  const now = useNow(15_000);
  const { zone } = useZone();
  return (
    <Card title="Next" end={<Link to="/p/$project/schedules" params={{ project }}>Schedules</Link>}>
      <Answer query={due}>
        {(answer) =>
          answer.due.length === 0 ? (
            <Empty title="Nothing is due.">
              {schedules.length === 0 ? <>A schedule in <code>windrow.yaml</code> runs things by themselves.</> : "All schedules are paused, or wait for something else than the clock."}
            </Empty>
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>Schedule</th>
                    <th>Due</th>
                    <th className="num">In</th>
                  </tr>
                </thead>
                <tbody>
                  {firstOfEach(answer.due).map(({ schedule, due: at }) => (
                    <tr key={`${schedule}${at}`}>
                      <td>{schedule.slice(schedule.lastIndexOf("/") + 1)}</td>
                      <td className="nowrap">
                        {dateTime(Date.parse(at), zone, false)} <span className="quiet">{zoneName(Date.parse(at), zone)}</span>
                      </td>
                      <td className="num">{relative(Date.parse(at), now)}</td>
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

/** What people read: publications and the last layer, the oldest first. */
function mattering(assets: readonly Asset[]): Asset[] {
  const last = assets.filter((asset) => asset.layer).at(-1)?.layer;
  const gold = assets.some((asset) => asset.layer === "gold") ? "gold" : last;
  return assets
    .filter((asset) => asset.layer === gold && asset.version !== undefined)
    .sort((a, b) => (a.updated ?? "").localeCompare(b.updated ?? ""));
}

function Freshness({ project }: { project: string }) {
  const assets = useAssets(project);
  const quality = useQuality(project).data;
  const scores = useMemo(() => new Map(quality?.map((one) => [one.asset, one.quality_score])), [quality]);
  return (
    <Card title="Freshness" end={<Link to="/p/$project/catalog" params={{ project }}>All assets</Link>}>
      <Answer query={assets}>
        {(all) => {
          const shown = mattering(all);
          return shown.length === 0 ? (
            <Empty title="Nothing is built yet.">
              <Link to="/p/$project/plan" params={{ project }}>
                Look at the plan
              </Link>{" "}
              and start it.
            </Empty>
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>Asset</th>
                    <th className="num">Rows</th>
                    <th className="num">Quality</th>
                    <th className="num">Updated</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.slice(0, 12).map((asset) => {
                    const score = scores.get(asset.asset);
                    return (
                      <tr key={asset.asset}>
                        <td>
                          <Link to="/p/$project/assets/$asset" params={{ project, asset: asset.asset }}>
                            {asset.asset}
                          </Link>
                        </td>
                        <td className="num">{count(asset.rows)}</td>
                        <td className="num">{score === undefined ? <span className="quiet">–</span> : percent(score > 1 ? score / 100 : score)}</td>
                        <td className="num">
                          <Ago at={asset.updated} />
                        </td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          );
        }}
      </Answer>
    </Card>
  );
}
