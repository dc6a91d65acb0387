"""The web page in a real browser, served by the real server, on the quick start's films."""
import csv
import json
import os
import pathlib
import re
import sys

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "bench")]
import page_api  # noqa: E402
import page_lab  # noqa: E402

if "--listen" not in page_lab.run(ROOT, "serve", "--help").stdout:
    pytest.skip("this program serves no port", allow_module_level=True)

PICTURES = ROOT / "docs/pictures"
PAGES = ["", "/runs", "/runs?view=grid", "/graph", "/graph?focus=silver.movies", "/graph?view=list", "/catalog", "/plan", "/schedules",
         "/sql", "/health", "/assets/gold.genre_analytics", "/assets/silver.movies?tab=sql", "/assets/silver.movies?tab=sample",
         "/assets/silver.movies?tab=versions", "/assets/silver.movies?tab=files", "/assets/silver.movies?tab=runs",
         "/assets/silver.movies?tab=checks", "/runs/RUN", "/runs/RUN?tab=timeline", "/runs/RUN?tab=graph", "/runs/RUN?tab=logs",
         "/runs/RUN?tab=checks"]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=page_lab.BROWSER, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    made = page_lab.Server(page_lab.films(folder / "films"), log=folder / "serve.log")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def newest(server) -> str:
    return server.get("projects/quickstart/runs?limit=1")[0]["run"]


@pytest.fixture
def tab(browser, server):
    made = page_lab.Watched(browser, server.url)
    yield made
    made.close()


def home(path: str, run: str = "") -> str:
    return "/p/quickstart" + path.replace("RUN", run)


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(request, browser, server):
    made = page_lab.Watched(browser, server.url, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_axe_finds_nothing(themed, newest, path):
    themed.errors.clear()
    page = themed.open(home(path, newest))
    assert page.title().endswith("· Windrow")
    assert page.get_by_role("alert").count() == 0
    assert page_lab.violations(page) == []
    assert themed.errors == []


def test_narrow_screens_scroll_only_inside_of_tables(browser, server, newest):
    tab = page_lab.Watched(browser, server.url, width=390, height=780)
    for path in PAGES:
        page = tab.open(home(path, newest))
        wide = page.evaluate("() => [document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]")
        assert max(wide) <= 390, f"{path}: {wide}"
    page.get_by_role("button", name="Navigation").click()
    page.get_by_role("link", name="Catalog").click()
    expect(page.get_by_role("heading", name="Catalog")).to_be_visible()
    tab.close()
    assert tab.errors == []


def test_today_tells_what_failed_and_why(tab):
    page = tab.open(home(""))
    attention = page.get_by_role("region", name="Needs attention")
    expect(attention).to_contain_text("gold.trends")
    expect(attention).to_contain_text("rows")
    expect(page.get_by_role("region", name="Next")).to_contain_text("hourly")
    expect(page.get_by_role("region", name="Freshness")).to_contain_text("gold.genre_analytics")
    attention.get_by_role("link").first.click()
    expect(page.get_by_role("tab", name="Tasks")).to_be_visible()


def test_times_are_in_the_zone_that_one_chooses_and_say_so(tab, newest):
    page = tab.open(home(f"/runs/{newest}"))
    started = page.locator(".facts time").first
    expect(started).to_contain_text("UTC")  # the project's
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Times are told in").select_option("mine")
    expect(started).to_contain_text("CE")  # CET or CEST, of the browser
    tab.open(home(f"/runs/{newest}"))
    expect(started).to_contain_text("CE")  # kept over a reload


def test_the_grid_is_walked_by_keys(tab):
    page = tab.open(home("/runs?view=grid"))
    grid = page.get_by_role("application", name="Assets and runs")
    grid.focus()
    says = page.locator("#grid-says")
    first = says.inner_text()
    grid.press("ArrowDown")
    assert says.inner_text() != first
    grid.press("ArrowLeft")
    grid.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs/01"))


def test_the_keyboard_alone_leads_everywhere(tab):
    page = tab.open(home(""))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("gold genre")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/assets/gold\.genre_analytics"))
    expect(page.get_by_role("heading", name="gold.genre_analytics")).to_be_visible()
    page.get_by_role("tab", selected=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="SQL")).to_be_focused()
    expect(page.locator("pre.sql")).to_contain_text("SELECT")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("g")
    canvas = page.get_by_role("application", name=re.compile("project's graph"))
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("focus="))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/assets/"))


