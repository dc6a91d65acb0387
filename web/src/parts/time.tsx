import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { dateTime, relative, zoneName } from "./format";

/** Whose zone times are told in. */
export type ZoneChoice = "mine" | "project" | "utc";

interface Zones {
  zone: string;
  choice: ZoneChoice;
  choose: (choice: ZoneChoice) => void;
}

const mine = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const ZoneContext = createContext<Zones>({ zone: mine, choice: "mine", choose: () => undefined });
export const useZone = () => useContext(ZoneContext);

export function ZoneProvider({ project, children }: { project: string; children: ReactNode }) {
  const [choice, choose] = useState<ZoneChoice>(() => (localStorage.getItem("windrow.zone") as ZoneChoice | null) ?? "project");
  useEffect(() => localStorage.setItem("windrow.zone", choice), [choice]);
  const zone = choice === "mine" ? mine : choice === "utc" ? "UTC" : project || "UTC";
  return <ZoneContext value={useMemo(() => ({ zone, choice, choose }), [zone, choice])}>{children}</ZoneContext>;
}

/** One clock for the whole page: everything that says "ago" moves at the same moment. */
let now = Date.now();
const tickers = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  for (const tick of tickers) tick();
}, 1000);
const watch = (tick: () => void) => {
  tickers.add(tick);
  return () => tickers.delete(tick);
};

/** The present time, each second or in coarser steps so that what shows minutes is not drawn each second. */
export const useNow = (stepMs = 1000): number => useSyncExternalStore(watch, () => Math.floor(now / stepMs) * stepMs);

/** A time as people speak of it, with date and zone on the mouse and for screen readers. */
export function Ago({ at }: { at: string | undefined }) {
  const { zone } = useZone();
  const present = useNow(at !== undefined && Math.abs(Date.parse(at) - Date.now()) < 90_000 ? 1000 : 15_000);
  if (at === undefined) return null;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={`${dateTime(time, zone)} ${zoneName(time, zone)}`} className="nowrap">
      {relative(time, Math.max(present, Math.min(Date.now(), present + 1000)))}
    </time>
  );
}

export function At({ at, seconds = true }: { at: string | undefined; seconds?: boolean }) {
  const { zone } = useZone();
  if (at === undefined) return null;
  const time = Date.parse(at);
  return (
    <time dateTime={at} className="nowrap">
      {dateTime(time, zone, seconds)} <span className="quiet">{zoneName(time, zone)}</span>
    </time>
  );
}
