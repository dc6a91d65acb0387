#include "project/task_rules.h"

#include <algorithm>

#include "base/nearest.h"
#include "base/secret_text.h"
#include "project/names.h"

namespace windrow::project {
namespace {

const char* const kOfRun[] = {"run_id", "run_time",    "attempt", "start",
                              "end",    "environment", "project", "task"};

bool runs_sql(const std::string& type) {
  return type == "postgres" || type == "mysql" || type == "sqlite" || type == "duckdb";
}

void check_connection(const Project& project, const Text& on, Problems& problems) {
  if (on.empty()) return;
  const auto found = project.connections.find(on.value);
  if (found == project.connections.end()) {
    std::vector<std::string> known;
    for (const auto& [name, connection] : project.connections) known.push_back(name);
    if (project.complete)
      problems.add(Code::configuration, "unknown connection " + in_quotes(on.shown()),
                   did_you_mean(on.value, known), on.place);
  } else if (!runs_sql(found->second.type)) {
    problems.add(Code::configuration,
                 "connection " + in_quotes(on.shown()) + " takes no SQL: it is of type " +
                     found->second.type,
                 "postgres, mysql, sqlite and duckdb do", on.place);
  }
}

/// The bytes that lie in quotes or comments.
std::vector<bool> quoted(std::string_view sql) {
  std::vector<bool> out(sql.size(), false);
  char quote = 0;
  for (size_t i = 0; i < sql.size(); ++i) {
    out[i] = quote != 0;
    const auto next = sql.substr(i, 2);
    if (quote == 0) {
      if (sql[i] == '\'' || sql[i] == '"' || sql[i] == '`') quote = sql[i];
      if (next == "--") quote = '\n';
      if (next == "/*") quote = '*';
    } else if (quote == '*') {
      if (next == "*/") quote = 0;
    } else if (sql[i] == quote) {
      quote = 0;
    }
  }
  return out;
}

class TaskCheck {
 public:
  TaskCheck(const Project& project, const Task& task, Problems& problems)
      : project_(project), task_(task), problems_(problems) {}

  void check() {
    for (const auto& filled : filled_texts(task_)) check_text(filled);
    if (task_.kind == TaskKind::sql) check_sql();
    check_connection(project_, task_.sql.on, problems_);
    if (task_.for_each) check_connection(project_, task_.for_each->look.on, problems_);
    if (task_.repeat_until) check_connection(project_, task_.repeat_until->look.on, problems_);
    if (!task_.output.empty() && task_.kind == TaskKind::run)
      problem("the output of a task with \"run\" is its run's id, always", "take output: out");
    if (!task_.output.empty() && task_.for_each)
      problem("a task with \"for_each\" hands on no output",
              "each of its rows is a task of its own; let them write to a table");
    if (!task_.common.pool.pool.empty() && task_.kind == TaskKind::run && task_.run.wait)
      problem("a task that waits for a run takes no share of a pool",
              "the assets of that run take theirs; a share that both wait for is never free");
    for (const auto& word : task_.command.words) check_secret(word);
    if (task_.command.folder.starts_with("/"))
      problem("\"folder\" is a whole path", "write it relative to the project's folder");
  }

 private:
  void problem(const std::string& what, const std::string& hint) {
    problems_.add(Code::configuration, "task " + in_quotes(task_.name) + ": " + what, hint,
                  task_.place);
  }

  void check_secret(const Text& word) {
    for (const auto& reference : run_references(word.written)) {
      std::string name = reference.path[0];
      const bool declared = name.starts_with("secret:");
      if (!declared && !names_secret(name)) continue;
      problems_.add(Code::configuration,
                    in_quotes(word.written.substr(reference.at, reference.length)) +
                        " stands among the arguments of a command, which everybody on the machine "
                        "can see",
                    "hand it over in env:", word.place);
    }
  }

  void check_sql() {
    if (!task_.sql.on.empty()) return;
    if (task_.sql.statements.size() > 1)
      problem("several statements need a connection", "say which: on: …");
    if (!task_.sql.transaction) problem("\"transaction\" needs a connection", "say which: on: …");
  }

