import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { themeColours, useDark } from "../shell/theme";
import { layout as layOut, NODE_H, NODE_W, type Layout } from "./layout";
import type { Picture } from "./model";
import { boxAt, forgetClips, Painter, PAINT_TONES, type Scene, type View } from "./painter";

interface Props {
  picture: Picture;
  selected: string | undefined;
  /** Boxes to draw strong, by id; without it the selected one and its neighbours. */
  strong?: ReadonlySet<string>;
  onSelect: (id: string | undefined) => void;
  onOpen: (id: string) => void;
  label: string;
}

const SCALE_MIN = 0.02;
const SCALE_MAX = 1.6;
const LEGIBLE = 0.8;

/** A picture of boxes and edges on one canvas: drag to move, wheel to come closer, arrows to walk along the edges. */
export function GraphCanvas({ picture, selected, strong, onSelect, onOpen, label }: Props) {
  const paper = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ scale: 1, dx: 20, dy: 20 });
  const painter = useRef<Painter>(undefined);
  painter.current ??= new Painter();
  const dark = useDark();
  const colours = useMemo(() => themeColours(PAINT_TONES), [dark]);
  // States change often, shapes seldom: the same shape is not laid out again.
  const shape = useMemo(() => `${picture.boxes.map((box) => box.id).join("\n")}\n${picture.edges.from.length}`, [picture]);
  const layout = useMemo(() => {
    const start = performance.now();
    const made = layOut(picture.edges);
    performance.measure("windrow.layout", { start, detail: picture.boxes.length }); // bench/page.py reads it
    return made;
  }, [shape]);
  const at = selected === undefined ? undefined : picture.at.get(selected);
  const scene = useMemo<Scene>(
    () => ({ picture, layout, colours, selected: at, strong: strong ? positions(picture, strong) : at === undefined ? undefined : around(picture, at) }),
    [picture, layout, colours, at, strong],
  );
  const latest = useRef(scene);
  latest.current = scene;
  const frame = useRef(0);
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);

  const repaint = useCallback((moving = false) => {
    if (moving) {
      clearTimeout(settle.current);
      settle.current = setTimeout(() => repaint(), 90);
    }
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      if (paper.current) painter.current?.paint(paper.current, latest.current, view.current, moving);
    });
  }, []);

  const fit = useCallback(() => {
    const box = paper.current;
    if (!box) return;
    const { layout: all } = latest.current;
    const scale = Math.min(1, Math.max(SCALE_MIN, Math.min((box.clientWidth - 48) / Math.max(1, all.width), (box.clientHeight - 48) / Math.max(1, all.height))));
    view.current = { scale, dx: (box.clientWidth - all.width * scale) / 2, dy: (box.clientHeight - all.height * scale) / 2 };
    repaint();
  }, [repaint]);

  const show = useCallback((node: number) => {
    const box = paper.current;
    if (!box) return;
    const { x, y } = latest.current.layout;
    const { scale } = view.current;
    const sx = x[node]! * scale + view.current.dx;
    const sy = y[node]! * scale + view.current.dy;
    if (sx < 10 || sy < 10 || sx + NODE_W * scale > box.clientWidth - 10 || sy + NODE_H * scale > box.clientHeight - 10) {
      view.current = { scale, dx: box.clientWidth / 2 - (x[node]! + NODE_W / 2) * scale, dy: box.clientHeight / 2 - (y[node]! + NODE_H / 2) * scale };
    }
    repaint();
  }, [repaint]);

  useEffect(() => repaint(), [scene, repaint]);
  // A new picture is shown whole; where that would be too small to read, from what is selected, or from its beginning.
  useEffect(() => {
    fit();
    const box = paper.current;
    if (!box || view.current.scale >= LEGIBLE) return;
    const { layout: all, selected: first } = latest.current;
    const height = all.height * LEGIBLE;
    view.current = { scale: LEGIBLE, dx: 24, dy: height < box.clientHeight ? (box.clientHeight - height) / 2 : 24 };
    if (first !== undefined) show(first);
  }, [layout, fit, show]);
  useEffect(() => {
    if (at !== undefined) show(at);
  }, [at, show]);
  useEffect(() => {
    const box = paper.current;
    if (!box) return;
    const sized = new ResizeObserver(() => repaint());
    sized.observe(box);
    void document.fonts.ready.then(() => {
      forgetClips();
      repaint();
    });
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top } = box.getBoundingClientRect();
      zoom(view, event.clientX - left, event.clientY - top, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)));
      repaint(true);
    };
    box.addEventListener("wheel", wheel, { passive: false }); // React's is passive
    return () => {
      sized.disconnect();
      box.removeEventListener("wheel", wheel);
      cancelAnimationFrame(frame.current);
      frame.current = 0;
      clearTimeout(settle.current);
    };
  }, [repaint]);

  const [hover, setHover] = useState<number>();
  const drag = useRef<{ x: number; y: number; moved: boolean }>(undefined);
  const under = (event: React.PointerEvent | React.MouseEvent) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const { scale, dx, dy } = view.current;
    return boxAt(layout, (event.clientX - left - dx) / scale, (event.clientY - top - dy) / scale);
  };
  const zoomBy = (factor: number) => {
    const box = paper.current;
    if (box) zoom(view, box.clientWidth / 2, box.clientHeight / 2, factor);
    repaint();
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === "+" || event.key === "=") zoomBy(1.25);
    else if (event.key === "-") zoomBy(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "Escape") onSelect(undefined);
    else if (event.key === "Enter" && selected !== undefined) onOpen(selected);
    else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = at === undefined ? layout.columns[0]?.[0] : stepFrom(scene, at, event.key);
      if (next !== undefined) onSelect(picture.boxes[next]?.id);
    }
  };
  const hovered = hover === undefined ? undefined : picture.boxes[hover];
  return (
    <div className="graph-room">
      <canvas
        ref={paper} className="graph-canvas" tabIndex={0} role="application"
        aria-label={`${label}: arrows walk along the edges, Enter opens, plus and minus change the size. The list view has the same as text.`}
        data-hover={hover !== undefined || undefined} onKeyDown={onKey}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY, moved: false };
        }}
        onPointerMove={(event) => {
          const from = drag.current;
          if (!from) {
            setHover(under(event));
            return;
          }
          const dx = event.clientX - from.x;
          const dy = event.clientY - from.y;
          if (!from.moved && Math.hypot(dx, dy) < 4) return;
          view.current = { ...view.current, dx: view.current.dx + dx, dy: view.current.dy + dy };
          drag.current = { x: event.clientX, y: event.clientY, moved: true };
          repaint(true);
        }}
        onPointerUp={(event) => {
          const was = drag.current;
          drag.current = undefined;
          if (!was || was.moved) return;
          const node = under(event);
          onSelect(node === undefined ? undefined : picture.boxes[node]?.id);
        }}
        onPointerLeave={() => setHover(undefined)}
        onDoubleClick={(event) => {
          const node = under(event);
          const box = node === undefined ? undefined : picture.boxes[node];
          if (box) onOpen(box.id);
        }}
      />
      <div className="graph-tools">
        <button type="button" className="button small" aria-label="Closer" onClick={() => zoomBy(1.25)}>
          +
        </button>
        <button type="button" className="button small" aria-label="Farther" onClick={() => zoomBy(0.8)}>
          −
        </button>
        <button type="button" className="button small" onClick={fit}>
          All
        </button>
      </div>
      {hovered && (
        <div className="graph-hover" aria-hidden="true">
          <strong>{hovered.label}</strong> <span className="quiet">{hovered.sub}</span> {hovered.status && <span className={`status s-${hovered.status}`}>{hovered.status}</span>}
        </div>
      )}
      <div className="visually-hidden" aria-live="polite">
        {at !== undefined && says(scene, at)}
      </div>
    </div>
  );
}

