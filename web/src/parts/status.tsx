/** What something is, said three times: shape, colour, word. */

type Tone = "done" | "running" | "failed" | "late" | "idle" | "stale";

const TONES: Record<string, Tone> = {
  done: "done", ok: "done", "up to date": "done", current: "done", live: "done",
  running: "running", looking: "running", waiting: "idle",
  failed: "failed", failing: "failed", wrong: "failed",
  late: "late", interrupted: "late", "due soon": "late", lost: "late", retrying: "late", held: "late",
  skipped: "idle", canceled: "idle", paused: "idle", "no schedule": "idle", never: "idle",
  stale: "stale", new: "stale",
};

export const toneOf = (status: string): Tone => TONES[status] ?? "idle";

const MARKS: Record<Tone, React.ReactNode> = {
  done: <path d="M3.5 8.5l3 3 6-7" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeOpacity=".25" strokeWidth="2" />
      <path className="spin" d="M8 2.5a5.5 5.5 0 0 1 5.5 5.5" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </>
  ),
  failed: <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />,
  late: (
    <>
      <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M8 5v3.2l2 1.6" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
    </>
  ),
  idle: <path d="M4 8h8" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />,
  stale: <path d="M8 2.5l5.5 5.5-5.5 5.5-5.5-5.5z" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinejoin="round" />,
};

export function Mark({ status, size = 14 }: { status: string; size?: number }) {
  const tone = toneOf(status);
  return (
    <span className={`status s-${tone}`} title={status}>
      <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
        {MARKS[tone]}
      </svg>
      <span className="visually-hidden">{status}</span>
    </span>
  );
}

export function Status({ status, pill = false, label }: { status: string; pill?: boolean; label?: string }) {
  const tone = toneOf(status);
  return (
    <span className={`status s-${tone}${pill ? " pill" : ""}`}>
      <svg width="13" height="13" viewBox="0 0 16 16" aria-hidden="true">
        {MARKS[tone]}
      </svg>
      {label ?? status}
    </span>
  );
}
