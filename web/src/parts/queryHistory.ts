interface Asked {
  sql: string;
  at: string;
}

const KEPT = 50;
const key = (project: string) => `windrow.sql.${project}`;

/** What was asked before in this browser, newest first. */
export function remembered(project: string): Asked[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key(project)) ?? "[]");
    return Array.isArray(found) ? (found as Asked[]).filter((one) => typeof one?.sql === "string" && typeof one.at === "string") : [];
  } catch {
    return [];
  }
}

export function remember(project: string, sql: string): Asked[] {
  const all = [{ sql, at: new Date().toISOString() }, ...remembered(project).filter((one) => one.sql !== sql)].slice(0, KEPT);
  try {
    localStorage.setItem(key(project), JSON.stringify(all));
  } catch {
    // Full: then it is not kept.
  }
  return all;
}
