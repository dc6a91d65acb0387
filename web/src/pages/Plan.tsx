import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api } from "../api/client";
import { usePlan } from "../api/queries";
import type { Interval, Plan as PlanAnswer, PlanStep } from "../api/types";
import { Act } from "../parts/act";
import { bytes, count, dateTime, plural, zoneName } from "../parts/format";
import { Icon } from "../parts/icons";
import { Answer, Card, Empty, PageHead, ProblemBox } from "../parts/parts";
import { Status } from "../parts/status";
import { useZone } from "../parts/time";
import { BackfillDialog } from "./BackfillDialog";

/** What a run would do, for which intervals, and why. Nothing is touched before someone starts it. */
export function Plan() {
  const { project } = useParams({ from: "/p/$project/plan" });
  const { select = "", full_refresh } = useSearch({ from: "/p/$project/plan" });
  const navigate = useNavigate({ from: "/p/$project/plan" });
  const [words, setWords] = useState(select);
  const [backfill, setBackfill] = useState(false);
  useEffect(() => setWords(select), [select]);
  const plan = usePlan(project, { select: select || undefined, full_refresh });
  const todo = plan.data?.steps.filter((step) => !step.problem).length ?? 0;
  return (
    <div className="page">
      <PageHead title="Plan" sub={plan.data && <span className="quiet">{summary(plan.data)}</span>}>
        <button type="button" className="button" onClick={() => setBackfill(true)}>
          Backfill…
        </button>
        <Act
          project={project} className="button primary" disabled={todo === 0}
          act={() => api.start(project, { select: select || undefined, full_refresh })}
          done={({ run }) => void navigate({ to: "/p/$project/runs/$run", params: { project, run } })}
          ask={full_refresh ? { title: "Rebuild from scratch?", text: `${plural(todo, "asset")} will be built anew from all that their inputs hold.`, verb: "Rebuild" } : undefined}
        >
          <Icon name="play" size={14} /> Start
        </Act>
      </PageHead>
      <form
        className="row wrap"
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({ search: (before) => ({ ...before, select: words.trim() || undefined }), replace: true });
        }}
      >
        <input className="field wide" value={words} onChange={(e) => setWords(e.target.value)} placeholder="Everything, or: gold.* +gold.trending tag:daily" aria-label="Which assets" spellCheck={false} />
        <button type="submit" className="button">
          Look
        </button>
        <label className="check">
          <input type="checkbox" checked={full_refresh ?? false} onChange={(e) => void navigate({ search: (before) => ({ ...before, full_refresh: e.target.checked || undefined }), replace: true })} />
          rebuild from scratch
        </label>
      </form>
      <Card label="Steps">
        <Answer query={plan} lines={8}>
          {(found) =>
            found.steps.length === 0 ? (
              <Empty title="Everything is up to date.">
                {plural(found.up_to_date, "asset")} as {found.up_to_date === 1 ? "it" : "they"} should be. Something new arrives, or a definition changes, and it stands here.
              </Empty>
            ) : (
              <Steps project={project} steps={found.steps} />
            )
          }
        </Answer>
      </Card>
      {plan.data?.notices.map((text) => (
        <ProblemBox key={text} warn problem={{ code: "", message: text }} />
      ))}
      {backfill && <BackfillDialog project={project} select={select} onClose={() => setBackfill(false)} />}
    </div>
  );
}

export function summary({ steps, up_to_date }: PlanAnswer): string {
  const sure = steps.filter((step) => step.certain).length;
  const maybe = steps.length - sure;
  return [
    `${plural(sure, "asset")} to do`, ...(maybe > 0 ? [`${count(maybe)} only if an input changes`] : []), `${count(up_to_date)} up to date`,
  ].join(", ");
}

export function Steps({ project, steps }: { project: string; steps: readonly PlanStep[] }) {
  return (
    <div className="scroll">
      <table className="table">
        <thead>
          <tr>
            <th>Asset</th>
            <th>Why</th>
            <th>Intervals</th>
            <th className="num">Reads</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.asset}>
              <td className="nowrap">
                <Link to="/p/$project/assets/$asset" params={{ project, asset: step.asset }}>
                  {step.asset}
                </Link>
                <div className="sub">{step.kind}</div>
              </td>
              <td>
                {step.problem ? (
                  <ProblemBox problem={step.problem} />
                ) : step.certain ? (
                  step.reasons.map((reason) => <div key={reason}>{reason}</div>)
                ) : (
                  <Status status="idle" label={`only if ${step.reasons.join(", ").replace(/^if /, "") || "what it reads"}${/chang/.test(step.reasons.join()) ? "" : " changes"}`} />
                )}
                {step.how && <div className="sub">{step.how}</div>}
              </td>
              <td>{step.interval_count !== undefined && <Intervals step={step} />}</td>
              <td className="num">
                {step.cost && (
                  <>
                    {count(step.cost.rows)} rows
                    <div className="sub">
                      {plural(step.cost.files, "file")}, {bytes(step.cost.bytes)}
                    </div>
                  </>
                )}
                {step.files?.some(({ read, there }) => read < there) && (
                  <div className="sub">
                    {count(step.files.reduce((n, one) => n + one.read, 0))} of {count(step.files.reduce((n, one) => n + one.there, 0))} files
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Intervals({ step }: { step: PlanStep }) {
  const { zone } = useZone();
  const shown = step.intervals?.slice(0, 3) ?? [];
  const text = ({ start, end }: Interval) => {
    const to = Date.parse(end);
    return `${dateTime(Date.parse(start), zone, false)} … ${dateTime(to, zone, false)} ${zoneName(to, zone)}`;
  };
  return (
    <>
      {plural(step.interval_count ?? 0, step.grain ?? "interval")}
      {shown.map((interval) => (
        <div key={interval.start} className="sub nowrap">
          {text(interval)}
        </div>
      ))}
      {(step.intervals?.length ?? 0) > shown.length && <div className="sub">and {plural(step.intervals!.length - shown.length, "range")} more</div>}
      {step.sealed_count ? <div className="sub">{plural(step.sealed_count, "sealed one")} stay</div> : null}
    </>
  );
}
