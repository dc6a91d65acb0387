import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { serverQuery } from "../api/queries";
import type { Role } from "../api/types";
import { Act } from "../parts/act";
import { Dialog } from "../parts/dialog";
import { Answer, Card, Empty, PageHead } from "../parts/parts";
import { Ago, At } from "../parts/time";

const ROLES: Role[] = ["viewer", "operator", "editor", "admin"];

/** Who may come in: people by a password, programs by a token. */
export function People() {
  const server = useQuery(serverQuery).data;
  return (
    <div className="page">
      <PageHead title="Users and tokens" sub={server?.login === "open" && <span className="quiet">nobody needs to log in: this server is only to be reached from its own machine</span>} />
      <Users />
      <Tokens />
    </div>
  );
}

function RoleChoice({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  return (
    <label>
      Role
      <select className="field" value={role} onChange={(e) => onChange(e.target.value as Role)}>
        {ROLES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function Users() {
  const users = useQuery({ queryKey: ["users"], queryFn: api.users });
  const [open, setOpen] = useState(false);
  return (
    <Card
      title="Users"
      end={
        <button type="button" className="button small" onClick={() => setOpen(true)}>
          Add a user…
        </button>
      }
    >
      <Answer query={users}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="There are no users yet.">The first one is an administrator.</Empty>
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>User</th>
                    <th>Role</th>
                    <th>Since</th>
                    <th>Last log-in</th>
                    <th>
                      <span className="visually-hidden">Deeds</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {all.map(({ user, role, created, last_login }) => (
                    <tr key={user}>
                      <td>
                        <strong>{user}</strong>
                      </td>
                      <td>{role}</td>
                      <td>
                        <At at={created} seconds={false} />
                      </td>
                      <td>{last_login ? <Ago at={last_login} /> : <span className="quiet">never</span>}</td>
                      <td className="num">
                        <Act project="users" className="button small danger" label={`Remove ${user}`} act={() => api.removeUser(user)} ask={{ title: `Remove ${user}?`, text: "They are logged out everywhere at once. Their tokens are listed below.", verb: "Remove" }}>
                          Remove
                        </Act>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answer>
      {open && <NewUser onClose={() => setOpen(false)} />}
    </Card>
  );
}

function NewUser({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  return (
    <Dialog
      title="A new user" open onClose={onClose}
      footer={
        <Act
          project="users" className="button primary" disabled={user === "" || password === ""} act={() => api.addUser(user, password, role)}
          done={() => {
            void queries.invalidateQueries({ queryKey: ["server"] });
            onClose();
          }}
        >
          Add
        </Act>
      }
    >
      <div className="form">
        <label>
          Name
          <input className="field" value={user} onChange={(e) => setUser(e.target.value)} autoComplete="off" />
        </label>
        <label>
          Password
          <input className="field" type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="new-password" />
        </label>
        <RoleChoice role={role} onChange={setRole} />
      </div>
    </Dialog>
  );
}

function Tokens() {
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: api.tokens });
  const [open, setOpen] = useState(false);
  return (
    <Card
      title="Tokens"
      end={
        <button type="button" className="button small" onClick={() => setOpen(true)}>
          Make a token…
        </button>
      }
    >
      <Answer query={tokens}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="There are no tokens.">A program sends one with each request, in place of a log-in.</Empty>
          ) : (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>Token</th>
                    <th>Role</th>
                    <th>Made</th>
                    <th>Ends</th>
                    <th>Last used</th>
                    <th>
                      <span className="visually-hidden">Deeds</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {all.map((token) => (
                    <tr key={token.id}>
                      <td>
                        <strong>{token.name}</strong>
                        <div className="sub mono">{token.id}</div>
                      </td>
                      <td>{token.role}</td>
                      <td>
                        <Ago at={token.created} />
                        {token.created_by && <div className="sub">by {token.created_by}</div>}
                      </td>
                      <td>{token.expires ? <At at={token.expires} seconds={false} /> : <span className="quiet">never</span>}</td>
                      <td>{token.last_used ? <Ago at={token.last_used} /> : <span className="quiet">never</span>}</td>
                      <td className="num">
                        <Act project="tokens" className="button small danger" label={`Revoke ${token.name}`} act={() => api.removeToken(token.id)} ask={{ title: `Revoke ${token.name}?`, text: "Programs that use it are refused from now on.", verb: "Revoke" }}>
                          Revoke
                        </Act>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answer>
      {open && <NewToken onClose={() => setOpen(false)} />}
    </Card>
  );
}

function NewToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<string>();
  const expires = days === "" ? undefined : new Date(Date.now() + Number(days) * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
  return (
    <Dialog
      title="A new token" open onClose={onClose}
      footer={
        made === undefined && (
          <Act project="tokens" className="button primary" disabled={name === ""} act={() => api.addToken(name, role, expires)} done={({ token }) => setMade(token)}>
            Make
          </Act>
        )
      }
    >
      {made === undefined ? (
        <div className="form">
          <label>
            For what
            <input className="field" value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" />
          </label>
          <RoleChoice role={role} onChange={setRole} />
          <label>
            Good for
            <select className="field" value={days} onChange={(e) => setDays(e.target.value)}>
              <option value="7">a week</option>
              <option value="30">30 days</option>
              <option value="90">90 days</option>
              <option value="365">a year</option>
              <option value="">until it is revoked</option>
            </select>
          </label>
        </div>
      ) : (
        <>
          <p>It is shown this once: the server keeps only a hash of it.</p>
          <pre className="sql secret" tabIndex={0} aria-label="The token">
            {made}
          </pre>
        </>
      )}
    </Dialog>
  );
}
