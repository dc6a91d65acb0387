#include "cli/parser_parts.h"

namespace windrow::cli {

namespace {

void schedule_verbs(CLI::App& app, Arguments& a) {
  auto* schedule =
      verb(app, kWork, "schedule", "when runs begin by themselves",
           "  windrow schedule list\n  windrow schedule next hourly --count 3\n"
           "  windrow schedule trigger nightly\n  windrow schedule pause --tag batch\n");
  schedule->require_subcommand(1);
  auto* list = verb(*schedule, "Verbs", "list", "the schedules that are declared",
                    "  windrow schedule list\n  windrow --json schedule list nightly\n");
  list->add_option("name", a.name, "a schedule, or a tag of some (default: all)");
  auto* next = verb(*schedule, "Verbs", "next", "when they are due next, by the clock",
                    "  windrow schedule next\n"
                    "  windrow schedule next hourly --from 2026-10-25 --count 30\n");
  next->add_option("name", a.name, "a schedule, or a tag of some (default: all)");
  next->add_option("--count", a.limit, "how many due times (default: 5 of one, 10 of all)")
      ->type_name("N");
  next->add_option("--from", a.from, "from when on (default: now)")->type_name("TIME");
  auto* trigger = verb(
      *schedule, "Verbs", "trigger", "begin a schedule's run now, in the server where one runs",
      "  windrow schedule trigger nightly\n  windrow schedule trigger nightly --wait\n");
  trigger->add_option("schedule", a.schedule, "its name")->required();
  trigger->add_flag("--wait", a.wait, "until it has ended; without a server always");
  auto* start = trigger->add_option("--start", a.start,
                                    "the run's interval begins here (default: "
                                    "as its next run would have)");
  start->type_name("TIME");
  trigger->add_option("--end", a.end, "and ends before this time")->type_name("TIME")->needs(start);
  auto* pause =
      verb(*schedule, "Verbs", "pause", "let schedules fire no more, until they are resumed",
           "  windrow schedule pause nightly hourly\n"
           "  windrow schedule pause --tag batch\n");
  auto* resume = verb(*schedule, "Verbs", "resume", "let paused schedules fire again",
                      "  windrow schedule resume nightly\n"
                      "  windrow schedule resume nightly --as-declared\n");
  for (auto* each : {pause, resume}) {
    each->add_option("schedule", a.names, "their names")->type_name("NAME");
    each->add_option("--tag", a.tag,
                     "all that have this tag; with a server, of all projects that it serves")
        ->type_name("TAG");
  }
  resume->add_flag("--as-declared", a.as_declared,
                   "what was said by hand is forgotten: `paused:` of the file holds");
}

void sensor_verbs(CLI::App& app, Arguments& a) {
  auto* sensor = verb(app, kWork, "sensor", "what schedules wait for, and what it sees",
                      "  windrow sensor list\n  windrow sensor try inbox\n");
  sensor->require_subcommand(1);
  auto* list = verb(*sensor, "Verbs", "list",
                    "the sensors that are declared; with a server, how they are looked at",
                    "  windrow sensor list\n  windrow --json sensor list\n");
  list->add_option("name", a.name, "a sensor (default: all)");
  auto* look = verb(*sensor, "Verbs", "try",
                    "look once, and say what is seen and whether schedules would fire; no server "
                    "is needed, and nothing is kept",
                    "  windrow sensor try inbox\n");
  look->add_option("sensor", a.sensor, "its name")->required();
}

void add_home(CLI::App& verb, Arguments& a) {
  verb.add_option("--home", a.home,
                  "where the server keeps users and tokens (default: $WINDROW_HOME, else "
                  "$XDG_STATE_HOME/windrow)")
      ->type_name("FOLDER");
}

CLI::Option* add_role(CLI::App& verb, Arguments& a) {
  return verb.add_option("--role", a.role, "viewer, operator, editor or admin")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"viewer", "operator", "editor", "admin"}));
}

void account_verbs(CLI::App& app, Arguments& a) {
  auto* user = verb(app, kWork, "user", "who may log in to a server that listens",
                    "  windrow user add ada --role operator\n  windrow user list\n");
  user->require_subcommand(1);
  auto* add =
      verb(*user, "Verbs", "add", "add a user; asks for the password, or reads it as a line",
           "  windrow user add ada --role operator\n"
           "  pass show windrow | windrow user add ada --role admin\n");
  add->add_option("user", a.user, "the name")->required();
  add_role(*add, a)->required();
  auto* password = verb(*user, "Verbs", "password", "give a user another password; ends sessions",
                        "  windrow user password ada\n");
  password->add_option("user", a.user, "the name")->required();
  auto* list = verb(*user, "Verbs", "list", "all users", "  windrow user list\n");
  auto* remove = verb(*user, "Verbs", "remove", "remove a user, with sessions and tokens",
                      "  windrow user remove ada\n");
  remove->add_option("user", a.user, "the name")->required();
  auto* token = verb(app, kWork, "token", "what programs show to a server that listens",
                     "  windrow token create ci --role operator --expires 30d\n");
  token->require_subcommand(1);
  auto* create = verb(*token, "Verbs", "create", "make a token, and print it this once",
                      "  windrow token create ci --role operator --expires 30d\n");
  create->add_option("name", a.name, "what it is for")->required();
  add_role(*create, a)->required();
  create->add_option("--expires", a.expires, "after so long, at this time, or never (default: 90d)")
      ->type_name("WHEN");
  auto* tokens =
      verb(*token, "Verbs", "list", "all tokens, without what they are", "  windrow token list\n");
  auto* revoke =
      verb(*token, "Verbs", "revoke", "take a token back", "  windrow token revoke 3f9a01bc\n");
  revoke->add_option("token", a.token, "its id")->required();
  for (auto* each : {add, password, list, remove, create, tokens, revoke}) add_home(*each, a);
}

}  // namespace

