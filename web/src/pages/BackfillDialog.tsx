import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, type BackfillRequest } from "../api/client";
import { Dialog } from "../parts/dialog";
import { ProblemBox, problemsOf } from "../parts/parts";
import { useZone } from "../parts/time";
import { Steps, summary } from "./Plan";

/** A range of the past: looked at first, then built part by part. Dates are taken in the project's zone by the server. */
export function BackfillDialog({ project, select, onClose }: { project: string; select: string; onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { zone } = useZone();
  const [request, setRequest] = useState<BackfillRequest>({ start: "", end: "", select, only: "missing", order: "oldest" });
  const set = (change: Partial<BackfillRequest>) => {
    setRequest({ ...request, ...change });
    look.reset();
  };
  const clean = { ...request, select: request.select || undefined };
  const look = useMutation({ mutationFn: () => api.backfill(project, { ...clean, dry_run: true }) });
  const begin = useMutation({
    mutationFn: () => api.backfill(project, clean),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: [project, "backfills"] });
      onClose();
      void navigate({ to: "/p/$project/schedules", params: { project } });
    },
  });
  const error = look.error ?? begin.error;
  const ready = request.start !== "" && request.end !== "";
  const nothing = look.data?.steps?.length === 0;
  return (
    <Dialog
      title="Backfill" open onClose={onClose} className="wide-dialog"
      footer={
        <>
          <button type="button" className="button" disabled={!ready || look.isPending} onClick={() => look.mutate()}>
            Look what it would build
          </button>
          <button type="button" className="button primary" disabled={!ready || begin.isPending || nothing} onClick={() => begin.mutate()}>
            Begin
          </button>
        </>
      }
    >
      <div className="form two">
        <label>
          From
          <input className="field" type="date" value={request.start} onChange={(e) => set({ start: e.target.value })} />
        </label>
        <label>
          Up to, without this day
          <input className="field" type="date" value={request.end} min={request.start} onChange={(e) => set({ end: e.target.value })} />
        </label>
        <label>
          Assets
          <input className="field" value={request.select ?? ""} onChange={(e) => set({ select: e.target.value })} placeholder="everything" spellCheck={false} />
        </label>
        <label>
          Build
          <select className="field" value={request.only} onChange={(e) => set({ only: e.target.value })}>
            <option value="missing">what is missing or stale</option>
            <option value="failed">what failed before</option>
            <option value="all">all, also what is up to date</option>
          </select>
        </label>
        <label>
          Order
          <select className="field" value={request.order} onChange={(e) => set({ order: e.target.value })}>
            <option value="oldest">oldest first</option>
            <option value="newest">newest first</option>
          </select>
        </label>
      </div>
      <p className="quiet">Days are those of the project's zone; times here are told in {zone}.</p>
      {error && problemsOf(error).map((problem) => <ProblemBox key={problem.message} problem={problem} />)}
      {look.data?.steps && (
        <div className="stack">
          <strong>{nothing ? "There is nothing to build in that range." : summary({ steps: look.data.steps, up_to_date: look.data.up_to_date ?? 0, notices: [] })}</strong>
          {!nothing && <Steps project={project} steps={look.data.steps} />}
        </div>
      )}
    </Dialog>
  );
}
