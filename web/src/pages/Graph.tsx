import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { useAssets, useColumnLineage, useAsset, useGraph, usePlan, useTasks } from "../api/queries";
import type { GraphNode, ProjectGraph } from "../api/types";
import { GraphCanvas } from "../graph/GraphCanvas";
import { centre, groupName, linksOf, neighbourhood, pictureOf, type FoldBy, type Links } from "../graph/model";
import { count, plural } from "../parts/format";
import { Answer, Card, Empty, PageHead, Segments } from "../parts/parts";
import { rank } from "../parts/search";
import { Status } from "../parts/status";
import { Ago } from "../parts/time";
import { marked } from "../shell/Palette";

const FEW = 60; // so many are shown whole
const EVERYTHING = 99;

export function Graph() {
  const { project } = useParams({ from: "/p/$project/graph" });
  const graph = useGraph(project);
  return (
    <div className="page full">
      <Answer query={graph} lines={12}>
        {(found) =>
          found.nodes.length === 0 ? (
            <>
              <PageHead title="Graph" />
              <Empty title="The project has no assets yet.">
                A file in <code>sources/</code> or <code>models/</code> is one.
              </Empty>
            </>
          ) : (
            <Found project={project} graph={found} />
          )
        }
      </Answer>
    </div>
  );
}

/** How each asset is: what the last run made of it, and what the plan says is stale. */
function useStates(project: string): ReadonlyMap<string, string> {
  const tasks = useTasks(project, 50).data;
  const assets = useAssets(project).data;
  const plan = usePlan(project, {}).data;
  return useMemo(() => {
    const states = new Map<string, string>();
    for (const asset of assets ?? []) if (asset.version !== undefined) states.set(asset.asset, "done");
    for (const step of plan?.steps ?? []) if (step.certain) states.set(step.asset, "stale");
    const seen = new Set<string>();
    for (const task of tasks ?? []) {
      if (seen.has(task.asset)) continue;
      seen.add(task.asset);
      if (task.status === "failed" || task.status === "running") states.set(task.asset, task.status);
      else if (task.status === "done" && !states.has(task.asset)) states.set(task.asset, "done");
    }
    return states;
  }, [tasks, assets, plan]);
}

function Found({ project, graph }: { project: string; graph: ProjectGraph }) {
  const { focus, column: name, view = "picture", reach } = useSearch({ from: "/p/$project/graph" });
  const navigate = useNavigate({ from: "/p/$project/graph" });
  const states = useStates(project);
  const links = useMemo(() => linksOf(graph), [graph]);
  const few = graph.nodes.length <= FEW;
  const steps = reach ?? (few ? EVERYTHING : 2);
  const whole = few && reach === undefined;
  const start = useMemo(() => focus ?? (whole ? undefined : centre(graph, links)), [focus, graph, links, whole]);
  const [by, setBy] = useState<FoldBy>("none");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const column = focus && name ? `${focus}.${name}` : undefined;
  const lineage = useColumnLineage(project, column).data;
  const shown = useMemo(
    () => (by !== "none" || steps === EVERYTHING || start === undefined ? undefined : neighbourhood(start, links, steps)),
    [by, steps, start, links],
  );
  const picture = useMemo(() => pictureOf(graph, shown, by, open, (asset) => states.get(asset)), [graph, shown, by, open, states]);
  const traced = useMemo(() => lineage && new Set(lineage.nodes.map((name) => name.slice(0, name.lastIndexOf(".")))), [lineage]);
  const select = (id: string | undefined) => {
    void navigate({ search: (before) => ({ ...before, focus: id?.startsWith("group:") ? before.focus : id, column: undefined }), replace: true });
  };
  const openBox = (id: string) => {
    const box = picture.boxes[picture.at.get(id) ?? -1];
    const group = box && groupName(box);
    if (group !== undefined) setOpen(new Set([...open, group]));
    else void navigate({ to: "/p/$project/assets/$asset", params: { project, asset: id } });
  };
  return (
    <>
      <PageHead title="Graph" sub={<span className="quiet">{shown ? `${count(shown.size)} of ${plural(graph.nodes.length, "asset")}` : plural(graph.nodes.length, "asset")}</span>}>
        <Find nodes={graph.nodes} onFound={select} />
        <select
          className="field" aria-label="How far" value={by === "none" ? steps : EVERYTHING} disabled={by !== "none"}
          onChange={(e) => void navigate({ search: (before) => ({ ...before, reach: Number(e.target.value) }), replace: true })}
        >
          {[1, 2, 3, 5].map((n) => (
            <option key={n} value={n}>
              {plural(n, "step")} around
            </option>
          ))}
          <option value={EVERYTHING}>everything</option>
        </select>
        <select
          className="field" aria-label="Fold by" value={by}
          onChange={(e) => {
            setBy(e.target.value as FoldBy);
            setOpen(new Set());
          }}
        >
          <option value="none">not folded</option>
          <option value="layer">folded by layer</option>
          <option value="folder">folded by folder</option>
          <option value="tag">folded by tag</option>
        </select>
        <Segments
          label="View" value={view} options={[["picture", "Picture"], ["list", "List"]]}
          onChange={(value) => void navigate({ search: (before) => ({ ...before, view: value }), replace: true })}
        />
      </PageHead>
      {view === "list" ? (
        <ListView project={project} graph={graph} links={links} shown={shown} states={states} />
      ) : (
        <div className="graph-split">
          <div className="card graph-card">
            <GraphCanvas picture={picture} selected={focus ?? start} strong={traced} onSelect={select} onOpen={openBox} label="The project's graph" />
          </div>
          {focus && (
            <Side
              project={project} asset={focus} links={links} status={states.get(focus)} column={column} onSelect={select}
              onColumn={(one) => void navigate({ search: (before) => ({ ...before, column: one }), replace: true })}
            />
          )}
        </div>
      )}
    </>
  );
}

