import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { EventHub, type Connection } from "./events";
import type { LiveEvent } from "./types";

export interface Progress {
  phase: string;
  fraction?: number;
  rows?: number;
}

interface Live {
  connection: Connection;
  /** By `run/asset`. */
  progress: ReadonlyMap<string, Progress>;
}

const LiveContext = createContext<Live>({ connection: "waiting", progress: new Map() });

const ALL = ["runs", "run", "logs", "tasks", "assets", "asset", "plan", "schedules", "due", "fires", "sensors", "backfills",
  "history", "stats", "rows", "quality", "checks", "graph"];

/** Which answers are old after an event. */
function touched(event: LiveEvent): string[] {
  switch (event.event) {
    case "task.progress":
      return [];
    case "task.said":
    case "check.done":
    case "breaker.opened":
    case "breaker.closed":
      return ["logs"];
    case "task.started":
    case "task.held":
    case "task.retrying":
    case "task.ended":
      return ["run", "logs", "tasks"];
    case "stream.moved":
      return ["assets"];
    case "run.started":
    case "fires":
    case "skipped":
      return ["runs", "tasks", "schedules", "due", "fires"];
    case "paused":
    case "resumed_by_hand":
      return ["schedules", "due"];
    case "backfilling":
    case "backfill_ended":
      return ["backfills"];
    case "sensor_lost":
    case "sensor_back":
      return ["sensors"];
    default: // a run ended, files were read anew, what came before cannot be told
      return ALL;
  }
}

const QUIET_MS = 400;

export function LiveProvider({ project, children }: { project: string; children: ReactNode }) {
  const queries = useQueryClient();
  const [progress, setProgress] = useState<ReadonlyMap<string, Progress>>(new Map());
  const [hub, setHub] = useState<EventHub>();
  const pending = useRef({ keys: new Set<string>(), moved: new Map<string, Progress | null>(), timer: 0 });

  useEffect(() => {
    const made = new EventHub(project);
    const wait = pending.current;
    setHub(made);
    // A thousand tasks that end at once are one look at the server.
    const flush = () => {
      wait.timer = 0;
      const keys = [...wait.keys];
      const moved = [...wait.moved];
      wait.keys.clear();
      wait.moved.clear();
      for (const key of keys) void queries.invalidateQueries({ queryKey: [project, key] });
      if (moved.length > 0) {
        setProgress((before) => {
          const now = new Map(before);
          for (const [key, value] of moved) value ? now.set(key, value) : now.delete(key);
          return now;
        });
      }
    };
    const off = made.onEvent((event) => {
      if ("phase" in event) {
        wait.moved.set(`${event.run}/${event.asset}`, { phase: event.phase, fraction: event.fraction, rows: event.rows });
      } else if (event.event === "task.ended" && "asset" in event) {
        wait.moved.set(`${event.run}/${event.asset}`, null);
      }
      for (const key of touched(event)) wait.keys.add(key);
      if (!wait.timer) wait.timer = window.setTimeout(flush, QUIET_MS);
    });
    let was: Connection = made.connection;
    const offConnection = made.onConnection(() => {
      // What happened while nobody listened is asked for.
      if (made.connection === "live" && was === "lost") void queries.invalidateQueries();
      was = made.connection;
    });
    return () => {
      off();
      offConnection();
      clearTimeout(wait.timer);
      wait.timer = 0;
      made.close();
    };
  }, [project, queries]);

  const connection = useSyncExternalStore(
    hub?.onConnection ?? noWatcher,
    () => hub?.connection ?? "waiting",
  );
  const value = useMemo(() => ({ connection, progress }), [connection, progress]);
  return <LiveContext value={value}>{children}</LiveContext>;
}

const noWatcher = () => () => undefined;

export const useLive = () => useContext(LiveContext);
