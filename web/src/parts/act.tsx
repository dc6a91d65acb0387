import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Dialog } from "./dialog";
import { ProblemBox, problemsOf } from "./parts";

/** A button that asks the server to do something, and shows at its place what the server refused. `ask`: what is asked
 * before, where it cannot be taken back. */
export function Act<T>({ children, act, done, project, ask, className = "button", disabled, label }: {
  children: ReactNode;
  act: () => Promise<T>;
  done?: (answer: T) => void;
  project: string;
  ask?: { title: string; text: ReactNode; verb: string };
  className?: string;
  disabled?: boolean;
  label?: string;
}) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const deed = useMutation({
    mutationFn: act,
    onSuccess: (answer) => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: [project] });
      done?.(answer);
    },
  });
  const open = asking || deed.error !== null;
  return (
    <>
      <button
        type="button" className={className} disabled={disabled || deed.isPending} aria-label={label}
        onClick={() => (ask ? setAsking(true) : deed.mutate())}
      >
        {children}
      </button>
      <Dialog
        title={deed.error ? "The server refused" : (ask?.title ?? "")} open={open}
        onClose={() => {
          setAsking(false);
          deed.reset();
        }}
        footer={
          deed.error === null && (
            <button type="button" className="button primary" disabled={deed.isPending} onClick={() => deed.mutate()}>
              {ask?.verb}
            </button>
          )
        }
      >
        {deed.error ? problemsOf(deed.error).map((problem) => <ProblemBox key={problem.message} problem={problem} />) : ask?.text}
      </Dialog>
    </>
  );
}