function Find({ nodes, onFound }: { nodes: readonly GraphNode[]; onFound: (asset: string) => void }) {
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const wanted = useDeferredValue(words);
  const search = (query: string) => (query ? rank(nodes, query, (node) => `${node.asset} ${node.owner ?? ""}`, 12) : []);
  const found = useMemo(() => search(wanted), [nodes, wanted]);
  const take = (asset: string | undefined) => {
    if (asset === undefined) return;
    setWords("");
    onFound(asset);
  };
  return (
    <div className="find">
      <input
        className="field" placeholder="Find an asset" aria-label="Find an asset" role="combobox" aria-expanded={found.length > 0} aria-controls="graph-found"
        aria-activedescendant={found.length > 0 ? `graph-found-${at}` : undefined} value={words} autoComplete="off" spellCheck={false}
        onChange={(e) => {
          setWords(e.target.value);
          setAt(0);
        }}
        onBlur={() => setTimeout(() => setWords(""), 150)}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown" || e.key === "ArrowUp") {
            e.preventDefault();
            setAt((at + (e.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length));
          } else if (e.key === "Enter") take(search(words)[at]?.item.asset); // of what is typed, though it is not shown yet
          else if (e.key === "Escape") setWords("");
        }}
      />
      <ul id="graph-found" role="listbox" aria-label="Found" hidden={found.length === 0}>
        {found.map(({ item, marks }, i) => (
          <li key={item.asset} id={`graph-found-${i}`} role="option" aria-selected={i === at} onPointerDown={() => take(item.asset)}>
            <span className="ellipsis">{marked(`${item.asset} ${item.owner ?? ""}`, marks)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Side({ project, asset, links, status, column, onColumn, onSelect }: {
  project: string;
  asset: string;
  links: Links;
  status: string | undefined;
  column: string | undefined;
  onColumn: (column: string | undefined) => void;
  onSelect: (asset: string) => void;
}) {
  const detail = useAsset(project, asset);
  const lineage = useColumnLineage(project, column);
  return (
    <aside className="card graph-side" aria-label={asset}>
      <header>
        <h2 className="grow ellipsis">
          <Link to="/p/$project/assets/$asset" params={{ project, asset }}>
            {asset}
          </Link>
        </h2>
        {status && <Status status={status} pill />}
      </header>
      <div className="body stack">
        <Answer query={detail} lines={5}>
          {(found) => (
            <>
              {found.description && <p>{found.description}</p>}
              <dl className="facts">
                <div>
                  <dt>Kind</dt>
                  <dd>{found.kind}</dd>
                </div>
                {found.rows !== undefined && (
                  <div>
                    <dt>Rows</dt>
                    <dd>{count(found.rows)}</dd>
                  </div>
                )}
                {found.updated && (
                  <div>
                    <dt>Updated</dt>
                    <dd>
                      <Ago at={found.updated} />
                    </dd>
                  </div>
                )}
                {found.owner && (
                  <div>
                    <dt>Owner</dt>
                    <dd>{found.owner}</dd>
                  </div>
                )}
              </dl>
              <Names title="Reads" names={links.up.get(asset) ?? []} onSelect={onSelect} />
              <Names title="Read by" names={links.down.get(asset) ?? []} onSelect={onSelect} />
              {found.columns && found.columns.length > 0 && (
                <div>
                  <h2 className="minor">Columns</h2>
                  <div className="names">
                    {found.columns.map(({ name, type }) => {
                      const subject = `${asset}.${name}`;
                      return (
                        <button
                          key={name} type="button" className="button small plain column" aria-pressed={column === subject}
                          onClick={() => onColumn(column === subject ? undefined : name)}
                        >
                          {name} <span className="quiet">{type?.toLowerCase()}</span>
                        </button>
                      );
                    })}
                  </div>
                </div>
              )}
            </>
          )}
        </Answer>
        {column && (
          <div>
            <h2 className="minor">Where {column.slice(column.lastIndexOf(".") + 1)} comes from</h2>
            <Answer query={lineage} lines={3}>
              {(found) => (
                <ul className="lineage">
                  {found.nodes.map((name) => (
                    <li key={name}>
                      <span>{name}</span>
                      {found.expressions?.[name] && <code>{found.expressions[name]}</code>}
                    </li>
                  ))}
                </ul>
              )}
            </Answer>
          </div>
        )}
      </div>
    </aside>
  );
}

export function Names({ title, names, onSelect }: { title: string; names: readonly string[]; onSelect: (name: string) => void }) {
  if (names.length === 0) return null;
  return (
    <div>
      <h2 className="minor">
        {title} {names.length}
      </h2>
      <div className="names">
        {names.map((name) => (
          <button key={name} type="button" className="button small plain" onClick={() => onSelect(name)}>
            {name}
          </button>
        ))}
      </div>
    </div>
  );
}

const LIST_STEP = 200;

/** The same as text, for the keyboard and for who reads by ear. */
function ListView({ project, graph, links, shown, states }: {
  project: string;
  graph: ProjectGraph;
  links: Links;
  shown: ReadonlySet<string> | undefined;
  states: ReadonlyMap<string, string>;
}) {
  const [limit, setLimit] = useState(LIST_STEP);
  const nodes = graph.nodes.filter((node) => !shown || shown.has(node.asset));
  const many = (names: string[] | undefined) =>
    !names ? <span className="quiet">nothing</span> : (
      <>
        {names.slice(0, 6).map((name, i) => (
          <span key={name}>
            {i > 0 && ", "}
            <Link to="/p/$project/graph" params={{ project }} search={{ focus: name, view: "list" }}>
              {name}
            </Link>
          </span>
        ))}
        {names.length > 6 && <span className="quiet"> and {names.length - 6} more</span>}
      </>
    );
  return (
    <Card label="Assets, in the order of the graph">
      <div className="scroll">
        <table className="table">
          <thead>
            <tr>
              <th>State</th>
              <th>Asset</th>
              <th>Kind</th>
              <th>Reads</th>
              <th>Read by</th>
            </tr>
          </thead>
          <tbody>
            {nodes.slice(0, limit).map(({ asset, kind }) => (
              <tr key={asset}>
                <td>{states.has(asset) ? <Status status={states.get(asset)!} /> : <span className="quiet">not built</span>}</td>
                <td className="nowrap">
                  <Link to="/p/$project/assets/$asset" params={{ project, asset }}>
                    {asset}
                  </Link>
                </td>
                <td>{kind}</td>
                <td>{many(links.up.get(asset))}</td>
                <td>{many(links.down.get(asset))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {nodes.length > limit && (
        <div className="body">
          <button type="button" className="button small" onClick={() => setLimit(limit + LIST_STEP)}>
            {count(nodes.length - limit)} more
          </button>
        </div>
      )}
    </Card>
  );
}
