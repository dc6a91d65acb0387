// One language server for each project of the workspace. All that is known of projects is the server's to say.
const childProcess = require("child_process");
const path = require("path");
const vscode = require("vscode");
const {LanguageClient, TransportKind} = require("vscode-languageclient/node");

// The folders of windrow.yaml by the kind of file that lies in them.
const KINDS = {sources: "source", seeds: "seed", publish: "publish", tasks: "task", tests: "test"};

const clients = new Map(); // project folder → its client

function settings() {
  return vscode.workspace.getConfiguration("windrow");
}

function pattern(folder) {
  // What glob patterns would read in a path of the user's.
  return folder.replace(/[[\]{}*?]/g, "[$&]") + "/**/*.{sql,yaml,yml}";
}

async function start(folder) {
  if (clients.has(folder)) return;
  const server = {
    command: settings().get("path"),
    args: ["-C", folder, "--env", settings().get("environment"), "lsp"],
    transport: TransportKind.stdio,
    options: {cwd: folder}
  };
  const client = new LanguageClient("windrow", `Windrow (${path.basename(folder)})`, server, {
    documentSelector: [{scheme: "file", pattern: pattern(folder)}]
  });
  clients.set(folder, client);
  try {
    await client.start();
  } catch (error) {
    clients.delete(folder);
    vscode.window.showErrorMessage(`${server.command} does not start: ${error.message}. The setting windrow.path says where it is.`);
  }
}

async function stop(folder) {
  const client = clients.get(folder);
  clients.delete(folder);
  if (client && client.needsStop()) await client.stop();
}

async function startAll() {
  const files = await vscode.workspace.findFiles("**/windrow.yaml", "**/{node_modules,.git,.windrow}/**", 50);
  await Promise.all(files.map((file) => start(path.dirname(file.fsPath))));
}

async function stopAll() {
  await Promise.all([...clients.keys()].map(stop));
}

// The YAML extension asks which schema a file has, and then for the schema.
async function offerSchemas() {
  const yaml = vscode.extensions.getExtension("redhat.vscode-yaml");
  if (!yaml || !settings().get("yamlSchemas")) return;
  const api = await yaml.activate();
  const schemaOf = (resource) => {
    const file = vscode.Uri.parse(resource).fsPath;
    const project = [...clients.keys()].find((folder) => file.startsWith(folder + path.sep));
    if (!project) return undefined;
    const parts = path.relative(project, file).split(path.sep);
    const kind = parts.length === 1 && parts[0] === "windrow.yaml" ? "project" : KINDS[parts[0]];
    return kind && `windrow://schema/${kind}`;
  };
  const content = (schema) =>
    childProcess.execFileSync(settings().get("path"), ["schema", path.posix.basename(schema)], {encoding: "utf8", timeout: 10000});
  api.registerContributor("windrow", schemaOf, content);
}

async function activate(context) {
  const watcher = vscode.workspace.createFileSystemWatcher("**/windrow.yaml", false, true, false);
  context.subscriptions.push(
    watcher,
    watcher.onDidCreate((file) => start(path.dirname(file.fsPath))),
    watcher.onDidDelete((file) => stop(path.dirname(file.fsPath))),
    vscode.commands.registerCommand("windrow.restart", async () => {
      await stopAll();
      await startAll();
    }),
    vscode.workspace.onDidChangeConfiguration(async (change) => {
      if (!change.affectsConfiguration("windrow.path") && !change.affectsConfiguration("windrow.environment")) return;
      await stopAll();
      await startAll();
    })
  );
  await startAll();
  await offerSchemas();
}

module.exports = {activate, deactivate: stopAll};
