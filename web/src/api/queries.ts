import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ApiError, type PlanOptions } from "./client";
import { useLive } from "./live";
import type { LogLine } from "./types";

/** While events come nothing is polled; without them what moves is asked for every few seconds. */
function usePolling(ms: number): number | false {
  return useLive().connection === "live" ? false : ms;
}

export const serverQuery = queryOptions({ queryKey: ["server"], queryFn: api.server, staleTime: 60_000 });
export const projectsQuery = queryOptions({ queryKey: ["projects"], queryFn: api.projects, staleTime: 30_000 });

/** What the server refused it will refuse again; one that does not answer is asked again for good. */
export function retryUnlessRefused(count: number, error: Error): boolean {
  if (error instanceof ApiError && error.status === 0) return true;
  if (error instanceof ApiError && error.status >= 500) return count < 2;
  return !(error instanceof ApiError) && count < 2;
}

export const useAssets = (p: string) => useQuery({ queryKey: [p, "assets"], queryFn: () => api.assets(p), staleTime: 15_000 });
export const useAsset = (p: string, a: string) => useQuery({ queryKey: [p, "asset", a], queryFn: () => api.asset(p, a) });
export const useGraph = (p: string) => useQuery({ queryKey: [p, "graph"], queryFn: () => api.graph(p), staleTime: 60_000 });
export const useColumnLineage = (p: string, subject: string | undefined) =>
  useQuery({ queryKey: [p, "graph", subject], queryFn: () => api.lineage(p, subject ?? ""), enabled: subject !== undefined });

export const useRuns = (p: string, options: { limit: number; status?: string; schedule?: string }) => {
  const refetchInterval = usePolling(5000);
  return useQuery({
    queryKey: [p, "runs", options],
    queryFn: () => api.runs(p, options),
    refetchInterval,
    placeholderData: keepPreviousData,
  });
};
export const useRun = (p: string, r: string, enabled = true) => {
  const polling = usePolling(2000);
  return useQuery({
    queryKey: [p, "run", r],
    queryFn: () => api.run(p, r),
    enabled,
    refetchInterval: (query) => (query.state.data?.status === "running" ? polling : false),
  });
};
/** The lines so far, and then only what is new. */
export const useLogs = (p: string, r: string, running: boolean) => {
  const queries = useQueryClient();
  const polling = usePolling(2000);
  const queryKey = [p, "logs", r];
  return useQuery({
    queryKey,
    queryFn: async () => {
      const lines = queries.getQueryData<LogLine[]>(queryKey) ?? [];
      const more = await api.logs(p, r, lines.at(-1)?.n ?? 0);
      return more.length > 0 ? [...lines, ...more] : lines;
    },
    structuralSharing: false,
    refetchInterval: running ? polling : false,
  });
};
export const useTasks = (p: string, limit: number, assets?: string) =>
  useQuery({ queryKey: [p, "tasks", limit, assets], queryFn: () => api.tasks(p, limit, assets), placeholderData: keepPreviousData });
export const useCritical = (p: string, r: string, enabled: boolean) =>
  useQuery({ queryKey: [p, "run", r, "critical"], queryFn: () => api.critical(p, r), enabled });
export const usePlan = (p: string, options: PlanOptions, enabled = true) =>
  useQuery({ queryKey: [p, "plan", options], queryFn: () => api.plan(p, options), enabled, staleTime: 10_000 });
export const useSchedules = (p: string) => useQuery({ queryKey: [p, "schedules"], queryFn: () => api.schedules(p), staleTime: 10_000 });
export const useDue = (p: string, count: number) =>
  useQuery({ queryKey: [p, "due", count], queryFn: () => api.due(p, count), refetchInterval: 60_000 });
export const useFires = (p: string, limit: number) => useQuery({ queryKey: [p, "fires", limit], queryFn: () => api.fires(p, limit) });
export const useQuality = (p: string) => useQuery({ queryKey: [p, "quality"], queryFn: () => api.quality(p) });
export const useChecks = (p: string, a: string, enabled: boolean) =>
  useQuery({ queryKey: [p, "checks", a], queryFn: () => api.checks(p, a), enabled });
export const useDiff = (p: string, t: string, from: number, to: number) =>
  useQuery({ queryKey: [p, "rows", t, "diff", from, to], queryFn: () => api.diff(p, t, from, to) });
export const useSensors = (p: string) =>
  useQuery({ queryKey: [p, "sensors"], queryFn: () => api.sensors(p), refetchInterval: 10_000 });
export const useBackfills = (p: string) => {
  const refetchInterval = usePolling(5000);
  return useQuery({ queryKey: [p, "backfills"], queryFn: () => api.backfills(p), refetchInterval });
};
export const useHistory = (p: string, t: string, enabled: boolean) =>
  useQuery({ queryKey: [p, "history", t], queryFn: () => api.history(p, t), enabled });
export const useStats = (p: string, t: string, enabled: boolean) =>
  useQuery({ queryKey: [p, "stats", t], queryFn: () => api.stats(p, t), enabled });
export const useRows = (p: string, t: string, version: number | undefined, enabled: boolean) =>
  useQuery({ queryKey: [p, "rows", t, version], queryFn: () => api.rows(p, t, 200, version), enabled });
export const useHealth = (p: string) => useQuery({ queryKey: [p, "health"], queryFn: () => api.health(p), staleTime: 60_000 });
