"""Benchmarks of the web page in Chromium: 10,000 assets in the graph, 365 runs × 500 assets in the grid, the first paint.
The project is invented and answered from memory (page_api.py), so what is measured is the page."""
import json
import pathlib
import shutil
import statistics
import time
import zlib

import page_api

# Moves the picture by a few pixels a frame, as a hand would, and keeps the time between frames.
PAN = """async ([frames]) => {
  const canvas = document.querySelector('.graph-canvas'), box = canvas.getBoundingClientRect();
  const at = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {clientX: x, clientY: y, bubbles: true, pointerId: 1, button: 0, buttons: 1, isPrimary: true}));
  canvas.setPointerCapture = () => undefined;
  let x = box.left + box.width / 2, y = box.top + box.height / 2, last, took = [];
  at('pointerdown', x, y);
  for (let i = 0; i < frames; i++) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    if (last !== undefined) took.push(now - last);
    last = now;
    x += 7 * Math.sin(i / 40); y += 6 * Math.cos(i / 50);
    at('pointermove', x, y);
  }
  at('pointerup', x, y);
  return took;
}"""
# How often this machine draws anything at all: a frame cannot be shorter.
NOTHING = """async ([frames]) => {
  let last, took = [];
  for (let i = 0; i < frames; i++) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    if (last !== undefined) took.push(now - last);
    last = now;
    document.body.style.outlineOffset = `${i % 2}px`;
  }
  return took;
}"""
SCROLL = """async ([frames]) => {
  const box = document.querySelector('.grid-scroll'); let last, took = [];
  for (let i = 0; i < frames; i++) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    if (last !== undefined) took.push(now - last);
    last = now;
    box.scrollTop = 3000 * (1 + Math.sin(i / 40)); box.scrollLeft = 2000 * (1 + Math.cos(i / 50));
  }
  return took;
}"""
FRAMES = 180


DIST = pathlib.Path(__file__).resolve().parent.parent / "build/release/src/page/dist"


def weight(dist: pathlib.Path) -> int:
    """Bytes of everything the page may load, packed by gzip; the font is packed already."""
    return sum(len(file.read_bytes()) if file.suffix == ".woff2" else len(zlib.compress(file.read_bytes(), 9))
               for file in dist.rglob("*") if file.is_file())


def busy(metrics) -> float:
    """Seconds for which the page's main thread has worked."""
    return next(one["value"] for one in metrics.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration")


def frames(page, name: str, script: str) -> tuple:
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    began = busy(metrics)
    took = sorted(page.evaluate(script, [FRAMES]))
    work = 1000 * (busy(metrics) - began) / FRAMES
    metrics.detach()
    return (f"a frame: {name}", statistics.median(took) / 1000,
            f"p90 {took[int(len(took) * 0.9)]:.1f} ms, worst {took[-1]:.0f} ms; the page's own work {work:.1f} ms")


def graph(page, url: str) -> list[tuple]:
    page.goto(url + "/p/shop/graph?reach=99")
    for _ in range(5):  # laid out again each time it comes back
        page.locator(".graph-canvas").wait_for(timeout=60_000)
        page.get_by_role("button", name="List").click()
        page.get_by_role("button", name="Picture").click()
    page.locator(".graph-canvas").wait_for()
    layout = page.evaluate("() => performance.getEntriesByName('windrow.layout').filter((one) => one.detail === 10000).map((one) => one.duration)")
    out = [("layout of 10,000 assets", statistics.median(layout) / 1000, f"of {len(layout)}; {min(layout):.0f} to {max(layout):.0f} ms")]
    page.wait_for_timeout(1500)
    page.locator(".graph-canvas").focus()
    for name, keys in {"the graph is moved, at its first size": [], "the same, half as large": ["-"] * 3, "the same, all of it on the screen": ["0"]}.items():
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(500)
        out.append(frames(page, name, PAN))
    return out


def bench_page(_arguments, _work: pathlib.Path, _program: str, _put) -> list[tuple]:
    from playwright.sync_api import sync_playwright

    url, stop = page_api.serve(DIST, page_api.World(10_000, 365))
    out = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1360, "height": 860}).new_page()
        paints = []
        for _ in range(6):
            page.goto(url + "/p/shop/plan")
            page.locator("main h1").wait_for()
            paints.append(page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime").json_value())
        out.append(("first paint", paints[0] / 1000, f"then from the cache {min(paints[1:]):.0f} to {max(paints[1:]):.0f} ms; "
                                                     f"the whole page weighs {weight(DIST) / 1000:.0f} kB by gzip"))
        out.append(frames(page, "nothing moves but a line", NOTHING))
        out += graph(page, url)
        page.goto(url + "/p/shop/runs?view=grid")
        page.get_by_label("How many runs").select_option("365")
        began = time.perf_counter()
        page.wait_for_function("() => document.querySelector('.grid-scroll')?.scrollWidth > 5000", timeout=120_000)
        size = len(json.dumps(page_api.World(500, 1).answer("projects/shop/tasks", {}))) * 365
        out.append(("grid of 365 runs × 500 assets, from the choice to the picture", time.perf_counter() - began,
                    f"most of it is the answer: {size / 1e6:.0f} MB of JSON"))
        out.append(frames(page, "it is scrolled", SCROLL))
        browser.close()
    stop.shutdown()
    return out
