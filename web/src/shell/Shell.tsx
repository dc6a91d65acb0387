import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import { LiveProvider, useLive } from "../api/live";
import { projectsQuery, serverQuery, useRuns } from "../api/queries";
import { Icon } from "../parts/icons";
import { clock, zoneName } from "../parts/format";
import { useNow, useZone, ZoneProvider, type ZoneChoice } from "../parts/time";
import { Palette } from "./Palette";
import { PAGES } from "./pages";
import { applyTheme, useTheme, type Theme } from "./theme";

export function Shell() {
  const { project } = useParams({ from: "/p/$project" });
  const projects = useQuery(projectsQuery).data;
  const zone = projects?.find((one) => one.project === project)?.timezone ?? "UTC";
  return (
    <ZoneProvider project={zone}>
      <LiveProvider project={project} key={project}>
        <Frame project={project} />
      </LiveProvider>
    </ZoneProvider>
  );
}

function Frame({ project }: { project: string }) {
  const [palette, setPalette] = useState(false);
  const [navOpen, setNavOpen] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  useShortcuts(project, () => setPalette(true));
  // Who uses a screen reader is led to the new page's heading.
  const first = useRef(true);
  useEffect(() => {
    setNavOpen(false);
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header>
      <Link className="brand" to="/p/$project" params={{ project }} aria-label="Windrow, to Today">
        <img src="/windrow.svg" alt="" width="22" height="22" />
        Windrow
      </Link>
      <div className="bar">
        <button type="button" className="icon-button menu-button" aria-label="Navigation" aria-expanded={navOpen} onClick={() => setNavOpen(!navOpen)}>
          <Icon name="menu" />
        </button>
        <ProjectChoice project={project} />
        <span className="grow" />
        <button type="button" className="search hide-narrow" onClick={() => setPalette(true)}>
          <Icon name="search" size={14} />
          <span className="grow">Go to…</span>
          <kbd className="kbd">{isMac ? "⌘" : "Ctrl"} K</kbd>
        </button>
        <button type="button" className="icon-button menu-button" aria-label="Go to" onClick={() => setPalette(true)}>
          <Icon name="search" />
        </button>
        <Clock />
        <Settings project={project} />
      </div>
      </header>
      <Nav project={project} open={navOpen} />
      <main id="main" ref={main} tabIndex={-1}>
        <ConnectionBar />
        <Outlet />
      </main>
      {palette && <Palette project={project} onClose={() => setPalette(false)} />}
    </div>
  );
}

const isMac = navigator.platform.startsWith("Mac");

function Nav({ project, open }: { project: string; open: boolean }) {
  const { pathname } = useLocation();
  const running = useRuns(project, { limit: 20, status: "running" }).data?.length ?? 0;
  const server = useQuery(serverQuery).data;
  return (
    <nav className={open ? "nav open" : "nav"} aria-label="Pages">
      {PAGES.map(({ path, title, icon }) => {
        const asset = title === "Catalog" && pathname.includes("/assets/");
        return (
          <Link key={path} to={path} params={{ project }} activeOptions={{ exact: title === "Today" }} {...(asset ? { "aria-current": "page" as const } : {})}>
            <Icon name={icon} />
            {title}
            {title === "Runs" && running > 0 && (
              <span className="badge pill s-running" title={`${running} running`}>
                {running}
              </span>
            )}
          </Link>
        );
      })}
      <div className="foot">{server && <span>Windrow {server.windrow}</span>}</div>
    </nav>
  );
}

function ProjectChoice({ project }: { project: string }) {
  const projects = useQuery(projectsQuery).data ?? [];
  const navigate = useNavigate();
  const environment = projects.find((one) => one.project === project)?.environment;
  return (
    <div className="row">
      {projects.length > 1 ? (
        <select className="field" aria-label="Project" value={project} onChange={(e) => void navigate({ to: "/p/$project", params: { project: e.target.value } })}>
          {projects.map((one) => (
            <option key={one.project}>{one.project}</option>
          ))}
        </select>
      ) : (
        <strong className="ellipsis">{project}</strong>
      )}
      {environment && <span className="tag">{environment}</span>}
    </div>
  );
}

function Clock() {
  const { zone } = useZone();
  const now = useNow(1000);
  return (
    <span className="quiet nowrap hide-narrow num" title={`Times are told in ${zone}`}>
      {clock(now, zone)} {zoneName(now, zone)}
    </span>
  );
}

function Settings({ project }: { project: string }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const { choice, choose } = useZone();
  const server = useQuery(serverQuery).data;
  const navigate = useNavigate();
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  return (
    <div
      className="menu" ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        setOpen(false);
        box.current?.querySelector("button")?.focus();
      }}
    >
      <button type="button" className="icon-button" aria-label="Settings" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="settings" />
      </button>
      {open && (
        <div className="panel">
          <label>
            Theme
            <select className="field" value={theme} onChange={(e) => applyTheme(e.target.value as Theme)}>
              <option value="system">As the system</option>
              <option value="light">Light</option>
              <option value="dark">Dark</option>
            </select>
          </label>
          <label>
            Times are told in
            <select className="field" value={choice} onChange={(e) => choose(e.target.value as ZoneChoice)}>
              <option value="project">the project's zone</option>
              <option value="mine">my zone</option>
              <option value="utc">UTC</option>
            </select>
          </label>
          {server?.role === "admin" && (
            <Link to="/p/$project/people" params={{ project }} onClick={() => setOpen(false)}>
              Users and tokens
            </Link>
          )}
          {server?.user && (
            <div className="row">
              <span className="grow">
                {server.user} <span className="quiet">{server.role}</span>
              </span>
              <button type="button" className="button small" onClick={() => void api.logout().then(() => navigate({ to: "/login" }))}>
                Log out
              </button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}

function ConnectionBar() {
  const { connection } = useLive();
  return (
    <div role="status">
      {connection === "lost" && (
        <div className="lost-bar">
          <strong>The server does not answer.</strong> What you see is as it was; the page goes on by itself when it is back.
        </div>
      )}
    </div>
  );
}

/** `Ctrl K` and `/` open the palette; `g` and a letter lead to a page. */
function useShortcuts(project: string, openPalette: () => void): void {
  const navigate = useNavigate();
  const open = useRef(openPalette);
  open.current = openPalette;
  useEffect(() => {
    let afterG = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open.current();
        return;
      }
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, [contenteditable], dialog")) return;
      if (event.key === "/") {
        event.preventDefault();
        open.current();
      } else if (performance.now() - afterG < 1200) {
        const page = PAGES.find(({ key }) => key === event.key);
        afterG = 0;
        if (page) void navigate({ to: page.path, params: { project } });
      } else if (event.key === "g") {
        afterG = performance.now();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, project]);
}
