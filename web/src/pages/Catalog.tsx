import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useMemo, useRef } from "react";
import { useAssets } from "../api/queries";
import type { Asset } from "../api/types";
import { bytes, count, plural } from "../parts/format";
import { Answer, Empty, PageHead } from "../parts/parts";
import { rank } from "../parts/search";
import { Ago } from "../parts/time";
import { marked } from "../shell/Palette";

/** Everything there is, by any word that is said of it. */
export function Catalog() {
  const { project } = useParams({ from: "/p/$project/catalog" });
  const { q = "", layer = "", kind = "" } = useSearch({ from: "/p/$project/catalog" });
  const navigate = useNavigate({ from: "/p/$project/catalog" });
  const assets = useAssets(project);
  const set = (search: { q?: string; layer?: string; kind?: string }) => void navigate({ search: (before) => ({ ...before, ...search }), replace: true });
  const layers = useMemo(() => [...new Set(assets.data?.map((asset) => asset.layer).filter(Boolean))], [assets.data]);
  const kinds = useMemo(() => [...new Set(assets.data?.map((asset) => asset.kind))].sort(), [assets.data]);
  return (
    <div className="page full">
      <PageHead title="Catalog">
        <input
          className="field wide" type="search" value={q} placeholder="Names, descriptions, tags, owners" aria-label="Search the catalog"
          onChange={(e) => set({ q: e.target.value || undefined })}
        />
        <select className="field" aria-label="Layer" value={layer} onChange={(e) => set({ layer: e.target.value || undefined })}>
          <option value="">every layer</option>
          {layers.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <select className="field" aria-label="Kind" value={kind} onChange={(e) => set({ kind: e.target.value || undefined })}>
          <option value="">every kind</option>
          {kinds.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </PageHead>
      <div className="card fill">
        <Answer query={assets} lines={12}>
          {(all) => <Found project={project} assets={all} words={q} layer={layer} kind={kind} />}
        </Answer>
      </div>
    </div>
  );
}

const textOf = (asset: Asset): string => [asset.asset, asset.description, asset.tags.join(" "), asset.owner, asset.kind].filter(Boolean).join(" · ");

function Found({ project, assets, words, layer, kind }: { project: string; assets: Asset[]; words: string; layer: string; kind: string }) {
  const room = useRef<HTMLDivElement>(null);
  const wanted = useDeferredValue(words);
  const found = useMemo(
    () => rank(assets.filter((one) => (!layer || one.layer === layer) && (!kind || one.kind === kind)), wanted, textOf, assets.length),
    [assets, wanted, layer, kind],
  );
  const rows = useVirtualizer({ count: found.length, getScrollElement: () => room.current, estimateSize: () => 52, overscan: 12 });
  if (assets.length === 0) return <Empty title="The project has no assets yet.">A file in <code>sources/</code> or <code>models/</code> is one.</Empty>;
  return (
    <>
      <div className="list-head quiet" role="status">
        {found.length === assets.length ? plural(assets.length, "asset") : `${count(found.length)} of ${plural(assets.length, "asset")}`}
      </div>
      {found.length === 0 && <Empty title="Nothing is called that.">Fewer words find more.</Empty>}
      <div ref={room} className="list-room">
        <ul className="asset-list" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const { item, marks } = found[row.index]!;
            const name = marks.filter(([, to]) => to <= item.asset.length);
            return (
              <li key={item.asset} style={{ transform: `translateY(${row.start}px)` }}>
                <Link to="/p/$project/assets/$asset" params={{ project, asset: item.asset }}>
                  <span className="row">
                    <strong className="ellipsis">{marked(item.asset, name)}</strong>
                    <span className="tag">{item.kind}</span>
                    {item.tags.slice(0, 4).map((tag) => (
                      <span key={tag} className="tag hide-narrow">
                        #{tag}
                      </span>
                    ))}
                    <span className="grow" />
                    <span className="num">{item.rows === undefined ? "" : `${count(item.rows)} rows`}</span>
                    <span className="num size hide-narrow">{bytes(item.bytes)}</span>
                    <span className="num size">{item.updated ? <Ago at={item.updated} /> : <span className="quiet">not built</span>}</span>
                  </span>
                  <span className="ellipsis quiet">{item.description?.split("\n")[0] ?? item.file}</span>
                </Link>
              </li>
            );
          })}
        </ul>
      </div>
    </>
  );
}
