import { NODE_H, NODE_W, type Layout } from "./layout";
import type { Picture } from "./model";
import { toneOf } from "../parts/status";

export const PAINT_TONES = ["done", "running", "failed", "late", "idle", "stale", "line", "line-strong", "ink", "ink-2", "ink-3", "surface", "sunken", "bg", "hay", "link"] as const;
export type Colours = Record<(typeof PAINT_TONES)[number], string>;

/** Where the picture is seen from: a point of the picture is at (x × scale + dx, y × scale + dy) of the screen. */
export interface View {
  scale: number;
  dx: number;
  dy: number;
}

export interface Scene {
  picture: Picture;
  layout: Layout;
  colours: Colours;
  /** Boxes that are spoken of: drawn strong, with their edges; the others step back. */
  strong: ReadonlySet<number> | undefined;
  selected: number | undefined;
}

const TEXT_FROM = 0.42;
const MARGIN = 0.5; // of the screen, on each side

/** Draws a picture larger than the screen once, and then only moves it: panning costs one copy a frame, however many
 * boxes there are. It is drawn anew when the margin is used up or the scale has changed. */
export class Painter {
  private readonly sheet = document.createElement("canvas");
  private drawn: { view: View; scene: Scene; width: number; height: number } | undefined;

  paint(paper: HTMLCanvasElement, scene: Scene, view: View, moving: boolean): void {
    const ratio = window.devicePixelRatio || 1;
    const width = paper.clientWidth;
    const height = paper.clientHeight;
    if (paper.width !== Math.round(width * ratio) || paper.height !== Math.round(height * ratio)) {
      paper.width = Math.round(width * ratio);
      paper.height = Math.round(height * ratio);
    }
    const g = paper.getContext("2d");
    if (!g || width === 0) return;
    const drawn = this.drawn;
    const fits =
      drawn && drawn.scene === scene && drawn.width === width && drawn.height === height &&
      (drawn.view.scale === view.scale || moving) && this.covers(drawn.view, view, width, height);
    if (!fits) this.draw(scene, view, width, height, ratio);
    const from = this.drawn!.view;
    const zoom = view.scale / from.scale;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, paper.width, paper.height);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.drawImage(
      this.sheet, view.dx - from.dx * zoom - width * MARGIN * zoom, view.dy - from.dy * zoom - height * MARGIN * zoom,
      width * (1 + 2 * MARGIN) * zoom, height * (1 + 2 * MARGIN) * zoom,
    );
  }

  private covers(drawn: View, view: View, width: number, height: number): boolean {
    if (drawn.scale !== view.scale) return view.scale > drawn.scale * 0.6 && view.scale < drawn.scale * 1.8;
    return Math.abs(view.dx - drawn.dx) <= width * MARGIN && Math.abs(view.dy - drawn.dy) <= height * MARGIN;
  }

  private draw(scene: Scene, view: View, width: number, height: number, ratio: number): void {
    const sheetW = Math.round(width * (1 + 2 * MARGIN) * ratio);
    const sheetH = Math.round(height * (1 + 2 * MARGIN) * ratio);
    if (this.sheet.width !== sheetW || this.sheet.height !== sheetH) {
      this.sheet.width = sheetW;
      this.sheet.height = sheetH;
    }
    const g = this.sheet.getContext("2d");
    if (!g) return;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, sheetW, sheetH);
    const { scale } = view;
    const dx = view.dx + width * MARGIN;
    const dy = view.dy + height * MARGIN;
    g.setTransform(scale * ratio, 0, 0, scale * ratio, dx * ratio, dy * ratio);
    const left = -dx / scale;
    const top = -dy / scale;
    const box = { left, top, right: left + (width * (1 + 2 * MARGIN)) / scale, bottom: top + (height * (1 + 2 * MARGIN)) / scale };
    drawEdges(g, scene, box, scale);
    drawBoxes(g, scene, box, scale);
    this.drawn = { view: { ...view }, scene, width, height };
  }
}