def test_the_graph_finds_folds_and_follows_a_column(tab):
    page = tab.open(home("/graph"))
    page.get_by_label("Find an asset").fill("rankings")
    page.keyboard.press("Enter")
    side = page.get_by_role("complementary", name="gold.distributor_rankings")
    side.get_by_role("button", name=re.compile("share_percent")).click()
    expect(side).to_contain_text("silver.movies.worldwide_gross")
    expect(side).to_contain_text("sum(worldwide_gross)")
    page.get_by_label("Fold by").select_option("layer")
    page.get_by_role("button", name="List").click()
    expect(page.get_by_role("row", name=re.compile(r"gold\.trends table"))).to_contain_text("silver.movies")


def test_a_plan_is_looked_at_started_watched_and_canceled(tab, server):
    page = tab.open(home("/plan?select=task.archive"))
    expect(page.get_by_role("row", name=re.compile("task.archive"))).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/runs/01"))
    expect(page.locator(".page-head")).to_contain_text("running")
    page.get_by_role("tab", name="Logs").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("packed part 3")  # as it comes: nobody asked for it again
    page.get_by_label("Search the log").fill("part 21")
    expect(log).to_contain_text("packed part 21")
    expect(log).not_to_contain_text("packed part 33")
    other = page_lab.Watched(tab.context.browser, server.url)
    today = other.open(home(""))
    expect(today.get_by_role("region", name="Running")).to_contain_text("task.archive")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".page-head")).to_contain_text("canceled")
    expect(today.get_by_role("region", name="Running")).to_have_count(0)  # in the other tab too
    other.close()
    assert tab.errors == []