CLI::App& backfill_verbs(CLI::App& app, Arguments& a) {
  auto* backfill =
      verb(app, kWork, "backfill", "build the intervals of a range that are missing, part by part",
           "  windrow backfill 2025-10-01 2025-11-01 --select silver.events+\n"
           "  windrow backfill 2025-01-01 2026-01-01 --dry-run\n"
           "  windrow backfill 2025-10-17 2025-10-18 --only all\n"
           "  windrow backfill 2024-01-01 2026-01-01 --order newest --background\n");
  backfill->add_option("start", a.start, "from this time on")->required();
  backfill->add_option("end", a.end, "before this time")->required();
  backfill
      ->add_option("--only", a.only,
                   "missing: what is not there or stale (default); failed: what a backfill before "
                   "could not build; all: also what is up to date")
      ->type_name("WHICH")
      ->check(CLI::IsMember({"missing", "failed", "all"}));
  backfill->add_option("--order", a.order, "oldest or newest first (default: oldest)")
      ->type_name("ORDER")
      ->check(CLI::IsMember({"oldest", "newest"}));
  backfill->add_option("--max-active", a.max_active, "so many parts at a time (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(1, 100));
  backfill->add_flag("--dry-run", a.dry_run, "only say what would be built");
  backfill->add_flag("--background", a.background, "leave it to the server of the project");
  backfill->add_option("--name", a.name, "a name for it, beside its id")->type_name("NAME");
  backfill
      ->add_option("--sample", a.sample,
                   "with --defer: only this share of the rows it lends, as 1%")
      ->type_name("PERCENT");
  backfill->add_flag("--rebuild-sealed", a.rebuild_sealed,
                     "also intervals whose inputs lie beyond their retention");
  backfill->add_option("-j,--jobs", a.jobs, "tasks at a time (default: one per core)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  backfill->add_flag("--fail-fast", a.fail_fast, "pause at the first interval that fails");
  auto* all = verb(app, kWork, "backfills", "backfills, or how far one is and what failed",
                   "  windrow backfills\n  windrow backfills 0199f3a2\n"
                   "  windrow backfills pause 0199f3a2\n  windrow backfills resume spring\n");
  all->add_option("backfill", a.run, "its id, the beginning of that, or its name");
  limit(all, a, "at most so many (default: 20)");
  const auto one = [&](const char* name, const char* what) {
    verb(*all, "Verbs", name, what, std::string("  windrow backfills ") + name + " 0199f3a2\n")
        ->add_option("backfill", a.run, "its id, the beginning of that, or its name")
        ->required();
  };
  one("pause", "stop it after what is committed; it can be resumed");
  one("resume", "go on with one that is paused or was interrupted");
  one("cancel", "end it; what it has built stays");
  return *backfill;
}

void serving_verbs(CLI::App& app, Arguments& a) {
  auto* serve = verb(app, kWork, "serve", "run schedules and streams for good, until it is stopped",
                     "  windrow serve\n  windrow --env prod serve /srv/films /srv/wikipedia\n"
                     "  windrow --json serve --grace 10m\n"
                     "  windrow serve --jobs 120 /srv/risk /srv/reports\n");
  serve->add_option("folder", a.names, "the projects' folders (default: -C, else here)")
      ->type_name("FOLDER");
  serve
      ->add_option("--grace", a.grace,
                   "asked to stop, let runs end for so long (default: 60s); then they stop at "
                   "their next commit, and are begun again by the next server")
      ->type_name("DURATION");
  serve
      ->add_option("-j,--jobs", a.jobs,
                   "tasks at a time, of all runs of all projects (default: four per core, 32 at "
                   "least, and one per core of each run)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  serve
      ->add_option("--listen", a.listen,
                   "answer at this address: REST, live events, metrics, the page (docs/server.md)")
      ->type_name("ADDRESS:PORT");
  serve->add_option("--tls-cert", a.tls_certificate, "the certificate, with those up to its root")
      ->type_name("FILE");
  serve->add_option("--tls-key", a.tls_key, "its key; both are read again when they change")
      ->type_name("FILE");
  serve->add_option("--host", a.hosts, "a name that the server is reached by; repeatable")
      ->type_name("NAME");
  add_home(*serve, a);
  serve->add_flag("--without-tls", a.without_tls,
                  "also where others can reach it: something before it does TLS");
  serve->add_flag("--without-login", a.without_login,
                  "also where others can reach it, and as long as there are no users");
  account_verbs(app, a);
  schedule_verbs(app, a);
  sensor_verbs(app, a);
  auto* cancel = verb(app, kWork, "cancel", "stop a run of the server at its next commit",
                      "  windrow cancel 0199f3a2\n");
  cancel->add_option("run", a.run, "id of the run, or its beginning")->required();
}

}  // namespace windrow::cli
