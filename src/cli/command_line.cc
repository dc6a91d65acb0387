#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>

#include "base/nearest.h"
#include "base/version.h"

namespace windrow::cli {

namespace {

using Verb = int (*)(Session&);
const std::map<std::string, Verb>& verbs() {
  static const std::map<std::string, Verb> all{
      {"init", init_verb},       {"check", check_verb},       {"plan", plan_verb},
      {"run", run_verb},         {"backfill", backfill_verb}, {"test", test_verb},
      {"query", query_verb},     {"table", table_verb},       {"ls", ls_verb},
      {"lineage", lineage_verb}, {"runs", runs_verb},         {"retry", retry_verb},
      {"schema", schema_verb},   {"health", health_verb},     {"completion", completion_verb}};
  return all;
}

void selection(CLI::App* verb, Arguments& a) {
  verb->add_option("-s,--select", a.select,
                   "which assets: names, globs, +up, down+, tag:, layer:, path:, state:, result:; "
                   "blank = or, comma = and");
  verb->add_option("--exclude", a.exclude, "which of them not");
}

void planning(CLI::App* verb, Arguments& a) {
  selection(verb, a);
  verb->add_flag("--full-refresh", a.full_refresh, "rebuild the selected tables from scratch");
  verb->add_option("--start", a.start, "only intervals from this time on");
  verb->add_option("--end", a.end, "only intervals before this time");
  verb->add_flag("--rebuild-sealed", a.rebuild_sealed,
                 "also intervals whose inputs lie beyond their retention");
}

void running(CLI::App* verb, Arguments& a) {
  verb->add_option("-j,--jobs", a.jobs, "tasks at a time (default: one per core)");
  verb->add_flag("--fail-fast", a.fail_fast, "after a failure begin nothing new");
  verb->add_option("--show", a.show,
                   "at the end, the first rows of this table (default: the last view published)");
}

void output(CLI::App* verb, Arguments& a) {
  verb->add_option("--format", a.format, "table, csv, json or parquet")
      ->check(CLI::IsMember({"table", "csv", "json", "parquet"}));
  verb->add_option("-o,--out", a.out_file, "write to this file, whole or not at all");
  verb->add_option("--limit", a.limit, "at most so many rows (a table on the terminal: 100)");
}

void add_project_verbs(CLI::App& app, Arguments& a) {
  auto* init = app.add_subcommand("init", "make a project from an example");
  init->add_option("example", a.name, "which example (default: quickstart)");
  init->add_option("folder", a.target, "where (default: a folder of the example's name)");
  init->add_flag("--list", a.list, "name the examples");
  init->footer("Examples:\n  windrow init quickstart films\n  windrow init --list");
  auto* check = app.add_subcommand(
      "check", "look at the project's files: names, types, cycles, SQL; touches no data");
  check->footer("Examples:\n  windrow check\n  windrow -C films --json check");
  auto* plan = app.add_subcommand("plan", "what a run would do, for which intervals, and why");
  planning(plan, a);
  plan->add_flag("--explain", a.explain, "also the versions of the tables that each step reads");
  plan->add_option("--accept", a.accept,
                   "take the present definitions of these models as done, without a rebuild");
  plan->footer(
      "Examples:\n  windrow plan\n  windrow plan --select gold.* --start 2025-10-01\n  windrow "
      "plan --accept gold.trending");
  auto* run = app.add_subcommand("run", "bring everything that is stale up to date");
  planning(run, a);
  running(run, a);
  run->footer(
      "Examples:\n  windrow run\n  windrow run --select +gold.trending --jobs 4\n  windrow --env "
      "prod run --select tag:daily");
  auto* backfill = app.add_subcommand(
      "backfill", "rebuild the intervals of a range, also those that are up to date");
  backfill->add_option("start", a.start, "from this time on")->required();
  backfill->add_option("end", a.end, "before this time")->required();
  selection(backfill, a);
  backfill->add_flag("--rebuild-sealed", a.rebuild_sealed,
                     "also intervals whose inputs lie beyond their retention");
  running(backfill, a);
  backfill->footer("Examples:\n  windrow backfill 2025-10-01 2025-11-01 --select silver.events+");
  auto* test = app.add_subcommand("test", "unit tests of models: given rows, expected rows");
  selection(test, a);
  test->footer("Examples:\n  windrow test\n  windrow test --select gold.*");
  auto* ls = app.add_subcommand("ls", "the project's assets and their tables");
  selection(ls, a);
  ls->footer("Examples:\n  windrow ls\n  windrow ls --select state:stale");
}

void add_looking_verbs(CLI::App& app, Arguments& a) {
  auto* query = app.add_subcommand(
      "query", "SQL over the lake's tables; interactive without SQL on a terminal");
  query->add_option("sql", a.sql, "the statement (default: standard input)");
  query->add_option("-f,--file", a.sql_file, "read the statement from a file");
  query->add_option("--version", a.versions, "read a table at a version: TABLE=N")
      ->allow_extra_args(false);
  query->add_option("--at", a.at, "read all tables as they were at a time");
  output(query, a);
  query->footer(
      "Examples:\n  windrow query 'SELECT * FROM gold.trending LIMIT 5'\n"
      "  windrow query --version silver.movies=3 'FROM silver.movies' --format csv --out "
      "movies.csv\n  windrow query");
  auto* table = app.add_subcommand("table", "any Delta table by its path, without a project");
  table->require_subcommand(1);
  auto* read = table->add_subcommand("read", "its rows");
  auto* history = table->add_subcommand("history", "its versions");
  auto* diff = table->add_subcommand("diff", "rows that two versions do not share");
  auto* restore = table->add_subcommand("restore", "make an older version the newest again");
  for (auto* verb : {read, history, diff, restore})
    verb->add_option("uri", a.uri, "the table's folder")->required();
  for (auto* verb : {read, restore}) {
    verb->add_option("--version", a.version, "this version");
    verb->add_option("--at", a.at, "the version of this time");
  }
  output(read, a);
  history->add_option("--limit", a.limit, "at most so many versions, newest first");
  diff->add_option("--from", a.from, "the older version (default: the one before --to)");
  diff->add_option("--to", a.to, "the newer version (default: the latest)");
  output(diff, a);
  table->footer(
      "Examples:\n  windrow table read lake/gold/trending --version 3\n  windrow table history "
      "lake/gold/trending\n"
      "  windrow table diff lake/gold/trending --from 3 --to 5\n  windrow table restore "
      "lake/gold/trending --version 3");
  auto* lineage = app.add_subcommand("lineage", "where a table or a column comes from and goes to");
  lineage->add_option("subject", a.subject, "TABLE or TABLE.COLUMN (default: the whole project)");
  lineage->add_option("--format", a.format, "text, json, mermaid or graphviz")
      ->check(CLI::IsMember({"text", "json", "mermaid", "graphviz"}));
  lineage->footer(
      "Examples:\n  windrow lineage gold.trending\n  windrow lineage gold.trending.score --format "
      "mermaid");
  auto* runs = app.add_subcommand("runs", "past runs, or one with its tasks and checks");
  runs->add_option("run", a.run, "id of a run, or its beginning");
  runs->add_option("--limit", a.limit, "at most so many runs (20)");
  runs->footer("Examples:\n  windrow runs\n  windrow runs 0199f3");
  auto* retry = app.add_subcommand("retry", "run again what failed or was skipped in a run");
  retry->add_option("run", a.run, "id of the run (default: the last one)");
  running(retry, a);
  retry->footer("Examples:\n  windrow retry");
  auto* schema =
      app.add_subcommand("schema", "JSON Schema of the project's kinds of files, for editors");
  schema->add_option("kind", a.kind,
                     "project, source, model, publish, task or test (default: name them)");
  schema->add_option("--write", a.write_folder, "write all of them into this folder");
  schema->footer("Examples:\n  windrow schema model\n  windrow schema --write .schemas");
  auto* health = app.add_subcommand(
      "health", "look at project, lake, tables, connections, disk; say how to mend what is wrong");
  health->footer("Examples:\n  windrow health");
  auto* completion = app.add_subcommand("completion", "a completion script for a shell");
  completion->add_option("shell", a.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "Examples:\n  windrow completion bash > ~/.local/share/bash-completion/completions/windrow");
}

/// CLI11 says what is wrong; this adds the name that was most likely meant.
std::string hint_for(const std::vector<std::string>& words, CLI::App& parser) {
  CLI::App* at = &parser;
  for (const auto& word : words) {
    std::vector<std::string> known;
    if (word.starts_with("--")) {
      for (const auto* level : {at, &parser}) {
        for (const auto* option : level->get_options()) {
          for (const auto& name : option->get_lnames()) known.push_back("--" + name);
        }
      }
      const auto name = word.substr(0, word.find('='));
      if (std::find(known.begin(), known.end(), name) == known.end())
        return did_you_mean(name, known);
    } else if (!word.starts_with("-")) {
      for (auto* sub : at->get_subcommands({})) known.push_back(sub->get_name());
      auto found = std::find(known.begin(), known.end(), word);
      if (found != known.end()) {
        at = at->get_subcommand(word);
      } else if (at == &parser) {
        const auto hint = did_you_mean(word, known);
        if (!hint.empty()) return hint;
      }
    }
  }
  return "`windrow --help` lists the verbs, `windrow VERB --help` the options of one";
}

int exit_code(const Error& error) {
  for (const auto& problem : error.problems()) {
    if (problem.code == Code::canceled) return kStopped;
    if (problem.code != Code::usage && problem.code != Code::configuration) return kFailed;
  }
  return kWrongUse;
}

}  // namespace

std::unique_ptr<CLI::App> make_parser(Arguments& a) {
  auto app = std::make_unique<CLI::App>(
      "Windrow: the batch layer of a data platform in one program.", "windrow");
  app->require_subcommand(0, 1);
  app->fallthrough();
  app->set_version_flag("--version", "windrow " + std::string(kVersion));
  app->add_option("-C,--directory", a.folder, "the project's folder (default: here or above)");
  app->add_option("--env", a.environment, "environment (default: dev)");
  app->add_option("--defer", a.defer, "read tables that the environment lacks from this one");
  app->add_option("--var", a.variables, "a variable's value: NAME=VALUE (repeatable)")
      ->allow_extra_args(false);
  app->add_flag("--json", a.json, "output as JSON");
  app->add_flag("--no-color", a.no_color, "no colours (so does the environment variable NO_COLOR)");
  app->add_flag("-q,--quiet", a.quiet, "no progress and no notes");
  add_project_verbs(*app, a);
  add_looking_verbs(*app, a);
  app->footer(
      "Begin with:\n  windrow init quickstart films && cd films && windrow plan && windrow run");
  return app;
}

Time time_argument(const std::string& text, const std::string& option, const std::string& zone) {
  const auto t = parse_time(text, zone);
  if (!t) {
    throw Error(Code::usage, option + " takes a time, but \"" + text + "\" is none",
                "write 2025-10-17, 2025-10-17T14:00 or 2025-10-17T14:00:00Z");
  }
  return *t;
}

int run_command_line(int argc, char** argv, Cancel& cancel) {
  Arguments arguments;
  Secrets secrets;
  const auto parser = make_parser(arguments);
  std::vector<std::string> words(argv + 1, argv + argc);
  try {
    parser->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return parser->exit(error);
    const Out out(secrets, arguments.json, true, false);
    std::string message = error.what();
    if (!message.empty()) message[0] = char(std::tolower(static_cast<unsigned char>(message[0])));
    out.error(Error(Code::usage, message, hint_for(words, *parser)));
    return kWrongUse;
  }
  const Out out(secrets, arguments.json, !arguments.no_color, arguments.quiet);
  const auto chosen = parser->get_subcommands();
  if (chosen.empty()) {
    out.write(parser->help());
    return kDone;
  }
  arguments.verb = chosen[0]->get_name();
  const auto inner = chosen[0]->get_subcommands();
  if (!inner.empty()) arguments.sub_verb = inner[0]->get_name();
  std::string command = "windrow";
  for (const auto& word : words) command += " " + word;
  const auto clock = system_clock();
  Session session{arguments, out, secrets, *clock, cancel, command};
  int result = kFailed;
  try {
    result = verbs().at(arguments.verb)(session);
  } catch (const Error& error) {
    out.error(error);
    result = exit_code(error);
  } catch (const std::exception& error) {
    out.error(Error(Code::internal, error.what(),
                    "this is a bug: please report it with the command that led here"));
  }
  if (std::fflush(stdout) != 0 && result == kDone) result = kFailed;
  return result;
}

}  // namespace windrow::cli