def test_a_backfill_is_looked_at_before_it_begins(tab):
    page = tab.open(home("/schedules"))
    page.get_by_role("button", name="Backfill…").click()
    dialog = page.get_by_role("dialog", name="Backfill")
    dialog.get_by_label("From").fill("2000-01-01")
    dialog.get_by_label("Up to, without").fill("2000-02-01")
    dialog.get_by_role("button", name="Look what it would build").click()
    expect(dialog).to_contain_text(re.compile("nothing to build|to do|interval"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_schedule_is_paused_and_resumed(tab):
    page = tab.open(home("/schedules"))
    row = page.get_by_role("row", name=re.compile("hourly.*\\+gold"))
    row.get_by_role("button", name="Pause hourly").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Resume hourly").click()
    expect(row).not_to_contain_text("paused")


def test_sql_answers_completes_and_says_what_is_wrong(tab, tmp_path):
    page = tab.open(home("/sql"))
    editor = page.get_by_role("textbox", name=re.compile("SQL to run"))
    editor.fill("SELECT major_genre AS genre, count(*) AS films FROM silver.movies GROUP BY ALL ORDER BY films DESC, genre")
    page.keyboard.press("Control+Enter")
    table = page.get_by_role("table", name="Result")
    expect(table).to_contain_text("Drama")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    saved.value.save_as(tmp_path / "films.csv")
    rows = list(csv.DictReader((tmp_path / "films.csv").open()))
    assert int(next(row["films"] for row in rows if row["genre"] == "Drama")) > 500
    editor.fill("SELECT major_genr FROM silver.movies")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("major_genre")  # what there is
    page.reload()  # a deep link has the statement
    expect(page.get_by_role("textbox", name=re.compile("SQL to run"))).to_contain_text("major_genr FROM")
    page.get_by_role("textbox", name=re.compile("SQL to run")).fill("SELECT * FROM gold.")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("genre_analytics")


def test_versions_tell_what_they_changed(tab):
    page = tab.open(home("/assets/silver.movies?tab=versions"))
    page.get_by_role("button", name="Difference of version 1").click()
    expect(page.get_by_role("table", name="What version 1 changed")).to_contain_text("Metropolis")
    page.get_by_role("link", name="Rows of version 0").click()
    expect(page.get_by_role("heading", name="Rows as they were in version 0")).to_be_visible()


def test_the_catalog_finds_by_any_word(tab):
    page = tab.open(home("/catalog"))
    page.get_by_label("Search the catalog").fill("rated people")
    expect(page.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name=re.compile("gold.trends")).click()
    expect(page.get_by_role("heading", name="gold.trends")).to_be_visible()


def test_what_is_not_there_says_so(tab):
    page = tab.open(home("/assets/gold.nothing"))
    expect(page.get_by_role("alert")).to_contain_text("gold.nothing")
    page.goto(tab.url + "/nowhere")
    expect(page.locator("main")).to_contain_text("There is no such page")


def test_a_server_that_restarts_is_waited_for(browser, tmp_path):
    server = page_lab.Server(page_lab.films(tmp_path / "films"), log=tmp_path / "serve.log")
    tab = page_lab.Watched(browser, server.url)
    page = tab.open(home("/runs"))
    before = page.get_by_role("row").count()
    server.kill()
    expect(page.locator(".lost-bar")).to_be_visible()
    assert page.get_by_role("row").count() == before  # what one sees stays
    page_lab.run(tmp_path / "films", "run", "--select", "gold.genre_analytics", "--full-refresh")
    server.start()
    expect(page.locator(".lost-bar")).to_have_count(0)
    expect(page.get_by_role("row")).to_have_count(before + 1)  # what happened meanwhile is there
    page.get_by_role("link", name="Today", exact=True).click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    tab.close()
    server.stop()


def test_nothing_is_loaded_from_elsewhere_and_the_policy_is_strict(browser, server):
    tab = page_lab.Watched(browser, server.url)
    asked, policies = [], []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.on("response", lambda answer: answer.request.is_navigation_request() and policies.append(answer.header_value("content-security-policy")))
    tab.open(home("/sql"))
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
    assert "script-src 'self'" in policies[0] and "unsafe" not in policies[0]
    nonce = re.search(r"'nonce-([^']+)'", policies[0]).group(1)
    tab.open(home("/sql"))
    assert nonce not in policies[1]  # another one for each answer
    tab.close()
    assert tab.errors == []


@pytest.mark.parametrize("assets", [10_000])
def test_ten_thousand_assets_stay_legible(browser, server, assets):
    """The project is invented, and answered from memory: what is looked at is the page."""
    dist = ROOT / "build/release/src/page/dist"
    url, stop = page_api.serve(dist, page_api.World(assets, 30))
    tab = page_lab.Watched(browser, url)
    page = tab.open("/p/shop/graph")
    expect(page.locator(".page-head")).to_contain_text("of 10,000 assets")  # it opens on a neighbourhood
    page.get_by_label("Find an asset").fill("gold.orders_200")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="gold.orders_200")).to_be_visible()
    page.get_by_label("Fold by").select_option("layer")
    expect(page.locator(".page-head")).to_contain_text("10,000 assets")
    page.get_by_label("Fold by").select_option("none")
    page.get_by_label("How far").select_option("everything")
    tab.settle()
    assert page_lab.violations(page) == []
    page = tab.open("/p/shop/catalog")
    page.get_by_label("Search the catalog").fill("payments 200")
    expect(page.get_by_role("link", name=re.compile("gold.payments_200"))).to_be_visible()
    assert page.get_by_role("listitem").count() < 100  # only what is seen is drawn
    tab.close()
    stop.shutdown()
    assert tab.errors == []


SHOWN = {"today": "", "run": "/runs/RUN", "grid": "/runs?view=grid", "graph": "/graph?focus=silver.movies", "sql": "/sql?q=QUERY", "versions": "/assets/silver.movies?tab=versions"}


@pytest.mark.skipif(os.environ.get("WINDROW_REWRITE") != "1", reason="makes the pictures of docs/page.md anew: WINDROW_REWRITE=1")
def test_pictures_are_made(browser, server, newest):
    PICTURES.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        tab = page_lab.Watched(browser, server.url, scheme, width=1200, height=760)
        for name, path in SHOWN.items():
            query = "SELECT major_genre AS genre, count(*) AS films, round(avg(imdb_rating), 2) AS rating\nFROM silver.movies\nGROUP BY ALL\nORDER BY films DESC"
            page = tab.open(home(path, newest).replace("QUERY", re.sub(r"\n", "%0A", query)))
            if name == "sql":
                page.get_by_role("button", name="Run").click()
                expect(page.get_by_role("table", name="Result")).to_contain_text("Drama")
            page.wait_for_timeout(300)
            page.screenshot(path=PICTURES / f"page-{name}-{scheme}.png")
        tab.close()


def test_pictures_are_there_and_small():
    shown = re.findall(r"pictures/(page-[\w-]+\.png)", (ROOT / "docs/page.md").read_text())
    assert len(shown) >= 4
    for name in shown:
        size = (PICTURES / name).stat().st_size
        assert 5_000 < size <= 150_000, f"{name}: {size}"