function zoom(view: React.RefObject<View>, x: number, y: number, factor: number): void {
  const before = view.current;
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, before.scale * factor));
  const by = scale / before.scale;
  view.current = { scale, dx: x - (x - before.dx) * by, dy: y - (y - before.dy) * by };
}

const positions = (picture: Picture, ids: ReadonlySet<string>): Set<number> =>
  new Set([...ids].map((id) => picture.at.get(id)).filter((one) => one !== undefined));

function around({ edges }: Picture, at: number): Set<number> {
  const out = new Set([at]);
  for (let e = 0; e < edges.from.length; e++) {
    if (edges.from[e] === at) out.add(edges.to[e]!);
    if (edges.to[e] === at) out.add(edges.from[e]!);
  }
  return out;
}

/** Left and right lead along an edge to the neighbour at the nearest height, up and down within the column. */
function stepFrom({ picture, layout }: { picture: Picture; layout: Layout }, at: number, key: string): number | undefined {
  if (key === "ArrowUp" || key === "ArrowDown") {
    const nodes = layout.columns[layout.column[at]!]!;
    return nodes[nodes.indexOf(at) + (key === "ArrowUp" ? -1 : 1)];
  }
  const [mine, other] = key === "ArrowLeft" ? [picture.edges.to, picture.edges.from] : [picture.edges.from, picture.edges.to];
  let best: number | undefined;
  for (let e = 0; e < mine.length; e++) {
    if (mine[e] !== at) continue;
    const node = other[e]!;
    if (best === undefined || Math.abs(layout.y[node]! - layout.y[at]!) < Math.abs(layout.y[best]! - layout.y[at]!)) best = node;
  }
  return best;
}

function says({ picture }: Scene, at: number): string {
  const box = picture.boxes[at]!;
  let up = 0;
  let down = 0;
  for (let e = 0; e < picture.edges.from.length; e++) {
    if (picture.edges.to[e] === at) up++;
    if (picture.edges.from[e] === at) down++;
  }
  return `${box.label}, ${box.sub}${box.status ? `, ${box.status}` : ""}; reads ${up}, read by ${down}`;
}