  void check_text(const FilledText& filled) {
    const auto within = filled.sql ? quoted(filled.text) : std::vector<bool>();
    for (const auto& reference : run_references(filled.text)) {
      const auto& path = reference.path;
      const std::string shown = filled.text.substr(reference.at, reference.length);
      if (filled.sql && within[reference.at] && is_ours(path)) {
        problems_.add(Code::configuration, in_quotes(shown) + " stands in quotes",
                      "in SQL it is a whole value: take the quotes away", filled.place);
      }
      if (path[0] == "task" && path.size() > 1) check_output(reference, shown, filled.place);
    }
  }

  bool is_ours(const std::vector<std::string>& path) const {
    return std::find(std::begin(kOfRun), std::end(kOfRun), path[0]) != std::end(kOfRun) ||
           (task_.for_each && path[0] == task_.for_each->variable.value);
  }

  void check_output(const RunReference& reference, const std::string& shown, const Place& place) {
    const auto& path = reference.path;
    if (path.size() < 3 || path[2] != "output") {
      problems_.add(Code::configuration, "cannot read " + in_quotes(shown),
                    "a task's output is ${task.NAME.output}, a field of it "
                    "${task.NAME.output.field}",
                    place);
      return;
    }
    const auto* other = project_.task("task." + path[1]);
    if (!other) {
      std::vector<std::string> known;
      for (const auto& each : project_.tasks) known.push_back(each.name);
      if (project_.complete)
        problems_.add(Code::configuration,
                      in_quotes(shown) + ": there is no task " + in_quotes(path[1]),
                      did_you_mean(path[1], known), place);
    } else if (other->output.empty() && other->kind != TaskKind::run) {
      problems_.add(Code::configuration,
                    in_quotes(shown) + ": task " + in_quotes(path[1]) + " hands on no output",
                    "declare it there: output: text", place);
    } else if (path.size() > 3 && other->output == "text") {
      problems_.add(Code::configuration,
                    in_quotes(shown) + ": the output of " + in_quotes(path[1]) + " is a text",
                    "it has fields where it is declared as output: json", place);
    }
  }

  const Project& project_;
  const Task& task_;
  Problems& problems_;
};

}  // namespace

namespace {

void add_texts(const Value& value, std::vector<FilledText>& out) {
  if (const auto* text = std::get_if<std::string>(&value.data)) out.push_back({*text, value.place});
  if (const auto* list = std::get_if<Value::List>(&value.data))
    for (const auto& each : *list) add_texts(each, out);
  if (const auto* map = std::get_if<Value::Map>(&value.data))
    for (const auto& [key, each] : *map) add_texts(each, out);
}

}  // namespace

std::vector<FilledText> filled_texts(const Task& task) {
  std::vector<FilledText> out;
  const auto add = [&](const Text& text, bool sql = false) {
    out.push_back({text.value, text.place, sql});
  };
  for (const auto& word : task.command.words) add(word);
  for (const auto& [name, value] : task.command.environment) add(value);
  for (const auto& statement : task.sql.statements) add(statement, true);
  add(task.http.url);
  for (const auto& [name, value] : task.http.headers) add(value);
  add(task.http.body);
  add_texts(task.http.json, out);
  for (const auto* text : {&task.run.project, &task.run.select, &task.run.environment}) add(*text);
  for (const auto& [name, value] : task.run.vars) add(value);
  if (task.for_each) add(task.for_each->look.sql, true);
  if (task.repeat_until) add(task.repeat_until->look.sql, true);
  std::erase_if(out, [](const auto& each) { return each.text.find("${") == std::string::npos; });
  return out;
}

void check_tasks(const Project& project, Problems& problems) {
  for (const auto& task : project.tasks)
    if (!task.name.empty()) TaskCheck(project, task, problems).check();
  const auto look = [&](const Common& common) {
    if (common.when) check_connection(project, common.when->on, problems);
  };
  for (const auto& source : project.sources) look(source.common);
  for (const auto& seed : project.seeds) look(seed.common);
  for (const auto& model : project.models) look(model.common);
  for (const auto& publication : project.publications) look(publication.common);
  for (const auto& task : project.tasks) look(task.common);
}

}  // namespace windrow::project
