import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useAssets, useRuns } from "../api/queries";
import { Icon, type IconName } from "../parts/icons";
import { shortId } from "../parts/format";
import { rank, type Ranked } from "../parts/search";
import { PAGES } from "./pages";
import { applyTheme } from "./theme";

interface Command {
  text: string;
  kind: string;
  icon: IconName;
  go: () => void;
}

/** Everything by name: pages, assets, runs, a few deeds. */
export function Palette({ project, onClose }: { project: string; onClose: () => void }) {
  const navigate = useNavigate();
  const assets = useAssets(project).data;
  const runs = useRuns(project, { limit: 50 }).data;
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  const commands = useMemo<Command[]>(
    () => [
      ...PAGES.map(({ path, title, icon }) => ({
        text: title, kind: "page", icon, go: () => void navigate({ to: path, params: { project } }),
      })),
      ...(assets ?? []).map(({ asset, kind }) => ({
        text: asset, kind, icon: "catalog" as const, go: () => void navigate({ to: "/p/$project/assets/$asset", params: { project, asset } }),
      })),
      ...(runs ?? []).map(({ run, status, schedule, command }) => ({
        text: `run ${shortId(run)} ${schedule ?? command}`, kind: status, icon: "runs" as const,
        go: () => void navigate({ to: "/p/$project/runs/$run", params: { project, run } }),
      })),
      { text: "Theme: dark", kind: "setting", icon: "settings" as const, go: () => applyTheme("dark") },
      { text: "Theme: light", kind: "setting", icon: "settings" as const, go: () => applyTheme("light") },
      { text: "Theme: as the system", kind: "setting", icon: "settings" as const, go: () => applyTheme("system") },
    ],
    [assets, runs, navigate, project],
  );
  const found = useMemo<Ranked<Command>[]>(() => rank(commands, words, (c) => c.text, 40), [commands, words]);
  const chosen = Math.min(at, found.length - 1);
  const take = (command: Command | undefined) => {
    if (!command) return;
    dialog.current?.close();
    command.go();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = (chosen + step + found.length) % Math.max(1, found.length);
      setAt(next);
      document.getElementById(`command-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(found[chosen]?.item);
    }
  };
  return (
    <dialog ref={dialog} className="palette" aria-label="Go to" onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current.close()}>
      <input
        autoFocus value={words} placeholder="Go to a page, an asset, a run…" role="combobox" aria-expanded="true" aria-controls="commands"
        aria-label="Go to a page, an asset or a run" aria-activedescendant={found.length > 0 ? `command-${chosen}` : undefined} autoComplete="off"
        spellCheck={false} onKeyDown={onKey}
        onChange={(event) => {
          setWords(event.target.value);
          setAt(0);
        }}
      />
      <ul id="commands" role="listbox" aria-label="Found">
        {found.map(({ item, marks }, i) => (
          <li key={`${item.kind}/${item.text}`} id={`command-${i}`} role="option" aria-selected={i === chosen} onMouseMove={() => setAt(i)} onClick={() => take(item)}>
            <Icon name={item.icon} />
            <span className="ellipsis">{marked(item.text, marks)}</span>
            <span className="end">{item.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <div className="empty">Nothing is called that.</div>}
    </dialog>
  );
}

export function marked(text: string, marks: readonly [number, number][]): React.ReactNode {
  const out: React.ReactNode[] = [];
  let done = 0;
  for (const [from, to] of marks) {
    out.push(text.slice(done, from), <mark key={from}>{text.slice(from, to)}</mark>);
    done = to;
  }
  return [...out, text.slice(done)];
}
