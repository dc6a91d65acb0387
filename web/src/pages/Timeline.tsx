import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useCritical } from "../api/queries";
import type { RunDetail, Task } from "../api/types";
import { between, duration } from "../parts/format";
import { Card, Empty } from "../parts/parts";
import { share } from "../parts/runs";
import { toneOf } from "../parts/status";
import { useNow } from "../parts/time";

/** Who waited for whom, and what decided when it ended. */
export function Timeline({ project, run }: { project: string; run: RunDetail }) {
  const now = useNow(run.status === "running" ? 1000 : 3_600_000);
  const critical = useCritical(project, run.run, true).data?.critical;
  const onPath = useMemo(() => new Map(critical?.steps.map((step) => [step.asset, step])), [critical]);
  const from = Date.parse(run.started);
  const tasks = useMemo(() => run.tasks.filter((task) => task.started).sort((a, b) => (a.started ?? "").localeCompare(b.started ?? "")), [run.tasks]);
  const to = Math.max(from + 1, run.ended ? Date.parse(run.ended) : Math.max(now, ...tasks.map((task) => Date.parse(task.ended ?? task.started!))));
  if (tasks.length === 0) return <Empty title="Nothing has begun yet." />;
  const ticks = scaleOf((to - from) / 1000);
  const left = (time: number) => `${(share(time, from, to) * 100).toFixed(3)}%`;
  return (
    <Card
      title={critical ? "The critical path decided when it ended" : "When what ran"}
      end={
        <span className="row quiet">
          <i className="key wait" /> waited <i className="key b-done" /> worked <i className="key path" /> on the critical path
        </span>
      }
    >
      <div className="gantt">
        {tasks.map((task) => {
          const start = Date.parse(task.started!);
          const end = task.ended ? Date.parse(task.ended) : to;
          const step = onPath.get(task.asset);
          const waited = step?.wait ?? 0;
          const took = between(task.started, task.ended, now) ?? 0;
          return (
            <div className={step ? "lane critical" : "lane"} key={task.asset}>
              <Link className="ellipsis" to="/p/$project/runs/$run" params={{ project, run: run.run }} search={{ tab: "logs", asset: task.asset }} title={task.asset}>
                {task.asset}
              </Link>
              <div className="track">
                {ticks.map((tick) => (
                  <i key={tick} className="tick" style={{ left: left(from + tick * 1000) }} />
                ))}
                {waited > 0 && <i className="waited" style={{ left: left(start - waited * 1000), width: `${((waited * 1000) / (to - from)) * 100}%` }} />}
                <i className={`bar-run b-${toneOf(task.status)}`} style={{ left: left(start), width: `max(3px, ${(share(end, from, to) - share(start, from, to)) * 100}%)` }} />
                <span className="says" style={share(end, from, to) > 0.86 ? { right: `${(1 - share(start - waited * 1000, from, to)) * 100}%` } : { left: left(end) }}>
                  {duration(took)}
                  {typical(task, step)}
                </span>
              </div>
            </div>
          );
        })}
        <div className="lane hours" aria-hidden="true">
          <span />
          <div className="track">
            {ticks.map((tick) => (
              <span key={tick} style={{ left: left(from + tick * 1000) }}>
                {duration(tick)}
              </span>
            ))}
          </div>
        </div>
      </div>
    </Card>
  );
}

function typical(task: Task, step: { median?: number; seconds: number } | undefined): string {
  const attempts = task.attempts > 1 ? `, ${task.attempts} attempts` : "";
  return step?.median !== undefined && step.seconds > step.median * 1.5 && step.seconds > 1 ? `, usually ${duration(step.median)}${attempts}` : attempts;
}

/** Five to ten round steps of seconds up to `seconds`. */
export function scaleOf(seconds: number): number[] {
  const rough = seconds / 6;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-3)));
  const nice = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const steps = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400];
  const step = nice > 30 ? (steps.find((n) => n >= rough) ?? nice) : nice;
  const out: number[] = [];
  for (let at = 0; at < seconds; at += step) out.push(Number(at.toFixed(6)));
  return out;
}
