import { useEffect, useId, useState, type ReactNode } from "react";
import { ApiError } from "../api/client";
import type { Problem } from "../api/types";

/** Names the tab of the browser, and gives the screen reader the page's heading. */
export function PageHead({ title, children, sub }: { title: ReactNode; children?: ReactNode; sub?: ReactNode }) {
  useEffect(() => {
    const text = document.querySelector("main h1")?.textContent;
    document.title = text ? `${text} · Windrow` : "Windrow";
  });
  return (
    <div className="page-head">
      <h1 tabIndex={-1}>{title}</h1>
      {sub}
      {children && <div className="actions">{children}</div>}
    </div>
  );
}

export function Card({ title, end, children, label }: { title?: ReactNode; end?: ReactNode; children: ReactNode; label?: string }) {
  const id = useId();
  return (
    <section className="card" {...(title ? { "aria-labelledby": id } : { "aria-label": label })}>
      {title && (
        <header>
          <h2 id={id}>{title}</h2>
          {end && <div className="end">{end}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <span>{children}</span>}
    </div>
  );
}

export function ProblemBox({ problem, warn = false }: { problem: Problem; warn?: boolean }) {
  const place = problem.file ? `${problem.file}${problem.line ? `:${problem.line}${problem.column ? `:${problem.column}` : ""}` : ""}` : "";
  return (
    <div className={`problem${warn ? " warn" : ""}`}>
      <div>{problem.message}</div>
      {place && <div className="where">{place}</div>}
      {problem.hint && <div className="hint">{problem.hint}</div>}
    </div>
  );
}

export const problemsOf = (error: unknown): Problem[] =>
  error instanceof ApiError ? error.problems : [{ code: "internal", message: error instanceof Error ? error.message : String(error) }];

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problems = problemsOf(error);
  return (
    <div className="body stack" role="alert">
      {problems.map((problem, i) => (
        <ProblemBox key={i} problem={problem} />
      ))}
      {again && (
        <div>
          <button type="button" className="button small" onClick={again}>
            Ask again
          </button>
        </div>
      )}
    </div>
  );
}

/** Room for what is being asked for, so that nothing jumps when it comes; drawn only when the wait can be felt. */
export function Waiting({ lines = 4 }: { lines?: number }) {
  const [felt, setFelt] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setFelt(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label="loading">
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} className="skeleton" style={{ width: `${88 - ((i * 23) % 40)}%`, opacity: felt ? 1 : 0 }} />
      ))}
    </div>
  );
}

interface Query<T> {
  data: T | undefined;
  error: Error | null;
  isPending: boolean;
  refetch: () => unknown;
}

/** What a query has: its answer, its error with what to do, or room for it. An answer stays while it is asked anew. */
export function Answer<T>({ query, lines, children }: { query: Query<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failure error={query.error} again={() => void query.refetch()} />;
  return <Waiting lines={lines} />;
}

export function Segments<T extends string>({ value, options, onChange, label }: {
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  label: string;
}) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** Tabs as the ARIA pattern has them: arrows move, one tab stop. */
export function Tabs<T extends string>({ value, options, onChange, label, panel }: {
  value: T;
  options: readonly (readonly [T, ReactNode])[];
  onChange: (value: T) => void;
  label: string;
  panel: string;
}) {
  const move = (event: React.KeyboardEvent, at: number) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = options[(at + step + options.length) % options.length];
    if (step === 0 || !next) return;
    event.preventDefault();
    onChange(next[0]);
    const tabs = event.currentTarget.parentElement?.querySelectorAll<HTMLElement>("[role=tab]");
    tabs?.[(at + step + options.length) % options.length]?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label}>
      {options.map(([key, text], at) => (
        <button
          key={key} type="button" role="tab" id={`${panel}-${key}`} aria-selected={key === value} aria-controls={panel}
          tabIndex={key === value ? 0 : -1} onClick={() => onChange(key)} onKeyDown={(event) => move(event, at)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
