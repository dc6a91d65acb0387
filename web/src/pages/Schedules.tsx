import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api/client";
import { useBackfills, useDue, useFires, useSchedules, useSensors } from "../api/queries";
import type { Backfill, Due, Schedule } from "../api/types";
import { Act } from "../parts/act";
import { clock, count, day, dateTime, duration, plural, relative, shortId, zoneName } from "../parts/format";
import { Icon } from "../parts/icons";
import { Answer, Card, Empty, PageHead, ProblemBox } from "../parts/parts";
import { Status } from "../parts/status";
import { Ago, useNow, useZone } from "../parts/time";
import { BackfillDialog } from "./BackfillDialog";

export function Schedules() {
  const { project } = useParams({ from: "/p/$project/schedules" });
  const schedules = useSchedules(project);
  return (
    <div className="page">
      <PageHead title="Schedules" />
      <Card label="Schedules">
        <Answer query={schedules}>
          {(found) => (
            <>
              {found.problems.map((problem) => (
                <div className="body" key={problem.message}>
                  <ProblemBox problem={problem} />
                </div>
              ))}
              {found.schedules.length === 0 ? (
                <Empty title="Nothing runs by itself yet.">
                  Write into <code>windrow.yaml</code>: <code>{"schedules: {hourly: {cron: \"0 * * * *\"}}"}</code>
                </Empty>
              ) : (
                <List project={project} schedules={found.schedules} />
              )}
            </>
          )}
        </Answer>
      </Card>
      <div className="columns">
        <Calendar project={project} />
        <Fires project={project} />
      </div>
      <Sensors project={project} />
      <Backfills project={project} />
    </div>
  );
}

const bare = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

