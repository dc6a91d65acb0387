#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secrets.h"
#include "base/time.h"
#include "cli/interrupts.h"
#include "cli/out.h"

namespace windrow::app {
class App;
struct Options;
struct RunOptions;
}  // namespace windrow::app

namespace windrow::cli {

/// Exit codes: done, something failed as reported, wrong use or broken configuration, stopped by a
/// signal.
inline constexpr int kDone = 0, kFailed = 1, kWrongUse = 2, kStopped = 130;

/// Everything that can be said on the command line.
struct Arguments {
  std::string folder = ".", environment = "dev", defer, now;
  std::vector<std::string> variables;
  bool json = false, no_color = false, quiet = false, verbose = false;

  std::string verb, sub_verb;
  std::vector<std::string> select, exclude, accept;
  std::string start, end, show, sample;
  bool without_missing = false, write = false;  ///< source reload, source try
  bool full_refresh = false, rebuild_sealed = false, fail_fast = false, explain = false;
  bool allow_writes = false;  ///< query
  bool list = false, empty = false, tables = false, orphans = false, reference = false;
  int jobs = 0;
  std::string name, target;  ///< init: example or new project, and folder
  std::string sql, sql_file, format, out_file, at;
  std::vector<std::string> versions;  ///< query: TABLE=N
  std::string compiled;               ///< query: a model
  std::string uri;
  std::optional<int64_t> version, limit;
  std::string from, to;  ///< table diff: versions or times
  bool commits = false;
  std::vector<std::string> words;  ///< docs: a topic, and what is looked for
  std::string subject, run, asset, kind, write_folder, shell;
  std::string where, retention, capacity, target_size;  ///< maintenance of tables
  std::vector<std::string> zorder, keys;
  std::string since;  ///< why
  int depth = 1;
  std::string mode, on;  ///< writing tables
  std::vector<std::string> partition_by, sets, whens;
  std::vector<std::string> adds, renames, drops, widens, not_null, nullable, checks, drop_checks,
      properties, unset;
  std::string source, duration, metrics_file;  ///< ingest
  std::optional<int64_t> batches;
  std::string send_to = "file", brokers, connection, topic;  ///< generate
  int64_t rows = 0, seed = 1;
  int partitions = 4;
  double rate = 0, duplicates = 0.005, late = 0.01, broken = 0.001;
  std::string span;
  bool until_caught_up = false;
  bool dry_run = false, force = false, purge = false, verify = false;
  bool rollback = false;
  bool yes = false, keep_versions = false;  ///< erase
  std::vector<std::string> names;           ///< publish: publications; fmt: files and folders
  bool check = false, diff = false;         ///< fmt
  bool watch = false;                       ///< check, runs
  bool underway = false;                    ///< runs
  std::string grace;                        ///< serve
  std::string listen, tls_certificate, tls_key, home;
  std::vector<std::string> hosts;
  bool without_tls = false, without_login = false;
  std::string user, role, expires, token;  ///< user, token
  std::string schedule, tag;               ///< schedule
  std::string sensor;                      ///< sensor try
  bool wait = false, as_declared = false;
  bool follow = false;                             ///< logs
  bool from_failed = false;                        ///< retry
  std::string order = "oldest", only = "missing";  ///< backfill
  int max_active = 1;
  bool background = false;
};

/// How a project is opened; tests put a false one here.
using OpenApp =
    std::function<std::unique_ptr<app::App>(const app::Options&, Secrets&, const Clock&)>;

/// What each verb works with.
struct Session {
  const Arguments& arguments;
  const Out& out;
  Secrets& secrets;
  const Clock& clock;
  Interrupts& interrupts;
  std::string command;  ///< as it was typed, for the record
  OpenApp open;
};

/// A run of what a selector chooses, as `run` does it; gives the exit code.
int run_selected(Session& session, app::App& app, const std::string& select);
/// Runs, shows and reports as `run` does; gives the exit code.
int run_with(Session& session, app::App& app, const app::RunOptions& asked);
/// What the arguments say of a project.
app::Options options_of(Session& session);
/// The folder of the project that the arguments name.
std::string project_root(const Session& session);
/// The project that the arguments name.
std::unique_ptr<app::App> open_app(Session& session);

// One function a verb; each gives the exit code, or throws.
int init_verb(Session& session);
int check_verb(Session& session);
int fmt_verb(Session& session);
int env_verb(Session& session);
int plan_verb(Session& session);
int run_verb(Session& session);
int source_verb(Session& session);
int ingest_verb(Session& session);
int generate_verb(Session& session);
int backfill_verb(Session& session);
int backfills_verb(Session& session);
int publish_verb(Session& session);
int erase_verb(Session& session);
int why_verb(Session& session);
int test_verb(Session& session);
int query_verb(Session& session);
int table_verb(Session& session);
int lake_verb(Session& session);
int ls_verb(Session& session);
int lineage_verb(Session& session);
int runs_verb(Session& session);
int retry_verb(Session& session);
int schema_verb(Session& session);
int health_verb(Session& session);
int completion_verb(Session& session);
int docs_verb(Session& session);
int version_verb(Session& session);
int lsp_verb(Session& session);
int serve_verb(Session& session);
int user_verb(Session& session);
int token_verb(Session& session);
int schedule_verb(Session& session);
int sensor_verb(Session& session);
int cancel_verb(Session& session);
int logs_verb(Session& session);

/// A time as people write it, in `zone` where no offset is given; Error(usage) that names the
/// option.
Time time_argument(const std::string& text, const std::string& option,
                   const std::string& zone = "UTC");
/// The same for a verb that needs no project: in the zone of the one that there is, else in UTC.
Time time_in_project(Session& session, const std::string& text, const std::string& option);
/// `NAME=VALUE` taken apart; Error(usage) that names the option.
std::pair<std::string, std::string> pair_argument(const std::string& text,
                                                  const std::string& option,
                                                  const std::string& form);
/// Repeated options joined by blanks: to selectors a blank means or.
std::string joined(const std::vector<std::string>& parts);

}  // namespace windrow::cli
