import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api/client";
import { ProblemBox, problemsOf } from "../parts/parts";

/** Log-in, and with the token of the terminal's one-time link the first administrator. */
export function Login({ to, token }: { to?: string; token?: string }) {
  const router = useRouter();
  const queries = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({
    mutationFn: () => (token === undefined ? api.login(user, password) : api.setup(token, user, password)),
    onSuccess: async () => {
      await queries.invalidateQueries();
      // Only to a page of ours.
      router.history.push(to?.startsWith("/") && !to.startsWith("//") ? to : "/");
    },
  });
  return (
    <main className="login">
      <form
        className="card form"
        onSubmit={(event) => {
          event.preventDefault();
          enter.mutate();
        }}
      >
        <div>
          <img src="/windrow.svg" alt="" width="36" height="36" />
          <h1>{token === undefined ? "Log in to Windrow" : "The first administrator"}</h1>
          <p className="quiet">
            {token === undefined
              ? "Forgot it? An administrator gives you a new one: windrow user add."
              : "Choose a name and a password. This link works once."}
          </p>
        </div>
        {enter.error && problemsOf(enter.error).map((problem) => <ProblemBox key={problem.message} problem={problem} />)}
        <label>
          User
          <input className="field" value={user} onChange={(e) => setUser(e.target.value)} autoComplete="username" autoFocus required />
        </label>
        <label>
          Password
          <input
            className="field" type="password" value={password} onChange={(e) => setPassword(e.target.value)}
            autoComplete={token === undefined ? "current-password" : "new-password"} required
          />
        </label>
        <button type="submit" className="button primary" disabled={enter.isPending}>
          {enter.isPending ? "One moment…" : token === undefined ? "Log in" : "Create and log in"}
        </button>
      </form>
    </main>
  );
}
