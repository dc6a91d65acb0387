import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, day } from "./format";
import { useZone } from "./time";
import { themeColours, useDark } from "../shell/theme";

export interface Series {
  name: string;
  values: (number | null)[];
  tone: "done" | "running" | "failed" | "late" | "stale" | "hay";
  format: (value: number) => string;
}

const TONES = ["done", "running", "failed", "late", "stale", "hay", "ink-3", "line"] as const;

/** Values over time. `times` in seconds since 1970, oldest first. */
export function Chart({ times, series, label, height = 170, zone: told }: { times: number[]; series: Series[]; label: string; height?: number; zone?: string }) {
  const room = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const chosen = useZone().zone;
  const zone = told ?? chosen;
  useEffect(() => {
    const box = room.current;
    if (!box) return;
    const colours = themeColours(TONES);
    const axis = { stroke: colours["ink-3"], grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: "11px Inter, sans-serif" };
    const format = series[0]?.format ?? String;
    const days = (times.at(-1) ?? 0) - (times[0] ?? 0) > 2 * 86_400;
    const plot = new uPlot(
      {
        width: box.clientWidth, height, cursor: { y: false }, legend: { show: false },
        scales: { x: { time: false }, y: { range: (_, min, max) => [Math.min(0, min), max * 1.1 || 1] } },
        axes: [
          { ...axis, space: 90, values: (_, splits) => splits.map((at) => (days ? day(at * 1000, zone) : clock(at * 1000, zone).slice(0, 5))) },
          { ...axis, size: 64, values: (_, splits) => splits.map((value) => format(value)) },
        ],
        series: [
          {},
          ...series.map(({ name, tone }) => ({
            label: name, stroke: colours[tone], fill: `${colours[tone].replace("rgb(", "rgba(").replace(")", ", 0.10)")}`, width: 1.8, points: { size: 5 },
          })),
        ],
      },
      [times, ...series.map(({ values }) => values)],
      box,
    );
    const sized = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height }));
    sized.observe(box);
    return () => {
      sized.disconnect();
      plot.destroy();
    };
  }, [times, series, height, dark, zone]);
  const first = series[0]?.values.filter((value) => value !== null) ?? [];
  const says = first.length > 0 ? `${label}: from ${series[0]!.format(Math.min(...first))} to ${series[0]!.format(Math.max(...first))}, last ${series[0]!.format(first.at(-1)!)}` : label;
  return <div ref={room} className="chart" role="img" aria-label={says} style={{ height }} />;
}
