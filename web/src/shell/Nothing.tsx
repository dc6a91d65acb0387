import { Link } from "@tanstack/react-router";
import { Empty } from "../parts/parts";

export function NotFound() {
  return (
    <main>
      <h1 className="visually-hidden">Not found</h1>
      <Empty title="There is no such page.">
        <Link to="/">To the first one</Link>
      </Empty>
    </main>
  );
}

export function NoProject() {
  return (
    <main>
      <h1 className="visually-hidden">Windrow</h1>
      <Empty title="This server serves no project.">
        Start it with a folder: <code>windrow serve --listen 127.0.0.1:8080 FOLDER</code>
      </Empty>
    </main>
  );
}
