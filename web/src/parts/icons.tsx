/** Line icons of 16 by 16, drawn for this page. */
const PATHS = {
  today: "M2.5 8a5.5 5.5 0 1 0 11 0 5.5 5.5 0 1 0-11 0M8 4.8V8l2.2 1.6",
  runs: "M2.5 3.5h4v3h-4zM9.5 3.5h4v3h-4zM2.5 9.5h4v3h-4zM9.5 9.5h4v3h-4z",
  graph: "M2 6.2h4v3.6H2zM10 2.2h4v3.6h-4zM10 10.2h4v3.6h-4zM6 8h2V4h2M8 8v4h2",
  catalog: "M3 3h10M3 8h10M3 13h6",
  plan: "M3 3.5l1.2 1.2L6.5 2.5M8.5 3.8H14M3 8.5l1.2 1.2 2.3-2.2M8.5 8.8H14M3.4 13h2M8.5 13H14",
  schedules: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.2v3M10.5 2.2v3",
  sql: "M3 4.5l3.5 3.5L3 11.5M8 12h5.5",
  health: "M1.8 8.5h3l1.7-5 3 9 1.7-4h3",
  search: "M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 1 0 0-8.4M10.2 10.2l3.3 3.3",
  settings: "M2.5 4.5h6M11.5 4.5h2M8.5 2.8v3.4M2.5 11.5h2M7.5 11.5h6M4.5 9.8v3.4",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  close: "M4 4l8 8M12 4l-8 8",
  play: "M5 3.2v9.6l7.5-4.8z",
  stop: "M4 4h8v8H4z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  down: "M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10",
  dashboard: "M2.5 13.5v-5M6.2 13.5v-9M9.9 13.5v-6M13.5 13.5v-11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