interface Seen {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function drawEdges(g: CanvasRenderingContext2D, { picture, layout, colours, strong }: Scene, seen: Seen, scale: number): void {
  const { from, to } = picture.edges;
  const { x, y } = layout;
  const straight = scale < 0.2;
  const trace = (e: number) => {
    const x1 = x[from[e]!]! + NODE_W;
    const y1 = y[from[e]!]! + NODE_H / 2;
    const x2 = x[to[e]!]!;
    const y2 = y[to[e]!]! + NODE_H / 2;
    if (x2 < seen.left || x1 > seen.right || Math.max(y1, y2) < seen.top || Math.min(y1, y2) > seen.bottom) return;
    g.moveTo(x1, y1);
    if (straight) g.lineTo(x2, y2);
    else {
      const bend = Math.max(30, Math.min(140, (x2 - x1) / 2));
      g.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    }
  };
  const isStrong = (e: number) => strong !== undefined && strong.has(from[e]!) && strong.has(to[e]!);
  g.lineWidth = Math.max(1.1, 0.6 / scale);
  g.globalAlpha = strong ? 0.35 : straight ? 0.3 : 0.9;
  g.strokeStyle = colours["line-strong"];
  g.beginPath();
  for (let e = 0; e < from.length; e++) if (!isStrong(e)) trace(e);
  g.stroke();
  g.globalAlpha = 1;
  if (!strong) return;
  g.lineWidth = Math.max(1.6, 1 / scale);
  g.strokeStyle = colours.hay;
  g.beginPath();
  for (let e = 0; e < from.length; e++) if (isStrong(e)) trace(e);
  g.stroke();
}

function drawBoxes(g: CanvasRenderingContext2D, scene: Scene, seen: Seen, scale: number): void {
  const { picture, layout, colours, strong, selected } = scene;
  const { x, y, columns } = layout;
  const text = scale >= TEXT_FROM;
  const flat = scale < 0.12;
  for (const nodes of columns) {
    const columnX = nodes.length > 0 ? x[nodes[0]!]! : 0;
    if (nodes.length === 0 || columnX + NODE_W < seen.left || columnX > seen.right) continue;
    for (let i = firstBelow(nodes, y, seen.top - NODE_H); i < nodes.length; i++) {
      const node = nodes[i]!;
      if (y[node]! > seen.bottom) break;
      const box = picture.boxes[node]!;
      const tone = box.status ? toneOf(box.status) : undefined;
      g.globalAlpha = strong && !strong.has(node) ? 0.4 : 1;
      if (flat) {
        g.fillStyle = tone && tone !== "done" ? colours[tone] : colours["line-strong"];
        g.fillRect(x[node]!, y[node]!, NODE_W, NODE_H);
        continue;
      }
      drawBox(g, scene, node, text, node === selected);
    }
  }
  g.globalAlpha = 1;
}

function drawBox(g: CanvasRenderingContext2D, { picture, layout, colours }: Scene, node: number, text: boolean, selected: boolean): void {
  const box = picture.boxes[node]!;
  const x = layout.x[node]!;
  const y = layout.y[node]!;
  const tone = box.status ? toneOf(box.status) : undefined;
  if (box.size > 1) {
    // A pile: several are folded into it.
    g.fillStyle = colours.surface;
    g.strokeStyle = colours["line-strong"];
    g.beginPath();
    g.roundRect(x + 4, y + 4, NODE_W, NODE_H, 6);
    g.fill();
    g.stroke();
  }
  g.fillStyle = colours.surface;
  g.strokeStyle = selected ? colours.hay : colours["line-strong"];
  g.lineWidth = selected ? 2.5 : 1;
  g.beginPath();
  g.roundRect(x, y, NODE_W, NODE_H, 6);
  g.fill();
  g.stroke();
  g.fillStyle = tone ? colours[tone] : colours["line-strong"];
  g.beginPath();
  g.roundRect(x + 1, y + 1, 5, NODE_H - 2, [5, 0, 0, 5]);
  g.fill();
  if (!text) {
    g.fillStyle = colours["ink-3"];
    g.fillRect(x + 14, y + 9, Math.min(NODE_W - 30, box.label.length * 6), 5);
    return;
  }
  const dot = box.label.indexOf(".");
  const layer = dot > 0 && box.size === 1 ? box.label.slice(0, dot) : "";
  g.textBaseline = "middle";
  g.fillStyle = colours.ink;
  g.font = "600 12px Inter, system-ui, sans-serif";
  g.fillText(clipped(g, layer ? box.label.slice(dot + 1) : box.label, NODE_W - 40), x + 14, y + 12);
  g.fillStyle = colours["ink-3"];
  g.font = "11px Inter, system-ui, sans-serif";
  g.fillText(clipped(g, [layer, box.sub].filter(Boolean).join(" · "), NODE_W - 40), x + 14, y + 25);
  if (tone) drawMark(g, tone, x + NODE_W - 16, y + NODE_H / 2, colours);
}

/** The marks of parts/status.tsx, so that colour alone says nothing. */
function drawMark(g: CanvasRenderingContext2D, tone: string, x: number, y: number, colours: Colours): void {
  g.strokeStyle = colours[tone as keyof Colours];
  g.lineWidth = 1.8;
  g.lineCap = "round";
  g.beginPath();
  if (tone === "done") {
    g.moveTo(x - 4, y);
    g.lineTo(x - 1, y + 3);
    g.lineTo(x + 4, y - 3);
  } else if (tone === "failed") {
    g.moveTo(x - 3.5, y - 3.5);
    g.lineTo(x + 3.5, y + 3.5);
    g.moveTo(x + 3.5, y - 3.5);
    g.lineTo(x - 3.5, y + 3.5);
  } else if (tone === "running") {
    g.arc(x, y, 4.5, -Math.PI / 2, Math.PI);
  } else if (tone === "stale") {
    g.moveTo(x, y - 4.5);
    g.lineTo(x + 4.5, y);
    g.lineTo(x, y + 4.5);
    g.lineTo(x - 4.5, y);
    g.closePath();
  } else if (tone === "late") {
    g.arc(x, y, 4.5, 0, Math.PI * 2);
    g.moveTo(x, y - 2);
    g.lineTo(x, y);
    g.lineTo(x + 2, y + 1);
  } else {
    g.moveTo(x - 3.5, y);
    g.lineTo(x + 3.5, y);
  }
  g.stroke();
  g.lineCap = "butt";
}

const clips = new Map<string, string>();
function clipped(g: CanvasRenderingContext2D, text: string, width: number): string {
  const key = g.font + text;
  let found = clips.get(key);
  if (found === undefined) {
    found = text;
    if (g.measureText(text).width > width) {
      let end = text.length;
      while (end > 1 && g.measureText(`${text.slice(0, end)}…`).width > width) end--;
      found = `${text.slice(0, end)}…`;
    }
    if (clips.size > 50_000) clips.clear();
    clips.set(key, found);
  }
  return found;
}
/** After another font has come. */
export const forgetClips = (): void => clips.clear();

/** The first node of a column whose top is not above `top`. */
function firstBelow(nodes: Uint32Array, y: Float64Array, top: number): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (y[nodes[middle]!]! < top) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The box at a point of the picture. */
export function boxAt(layout: Layout, px: number, py: number): number | undefined {
  for (const nodes of layout.columns) {
    const first = nodes[0];
    if (first === undefined || px < layout.x[first]! || px > layout.x[first]! + NODE_W) continue;
    const node = nodes[firstBelow(nodes, layout.y, py - NODE_H)];
    if (node !== undefined && layout.y[node]! <= py) return node;
  }
  return undefined;
}
