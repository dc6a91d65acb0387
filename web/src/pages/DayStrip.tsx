import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useDue } from "../api/queries";
import type { Run } from "../api/types";
import { between, clock, duration } from "../parts/format";
import { Empty } from "../parts/parts";
import { laneOf, share } from "../parts/runs";
import { toneOf } from "../parts/status";
import { useNow, useZone } from "../parts/time";

const HOUR = 3_600_000;
const BACK = 20 * HOUR;
const AHEAD = 4 * HOUR;
const LANES_MAX = 12;

/** A day as a strip: a lane for each schedule, what ran, where now is, what is due. */
export function DayStrip({ project, runs }: { project: string; runs: readonly Run[] }) {
  const now = useNow(30_000);
  const due = useDue(project, 40).data?.due;
  const { zone } = useZone();
  const navigate = useNavigate();
  const from = now - BACK;
  const to = now + AHEAD;
  const lanes = useMemo(() => {
    const all = new Map<string, { runs: Run[]; due: number[] }>();
    const lane = (name: string) => all.get(name) ?? all.set(name, { runs: [], due: [] }).get(name)!;
    for (const one of due ?? []) {
      const at = Date.parse(one.due);
      if (at < to) lane(one.schedule.slice(one.schedule.lastIndexOf("/") + 1)).due.push(at);
    }
    for (const run of runs) {
      if (Date.parse(run.ended ?? new Date(now).toISOString()) > from) lane(laneOf(run)).runs.push(run);
    }
    return [...all].sort(([a], [b]) => Number(a === "by hand") - Number(b === "by hand") || a.localeCompare(b)).slice(0, LANES_MAX);
  }, [runs, due, from, to, now]);
  if (lanes.length === 0) {
    return (
      <Empty title="Nothing ran in the last day.">
        Start something: <code>windrow run</code>, or the Plan page.
      </Empty>
    );
  }
  const hours: number[] = [];
  for (let hour = Math.ceil(from / (4 * HOUR)) * 4 * HOUR; hour < to; hour += 4 * HOUR) hours.push(hour);
  const left = (time: number) => `${(share(time, from, to) * 100).toFixed(3)}%`;
  return (
    <div className="strip">
      {lanes.map(([name, lane]) => (
        <div className="lane" key={name}>
          <span className="ellipsis" title={name}>
            {name}
          </span>
          <div className="track">
            {hours.map((hour) => (
              <i key={hour} className="tick" style={{ left: left(hour) }} />
            ))}
            {lane.runs.map((run) => {
              const start = Date.parse(run.started);
              const end = run.ended ? Date.parse(run.ended) : now;
              const text = `${run.status} ${clock(start, zone)}, ${duration(between(run.started, run.ended, now))}, ${name}`;
              return (
                <button
                  key={run.run} type="button" className={`bar-run b-${toneOf(run.status)}`} title={text} aria-label={text}
                  style={{ left: left(start), width: `max(6px, ${((share(end, from, to) - share(start, from, to)) * 100).toFixed(3)}%)` }}
                  onClick={() => void navigate({ to: "/p/$project/runs/$run", params: { project, run: run.run } })}
                />
              );
            })}
            {lane.due.map((at) => (
              <i key={at} className="due" style={{ left: left(at) }} title={`due ${clock(at, zone)}`} />
            ))}
            <i className="now" style={{ left: left(now) }} />
          </div>
        </div>
      ))}
      <div className="lane hours" aria-hidden="true">
        <span />
        <div className="track">
          {hours.map((hour) => (
            <span key={hour} style={{ left: left(hour) }}>
              {clock(hour, zone).slice(0, 5)}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}