function List({ project, schedules }: { project: string; schedules: Schedule[] }) {
  const now = useNow(15_000);
  const { zone } = useZone();
  const navigate = useNavigate();
  return (
    <div className="scroll">
      <table className="table">
        <thead>
          <tr>
            <th>State</th>
            <th>Schedule</th>
            <th>Due when</th>
            <th>Runs</th>
            <th>Next</th>
            <th>
              <span className="visually-hidden">Deeds</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {schedules.map((one) => {
            const name = bare(one.schedule);
            const next = one.next ? Date.parse(one.next) : undefined;
            return (
              <tr key={one.schedule}>
                <td>
                  <Status status={one.running?.length ? "running" : one.paused ? "paused" : "ok"} label={one.running?.length ? "running" : one.paused ? "paused" : "on"} />
                </td>
                <td>
                  <strong>{name}</strong>
                  {one.deadline && <div className="sub">deadline {one.deadline}</div>}
                </td>
                <td>
                  <code>{one.trigger}</code>
                  <div className="sub">{one.timezone}</div>
                </td>
                <td>
                  <code>{one.select || "everything"}</code>
                </td>
                <td className="nowrap">
                  {next === undefined || one.paused ? (
                    <span className="quiet">–</span>
                  ) : (
                    <>
                      {relative(next, now)}
                      <div className="sub">
                        {dateTime(next, zone, false)} {zoneName(next, zone)}
                      </div>
                    </>
                  )}
                </td>
                <td>
                  <div className="row end-row">
                    <Act
                      project={project} className="button small" label={`Run now: ${name}`} act={() => api.trigger(project, name)}
                      done={({ run }) => void navigate({ to: "/p/$project/runs/$run", params: { project, run } })}
                    >
                      <Icon name="play" size={12} /> Run now
                    </Act>
                    <Act project={project} className="button small" label={`${one.paused ? "Resume" : "Pause"} ${name}`} act={() => (one.paused ? api.resume(project, name) : api.pause(project, name))}>
                      {one.paused ? "Resume" : "Pause"}
                    </Act>
                  </div>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The coming days, a line for each, with what is due in it. */
function Calendar({ project }: { project: string }) {
  const due = useDue(project, 200);
  const { zone } = useZone();
  return (
    <Card title="What is due">
      <Answer query={due}>
        {(found) => {
          const days = new Map<string, Due[]>();
          for (const one of found.due) {
            const key = day(Date.parse(one.due), zone);
            const list = days.get(key);
            if (list) list.push(one);
            else days.set(key, [one]);
          }
          if (days.size === 0) return <Empty title="Nothing is due by the clock." />;
          return (
            <ol className="calendar">
              {[...days].slice(0, 8).map(([date, all]) => (
                <li key={date}>
                  <strong className="nowrap">{date}</strong>
                  <div>
                    {[...Map.groupBy(all, (one) => bare(one.schedule))].map(([name, times]) => (
                      <div key={name}>
                        {name}{" "}
                        <span className="quiet num">
                          {times.slice(0, 4).map((one) => clock(Date.parse(one.due), zone).slice(0, 5)).join(", ")}
                          {times.length > 4 && ` … ${clock(Date.parse(times.at(-1)!.due), zone).slice(0, 5)}, ${count(times.length)} times`} {zoneName(Date.parse(times[0]!.due), zone)}
                        </span>
                      </div>
                    ))}
                  </div>
                </li>
              ))}
            </ol>
          );
        }}
      </Answer>
    </Card>
  );
}

function Fires({ project }: { project: string }) {
  const fires = useFires(project, 12);
  return (
    <Card title="What fired">
      <Answer query={fires}>
        {(found) =>
          found.length === 0 ? (
            <Empty title="Nothing has fired yet." />
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>State</th>
                    <th>Schedule</th>
                    <th>Run</th>
                    <th className="num">Due</th>
                  </tr>
                </thead>
                <tbody>
                  {found.map((fire, i) => (
                    <tr key={i}>
                      <td>
                        <Status status={fire.status} />
                        {fire.reason && <div className="sub">{fire.reason}</div>}
                      </td>
                      <td>{bare(fire.schedule)}</td>
                      <td>
                        {fire.run && (
                          <Link to="/p/$project/runs/$run" params={{ project, run: fire.run }} className="mono">
                            {shortId(fire.run)}
                          </Link>
                        )}
                      </td>
                      <td className="num">
                        <Ago at={fire.due} />
                      </td>
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

function Sensors({ project }: { project: string }) {
  const sensors = useSensors(project);
  if (sensors.data?.sensors.length === 0) return null;
  return (
    <Card title="Sensors">
      <Answer query={sensors}>
        {(found) => (
          <div className="scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>State</th>
                  <th>Sensor</th>
                  <th>Looks at</th>
                  <th>Sees</th>
                  <th className="num">Something new</th>
                  <th className="num">Looked</th>
                </tr>
              </thead>
              <tbody>
                {found.sensors.map((one) => (
                  <tr key={one.sensor}>
                    <td>
                      <Status status={one.state} />
                    </td>
                    <td>
                      <strong>{one.sensor}</strong>
                      <div className="sub">{one.schedules.length > 0 ? `for ${one.schedules.join(", ")}` : "no schedule names it"}</div>
                    </td>
                    <td className="mono">{one.looks_at}</td>
                    <td>
                      {one.sees}
                      {one.problem && <ProblemBox problem={typeof one.problem === "string" ? { code: "", message: one.problem } : one.problem} />}
                    </td>
                    <td className="num">
                      <Ago at={one.seen_at} />
                    </td>
                    <td className="num">
                      <Ago at={one.looked} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answer>
    </Card>
  );
}

function Backfills({ project }: { project: string }) {
  const backfills = useBackfills(project);
  const [dialog, setDialog] = useState(false);
  return (
    <Card
      title="Backfills"
      end={
        <button type="button" className="button small" onClick={() => setDialog(true)}>
          Backfill…
        </button>
      }
    >
      <Answer query={backfills} lines={2}>
        {(found) => (found.length === 0 ? <Empty title="No range of the past was built yet.">A backfill builds what is missing of one, part by part.</Empty> : found.map((one) => <OneBackfill key={one.backfill} project={project} one={one} />))}
      </Answer>
      {dialog && <BackfillDialog project={project} select="" onClose={() => setDialog(false)} />}
    </Card>
  );
}

function OneBackfill({ project, one }: { project: string; one: Backfill }) {
  const { zone } = useZone();
  const { total = 0, done = 0, failed = 0 } = one.intervals ?? {};
  const open = one.status === "running" || one.status === "paused" || one.status === "interrupted";
  return (
    <div className="backfill">
      <Status status={one.status} />
      <div className="grow">
        <div className="row wrap">
          <strong>{one.name ?? <span className="mono">{shortId(one.backfill)}</span>}</strong>
          <span className="nowrap">
            {one.start && one.end && `${dateTime(Date.parse(one.start), zone, false)} … ${dateTime(Date.parse(one.end), zone, false)} ${zoneName(Date.parse(one.end), zone)}`}
          </span>
          <code>{one.select || "everything"}</code>
          <span className="grow" />
          <span className="quiet">
            <Ago at={one.created} />
          </span>
        </div>
        <div className="row wrap">
          <progress value={done + failed} max={Math.max(1, total)} aria-label={`${done} of ${total} intervals`} />
          <span className="num">
            {count(done)} of {plural(total, "interval")}
          </span>
          {failed > 0 && <span className="s-failed">{count(failed)} failed</span>}
          {one.seconds_left !== undefined && one.status === "running" && <span className="quiet">about {duration(one.seconds_left)} left</span>}
          {one.reason && <span className="quiet">{one.reason}</span>}
        </div>
        {one.failures?.slice(0, 3).map((failure) => (
          <ProblemBox key={failure.asset + failure.start} problem={{ ...(failure.problem ?? { code: "", message: `held back by ${failure.caused_by}` }), message: `${failure.asset}: ${failure.problem?.message ?? `held back by ${failure.caused_by}`}` }} />
        ))}
        {one.problem && <ProblemBox problem={one.problem} />}
      </div>
      {open && (
        <div className="row">
          {one.status === "running" ? (
            <Act project={project} className="button small" act={() => api.backfillDo(project, one.backfill, "pause")}>
              Pause
            </Act>
          ) : (
            <Act project={project} className="button small" act={() => api.backfillDo(project, one.backfill, "resume")}>
              Resume
            </Act>
          )}
          <Act
            project={project} className="button small danger" act={() => api.backfillDo(project, one.backfill, "cancel")}
            ask={{ title: "Cancel this backfill?", text: "It stops for good. What is committed stays.", verb: "Cancel the backfill" }}
          >
            Cancel
          </Act>
        </div>
      )}
    </div>
  );
}
