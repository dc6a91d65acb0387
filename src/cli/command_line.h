#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/secrets.h"
#include "base/time.h"
#include "cli/out.h"

namespace CLI {
class App;
}
namespace windrow::app {
class App;
}

namespace windrow::cli {

/// Exit codes: done, something failed as reported, wrong use or broken configuration, stopped by a
/// signal.
inline constexpr int kDone = 0, kFailed = 1, kWrongUse = 2, kStopped = 130;

/// Everything that can be said on the command line.
struct Arguments {
  std::string folder = ".", environment = "dev", defer;
  std::vector<std::string> variables;
  bool json = false, no_color = false, quiet = false;

  std::string verb, sub_verb;
  std::string select, exclude, start, end, accept, show;
  bool full_refresh = false, rebuild_sealed = false, fail_fast = false, explain = false,
       list = false;
  int jobs = 0;
  std::string name, target;  ///< init: example and folder
  std::string sql, sql_file, format, out_file, at;
  std::vector<std::string> versions;  ///< query: TABLE=N
  std::string uri;
  std::optional<int64_t> version, from, to;
  int64_t limit = -1;
  std::string subject, run, kind, write_folder, shell;
  bool reference = false;
};

/// The tree of verbs and options, bound to `arguments`.
std::unique_ptr<CLI::App> make_parser(Arguments& arguments);

/// Parses, runs, reports. Never throws.
int run_command_line(int argc, char** argv, Cancel& cancel);

/// What each verb works with.
struct Session {
  const Arguments& arguments;
  const Out& out;
  Secrets& secrets;
  const Clock& clock;
  Cancel& cancel;
  std::string command;  ///< as it was typed, for the record
};

/// The project that the arguments name.
std::unique_ptr<app::App> open_app(Session& session);

int init_verb(Session& session);
int check_verb(Session& session);
int plan_verb(Session& session);
int run_verb(Session& session);
int backfill_verb(Session& session);
int test_verb(Session& session);
int query_verb(Session& session);
int table_verb(Session& session);
int ls_verb(Session& session);
int lineage_verb(Session& session);
int runs_verb(Session& session);
int retry_verb(Session& session);
int schema_verb(Session& session);
int health_verb(Session& session);
int completion_verb(Session& session);

/// A time as people write it, in UTC where no offset is given; Error(usage) that names the option.
Time time_argument(const std::string& text, const std::string& option,
                   const std::string& zone = "UTC");

}  // namespace windrow::cli
