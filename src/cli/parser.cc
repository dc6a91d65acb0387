#include "cli/parser.h"

#include <cctype>

#include "base/nearest.h"
#include "base/version.h"
#include "cli/help_format.h"
#include "cli/parser_parts.h"

namespace windrow::cli {

namespace {

constexpr const char* kMake = "Make and look over";
constexpr const char* kOther = "Other";

void selection(CLI::App* to, Arguments& a) {
  repeatable(to->add_option("-s,--select", a.select,
                            "which assets: names, globs, +up, down+, tag:, layer:, path:, state:, "
                            "result:; blank = or, comma = and; repeatable"))
      ->type_name("SELECTOR");
  repeatable(to->add_option("--exclude", a.exclude, "which of them not"))->type_name("SELECTOR");
}

void sample(CLI::App* to, Arguments& a) {
  to->add_option("--sample", a.sample, "with --defer: only this share of the rows it lends, as 1%")
      ->type_name("PERCENT");
}

void planning(CLI::App* to, Arguments& a) {
  selection(to, a);
  sample(to, a);
  to->add_flag("--full-refresh", a.full_refresh, "rebuild the selected tables from scratch");
  to->add_option("--start", a.start, "only intervals from this time on")->type_name("TIME");
  to->add_option("--end", a.end, "only intervals before this time")->type_name("TIME");
  to->add_flag("--rebuild-sealed", a.rebuild_sealed,
               "also intervals whose inputs lie beyond their retention");
  repeatable(
      to->add_option("--accept", a.accept,
                     "take the present definition of these models as done, without a rebuild"))
      ->type_name("SELECTOR");
}

void running(CLI::App* to, Arguments& a) {
  to->add_option("-j,--jobs", a.jobs, "tasks at a time (default: one per core)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  to->add_flag("--fail-fast", a.fail_fast, "after a failure begin nothing new");
  to->add_option("--show", a.show,
                 "at the end, the first rows of this table (default: the last view published)")
      ->type_name("TABLE");
}

void making_verbs(CLI::App& app, Arguments& a) {
  auto* init =
      verb(app, kMake, "init", "make a project: an empty one, or from an example",
           "  windrow init orders\n  windrow init quickstart films\n  windrow init --list\n");
  init->add_option("name", a.name,
                   "an example, or the folder of a new, empty project (default: quickstart)");
  init->add_option("dir", a.target,
                   "where (default: a folder of that name); nothing is overwritten");
  auto* named = init->add_flag("--list", a.list, "name the examples");
  init->add_flag("--empty", a.empty, "an empty project, whatever it is called")->excludes(named);
  verb(app, kMake, "check",
       "look at the project's files: names, types, cycles, SQL; touches no data",
       "  windrow check\n  windrow check --watch\n  windrow -C films --json check\n")
      ->add_flag("--watch", a.watch, "look again after each change of a file, until Ctrl-C");
  auto* fmt =
      verb(app, kMake, "fmt", "lay out the project's files: YAML, and the headers of models",
           "  windrow fmt\n  windrow fmt --check\n  windrow fmt models/gold --diff\n");
  fmt->add_option("path", a.names, "files and folders (default: all of the project)")
      ->type_name("PATH");
  fmt->add_flag("--check", a.check, "write nothing; exit code 1 where a file would change");
  fmt->add_flag("--diff", a.diff, "write nothing; show what would change");
  auto* test = verb(app, kMake, "test", "unit tests of models: given rows, expected rows",
                    "  windrow test\n  windrow test --select gold.*\n");
  repeatable(test->add_option("-s,--select", a.select, "tests of which models"))
      ->type_name("SELECTOR");
  auto* schema =
      verb(app, kMake, "schema", "JSON Schema of the project's kinds of files, for editors",
           "  windrow schema\n  windrow schema model\n  windrow schema --write .schemas\n"
           "  windrow schema source --reference\n");
  schema->add_option(
      "kind", a.kind,
      "project, source, model, seed, publish, task, test or schedule (default: name them)");
  schema->add_option("--write", a.write_folder, "write all of them into this folder")
      ->type_name("DIR");
  schema->add_flag("--reference", a.reference,
                   "every key with its type, default and meaning, as Markdown");
}

void generating_verb(CLI::App& app, Arguments& a) {
  auto* generate = verb(app, kWork, "generate", "make believable data, the same for the same seed",
                        "  windrow generate wikipedia --rows 100000 --to file --out events.ndjson\n"
                        "  windrow generate wikipedia --rows 1000000 --rate 20000 --to kafka \\\n"
                        "      --connection events --topic wiki-raw-events\n"
                        "  windrow generate bank --rows 1000 --seed 7 --broken 0 --out -\n");
  generate->add_option("kind", a.kind, "wikipedia, league or bank")->required();
  generate->add_option("--rows", a.rows, "so many records")
      ->required()
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  generate->add_option("--rate", a.rate, "so many a second (default: as fast as it goes)")
      ->type_name("R");
  generate->add_option("--seed", a.seed, "another seed, other data (default: 1)")->type_name("S");
  generate->add_option("--start", a.start, "the first record's time")->type_name("TIME");
  generate->add_option("--to", a.send_to, "kafka or file (default: file)")->type_name("WHERE");
  generate->add_option("--out", a.out_file, "the file, - is standard output (default: KIND.ndjson)")
      ->type_name("FILE");
  generate->add_option("--brokers", a.brokers, "of Kafka, without a project")
      ->type_name("HOST:PORT");
  generate->add_option("--connection", a.connection, "the project's connection to Kafka")
      ->type_name("NAME");
  generate->add_option("--topic", a.topic, "made where it is not there (default: KIND)")
      ->type_name("NAME");
  generate->add_option("--partitions", a.partitions, "of a topic that is made (default: 4)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  generate
      ->add_option("--span", a.span, "how long the records' times reach (default: 500 a second)")
      ->type_name("DURATION");
  generate->add_option("--duplicates", a.duplicates, "share that comes twice (default: 0.005)")
      ->type_name("SHARE");
  generate->add_option("--late", a.late, "share with an earlier time (default: 0.01)")
      ->type_name("SHARE");
  generate->add_option("--broken", a.broken, "share that does not read (default: 0.001)")
      ->type_name("SHARE");
}

void working_verbs(CLI::App& app, Arguments& a) {
  auto* plan = verb(app, kWork, "plan", "what a run would do, for which intervals, and why",
                    "  windrow plan\n  windrow plan --select '+gold.*' --start 2025-10-01\n"
                    "  windrow plan --explain\n  windrow plan --accept gold.trending\n");
  planning(plan, a);
  plan->add_flag(
      "--explain", a.explain,
      "also the versions of inputs, how many of their files are read, and every interval range");
  auto* run = verb(app, kWork, "run", "bring everything that is stale up to date",
                   "  windrow run\n  windrow run --select +gold.trending --jobs 4\n"
                   "  windrow run --env dev --defer prod --sample 1%\n"
                   "  windrow run --env prod --select tag:daily --exclude layer:bronze\n");
  planning(run, a);
  running(run, a);
  auto* ingest =
      verb(app, kWork, "ingest", "read a stream into its table, for good or up to a limit",
           "  windrow ingest bronze.raw_events\n"
           "  windrow ingest bronze.raw_events --until-caught-up\n"
           "  windrow ingest bronze.raw_events --for 10m --metrics ingest.prom\n");
  ingest->add_option("source", a.source, "the source, LAYER.TABLE")->required();
  ingest->add_option("--batches", a.batches, "end after so many commits")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  ingest->add_flag("--until-caught-up", a.until_caught_up,
                   "end when all that the topic has now is in the table");
  ingest->add_option("--for", a.duration, "end after so long, with what has come until then")
      ->type_name("DURATION");
  ingest
      ->add_option("--metrics", a.metrics_file,
                   "keep metrics in this file, as Prometheus reads them")
      ->type_name("FILE");
  generating_verb(app, a);
  selection(&backfill_verbs(app, a), a);
  auto* publish =
      verb(app, kWork, "publish", "send what has changed to the serving stores, without building",
           "  windrow publish\n  windrow publish historical --dry-run\n"
           "  windrow publish --rollback historical\n");
  publish->add_option("name", a.names, "which publications (default: all)")->type_name("NAME");
  publish->add_flag("--dry-run", a.dry_run, "only say what would change");
  publish->add_flag(
      "--rollback", a.rollback,
      "bring back the batch before the present one, of publications or of NAME/TABLE");
  running(publish, a);
  auto* retry = verb(app, kWork, "retry", "run again what failed, was skipped or stopped in a run",
                     "  windrow retry\n  windrow retry 0199f3a2\n  windrow retry --from-failed\n");
  retry->add_option("run", a.run, "id of the run, or its beginning (default: the last one)");
  sample(retry, a);
  retry->add_flag("--from-failed", a.from_failed,
                  "also what comes after it in that run, though it was done");
  running(retry, a);
  serving_verbs(app, a);
}

void looking_verbs(CLI::App& app, Arguments& a) {
  auto* query =
      verb(app, kLook, "query", "SQL over the lake's tables; interactive without SQL on a terminal",
           "  windrow query 'SELECT * FROM gold.trending LIMIT 5'\n"
           "  windrow query --version silver.movies=3 'FROM silver.movies' --out movies.csv\n"
           "  windrow query --at 2025-10-17 --file report.sql --format json\n"
           "  echo 'FROM gold.trending' | windrow query\n  windrow query\n");
  query->add_option("sql", a.sql, "the statement (default: standard input)");
  query->add_option("-f,--file", a.sql_file, "read the statement from this file")
      ->type_name("FILE");
  repeatable(query->add_option("--version", a.versions, "read a table at a version; repeatable"))
      ->type_name("TABLE=N");
  query->add_option("--at", a.at, "read all tables as they were at this time")->type_name("TIME");
  query->add_flag("--allow-writes", a.allow_writes,
                  "run statements that do more than read: COPY, CREATE, ATTACH and so on");
  query->add_flag("--explain", a.explain, "do not run it: how many of each table's files it reads");
  query->add_option("--compiled", a.compiled, "instead: this model's SELECT as it is run")
      ->type_name("MODEL");
  query->add_option("--start", a.start, "with --compiled: the value of $start")->type_name("TIME");
  query->add_option("--end", a.end, "with --compiled: the value of $end")->type_name("TIME");
  rows(query, a);
  why_options(*verb(app, kLook, "why",
                    "which version changed this, from which inputs, runs and definitions",
                    "  windrow why gold.trending\n"
                    "  windrow why gold.trending --key movie_id=17 --depth 2\n"
                    "  windrow why gold.daily --where \"day = '2025-10-17'\" --since 2025-10-18\n"),
              a);
  auto* ls =
      verb(app, kLook, "ls", "the project's assets and their tables",
           "  windrow ls\n  windrow ls --select state:stale\n  windrow ls --tables --json\n");
  repeatable(ls->add_option("-s,--select", a.select, "which assets"))->type_name("SELECTOR");
  ls->add_flag("--tables", a.tables, "only those that have a table in the lake");
  ls->add_flag("--orphans", a.orphans, "instead: tables of the lake that nothing makes any more");
  auto* lineage = verb(app, kLook, "lineage", "where a table or a column comes from and goes to",
                       "  windrow lineage\n  windrow lineage gold.trending\n"
                       "  windrow lineage gold.trending.score --format mermaid\n");
  lineage->add_option("subject", a.subject, "TABLE or TABLE.COLUMN (default: the whole project)");
  lineage->add_option("--format", a.format, "text, json, mermaid or graphviz")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json", "mermaid", "graphviz"}));
  auto* runs = verb(app, kLook, "runs", "past runs, or one with its tasks and checks",
                    "  windrow runs\n  windrow runs 0199f3a2\n  windrow runs --asset gold.daily\n"
                    "  windrow runs --limit 5 --json\n  windrow runs --critical\n"
                    "  windrow runs --now\n");
  auto* one = runs->add_option("run", a.run, "id of a run, or its beginning");
  auto* of_asset = runs->add_option("--asset", a.asset, "how one asset fared, run by run")
                       ->option_text("LAYER.NAME")
                       ->excludes(one);
  auto* critical =
      runs->add_flag("--critical", a.explain,
                     "what decides when a run ends (default: the last one): its critical path")
          ->excludes(of_asset);
  auto* now = runs->add_flag("--now", a.underway,
                             "which tasks of the server's runs work, and what the others wait for")
                  ->excludes(of_asset)
                  ->excludes(critical);
  runs->add_flag("--watch", a.watch, "show it again whenever it changes, until Ctrl-C");
  limit(runs, a, "at most so many runs (default: 20)");
  for (auto* other : {critical, now}) runs->get_option("--limit")->excludes(other);
  auto* logs = verb(app, kLook, "logs", "what happened in a run, line by line",
                    "  windrow logs\n  windrow logs 0199f3a2\n  windrow logs -f\n");
  logs->add_option("run", a.run, "id of the run, or its beginning (default: the last one)");
  logs->add_flag("-f,--follow", a.follow, "go on with what comes, until the run ends");
  verb(app, kLook, "health",
       "look at project, lake, tables, connections, disk; say how to mend what is wrong",
       "  windrow health\n  windrow --env prod health --json\n");
}

void source_verbs(CLI::App& app, Arguments& a) {
  auto* source =
      verb(app, kWork, "source", "look at data for a new source, or after one that is there",
           "  windrow source try 'incoming/*.csv' --write\n"
           "  windrow source reload bronze.orders\n");
  source->require_subcommand(1);
  auto* look = verb(*source, "Verbs", "try", "look at files, and write the source that reads them",
                    "  windrow source try orders.csv\n"
                    "  windrow source try 'incoming/*.csv' --name bronze.orders --write\n"
                    "  windrow source try https://example.org/rates.csv\n");
  look->add_option("place", a.source, "a path, a glob in quotes, or a URL")->required();
  look->add_option("--name", a.name, "the source's table (default: from the place)")
      ->type_name("LAYER.TABLE");
  look->add_option("--format", a.format,
                   "json, csv, parquet, avro or excel (default: by the ending)")
      ->check(CLI::IsMember({"json", "csv", "parquet", "avro", "excel"}))
      ->type_name("FORMAT");
  look->add_flag("--write", a.write, "write sources/TABLE.yaml; nothing is overwritten");
  auto* reload =
      verb(*source, "Verbs", "reload", "give all its rows anew, under the present definition",
           "  windrow source reload bronze.orders\n");
  reload->add_option("source", a.source, "the source's table")->required();
  reload->add_flag("--without-missing", a.without_missing,
                   "also where files are gone that it was read from: their rows go");
}

void erase_verb(CLI::App& app, Arguments& a) {
  auto* erase = verb(app, kWork, "erase",
                     "remove the rows with a key, for good: lake, stores, samples of checks",
                     "  windrow erase --key customer_id=14620 --dry-run\n"
                     "  windrow --json erase --key customer_id=14620 --yes\n");
  repeatable(erase->add_option("--key", a.keys, "rows with this value; repeated: with all of them"))
      ->type_name("COLUMN=VALUE")
      ->required();
  erase->add_flag("--keep-versions", a.keep_versions,
                  "leave the files of older versions to vacuum and its retention");
  erase->add_flag("-y,--yes", a.yes, "do not ask");
  dry_run(erase, a);
}

void lake_verbs(CLI::App& app, Arguments& a) {
  auto* lake = verb(app, kWork, "lake", "look after all tables of the project's lake",
                    "  windrow lake retain --dry-run\n");
  lake->require_subcommand(1);
  auto* retain =
      verb(*lake, "Verbs", "retain", "remove rows that are older than the retention of their layer",
           "  windrow lake retain --dry-run\n  windrow lake retain -s layer:bronze\n");
  repeatable(retain->add_option("-s,--select", a.select, "which tables"))->type_name("SELECTOR");
  dry_run(retain, a);
  dry_run(verb(*lake, "Verbs", "lifecycle",
               "write the rules by which S3 moves and removes files as layers say",
               "  windrow lake lifecycle --dry-run\n"),
          a);
}

void environment_verbs(CLI::App& app, Arguments& a) {
  auto* env = verb(app, kWork, "env", "the project's environments and their lakes",
                   "  windrow env list\n  windrow env drop trial --dry-run\n");
  env->require_subcommand(1);
  verb(*env, "Verbs", "list", "each with its lake and what it holds", "  windrow env list\n");
  auto* drop = verb(*env, "Verbs", "drop", "remove an environment's lake with all its tables",
                    "  windrow env drop trial --dry-run\n  windrow env drop trial --yes\n");
  drop->add_option("name", a.name, "the environment")->required();
  drop->add_flag("--force", a.force, "also one that publishes, or shares its lake");
  drop->add_flag("-y,--yes", a.yes, "do not ask");
  dry_run(drop, a);
}

void other_verbs(CLI::App& app, Arguments& a) {
  auto* completion =
      verb(app, kOther, "completion", "a completion script for a shell",
           "  windrow completion bash > ~/.local/share/bash-completion/completions/windrow\n"
           "  windrow completion zsh > \"${fpath[1]}/_windrow\"\n"
           "  windrow completion fish > ~/.config/fish/completions/windrow.fish\n");
  completion->add_option("shell", a.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb(app, kOther, "docs",
       "the documentation: its pages, one of them, or what is said of something",
       "  windrow docs\n  windrow docs sql\n  windrow docs sources kafka\n  windrow docs late "
       "data\n")
      ->add_option("topic", a.words,
                   "a page, and words that lead to a section (default: the pages)");
  verb(app, kOther, "lsp", "what editors ask of a project, over stdin and stdout (docs/editors.md)",
       "  windrow lsp\n  windrow --env prod lsp\n");
  verb(app, kOther, "version", "the versions of this program and of its engine",
       "  windrow version --json\n");
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

/// The verb that the words had reached.
const CLI::App* reached(const CLI::App& parser) {
  const CLI::App* at = &parser;
  for (auto inner = at->get_subcommands(); !inner.empty(); inner = at->get_subcommands())
    at = inner[0];
  return at;
}

std::string path_of(const CLI::App* at) {
  std::string out;
  for (; at && at->get_parent(); at = at->get_parent()) out = " " + at->get_name() + out;
  return out;
}

std::vector<std::string> verb_names(const CLI::App* at) {
  std::vector<std::string> out;
  for (const auto* sub : at->get_subcommands([](const CLI::App*) { return true; }))
    out.push_back(sub->get_name());
  return out;
}

std::string help_hint(const CLI::App* at) {
  return at->get_parent() ? "`windrow" + path_of(at) + " --help` shows its options and examples"
                          : "`windrow --help` lists the verbs";
}

}  // namespace

std::unique_ptr<CLI::App> make_parser(Arguments& a) {
  auto app = std::make_unique<CLI::App>(
      "Windrow: the batch layer of a data platform in one program.", "windrow");
  app->require_subcommand(0, 1);
  app->fallthrough();
  app->formatter(help_format());
  app->set_help_flag("-h,--help", "print this help");
  app->set_version_flag("--version", "windrow " + std::string(kVersion), "print the version");
  app->add_option("-C,--directory", a.folder, "the project's folder (default: here or above)")
      ->type_name("DIR");
  app->add_option("--env", a.environment, "environment (default: dev)")->type_name("NAME");
  app->add_option("--defer", a.defer, "read tables that the environment lacks from this one")
      ->type_name("ENV");
  repeatable(app->add_option("--var", a.variables, "a variable's value; repeatable"))
      ->type_name("NAME=VALUE");
  app->add_option("--now", a.now, "what time it is taken to be: for rehearsals and tests")
      ->type_name("TIME");
  app->add_flag("--json", a.json, "output, and errors, as JSON");
  app->add_flag("--no-color", a.no_color, "no colours (so does the environment variable NO_COLOR)");
  app->add_flag("-q,--quiet", a.quiet, "no progress and no notes");
  app->add_flag("-v,--verbose", a.verbose, "more: assets that are up to date, inputs, causes");
  making_verbs(*app, a);
  working_verbs(*app, a);
  looking_verbs(*app, a);
  table_verbs(*app, a);
  source_verbs(*app, a);
  erase_verb(*app, a);
  lake_verbs(*app, a);
  environment_verbs(*app, a);
  other_verbs(*app, a);
  app->footer(
      "Begin with:\n  windrow init quickstart films && cd films && windrow plan && windrow run\n"
      "  windrow init my-project                    an empty one, with comments\n\n"
      "Exit codes: 0 done, 1 something failed as reported, 2 wrong use or broken\n"
      "configuration, 130 stopped.");
  return app;
}

Problem usage_problem(const CLI::ParseError& error, const CLI::App& parser) {
  const CLI::App* at = reached(parser);
  const std::string where = at->get_parent() ? "`windrow" + path_of(at) + "`" : "windrow";
  const auto problem = [&](std::string message, const std::string& hint) {
    return Problem{Code::usage, std::move(message), hint.empty() ? help_hint(at) : hint, {}};
  };
  for (const auto& word : parser.remaining(true)) {
    if (word.starts_with("-")) {
      std::vector<std::string> known;
      for (const CLI::App* level = at; level; level = level->get_parent()) {
        for (const auto* option : level->get_options()) {
          for (const auto& name : option->get_lnames()) known.push_back("--" + name);
        }
      }
      const auto name = word.substr(0, word.find('='));
      return problem(where + " has no option " + quoted(name), did_you_mean(name, known));
    }
    const auto verbs = verb_names(at);
    if (verbs.empty()) return problem(where + " takes no argument " + quoted(word) + " here", "");
    return problem(at->get_parent() ? where + " has no verb " + quoted(word)
                                    : "there is no verb " + quoted(word),
                   did_you_mean(word, verbs));
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) && !verb_names(at).empty()) {
    return problem(where + " needs a verb: " + joined(verb_names(at)), "");
  }
  std::string message = error.what();
  if (!message.empty()) message[0] = char(std::tolower(static_cast<unsigned char>(message[0])));
  return problem(where + ": " + message, "");
}

}  // namespace windrow::cli
