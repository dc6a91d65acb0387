import { useParams } from "@tanstack/react-router";
import { useHealth } from "../api/queries";
import { Answer, Card, PageHead } from "../parts/parts";
import { Status } from "../parts/status";

/** Everything that a run needs, looked at. */
export function Health() {
  const { project } = useParams({ from: "/p/$project/health" });
  const health = useHealth(project);
  return (
    <div className="page">
      <PageHead title="Health" sub={health.data && <Status pill status={health.data.ok ? "ok" : "wrong"} label={health.data.ok ? "all is well" : "something is wrong"} />}>
        <button type="button" className="button" disabled={health.isFetching} onClick={() => void health.refetch()}>
          {health.isFetching ? "Looking…" : "Look again"}
        </button>
      </PageHead>
      <Card label="Findings">
        <Answer query={health} lines={10}>
          {(found) => (
            <div className="scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>State</th>
                    <th>What</th>
                    <th>Finding</th>
                  </tr>
                </thead>
                <tbody>
                  {[...found.findings].sort((a, b) => Number(a.ok) - Number(b.ok)).map((one) => (
                    <tr key={one.what}>
                      <td>
                        <Status status={one.ok ? "ok" : "wrong"} />
                      </td>
                      <td className="nowrap">{one.what}</td>
                      <td>
                        {one.finding}
                        {one.hint && <div className="sub">{one.hint}</div>}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Answer>
      </Card>
    </div>
  );
}
