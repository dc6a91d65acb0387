#include "cli/maintenance_verbs.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "base/clock.h"
#include "base/id.h"
#include "cli/json_text.h"
#include "cli/text_table.h"
#include "duck/duck.h"
#include "lake/checkpoint.h"
#include "lake/copies.h"
#include "lake/log.h"
#include "lake/log_cleaning.h"
#include "lake/maintenance.h"
#include "lake/optimize.h"
#include "lake/point_in_time.h"
#include "lake/row_removal.h"
#include "lake/stats.h"
#include "lake/traces.h"
#include "lake/vacuum.h"
#include "project/types.h"

namespace windrow::cli {

namespace {

/// What the verbs work with: an instance that may spill, stopped by Ctrl-C.
struct Work {
  explicit Work(Session& s, storage::FileSystem& f, std::string p)
      : session(s), files(f), path(std::move(p)), stop(connection.stop_on(s.interrupts.cancel())) {
    lake::attach(database, files);
  }
  ~Work() {
    std::error_code ignored;
    std::filesystem::remove_all(spill, ignored);
  }

  duck::Options options() const {
    duck::Options out;
    out.spill_folder = spill;
    return out;
  }

  Session& session;
  storage::FileSystem& files;
  const std::string path;
  /// This process's own: DuckDB names the files in it by number.
  const std::string spill =
      (std::filesystem::temp_directory_path() / ("windrow-spill-" + new_uuid())).string();
  duck::Database database{options()};
  duck::Connection connection{database};
  Cancel::Registration stop;
};

int64_t size_argument(const std::string& text, const std::string& option) {
  const auto bytes = project::parse_size(text);
  if (!bytes || *bytes == 0) {
    throw Error(Code::usage, fmt::format("{} \"{}\" is not a size", option, text),
                "write it as 256MB, 1GiB or 2TB");
  }
  return int64_t(*bytes);
}

std::optional<std::chrono::microseconds> retention_argument(const std::string& text) {
  if (text.empty()) return {};
  const auto duration = parse_duration(text);
  if (!duration || duration->count() < 0) {
    throw Error(Code::usage, fmt::format("--retention \"{}\" is not a duration", text),
                "write it as 168h or 7d");
  }
  return duration;
}

void say(const Session& session, const Json& json, const std::string& text) {
  session.out.write(session.out.json() ? dumped(json) : text + "\n");
}

Json sizes_json(const lake::FileSizes& sizes) {
  return {{"files", sizes.files},
          {"bytes", sizes.bytes},
          {"min", sizes.min},
          {"max", sizes.max},
          {"avg", sizes.average()}};
}

void put_version(Json& json, int64_t version) {
  if (version >= 0) json["version"] = version;
}

int optimize(Work& work) {
  const auto& a = work.session.arguments;
  lake::OptimizeOptions options;
  options.where = a.where;
  options.zorder = a.zorder;
  if (!a.target_size.empty()) options.target_bytes = size_argument(a.target_size, "--target-size");
  const auto done =
      lake::optimize(work.files, work.path, work.connection, options, work.session.clock);
  Json json{{"considered", done.considered},      {"skipped", done.skipped},
            {"partitions", done.partitions},      {"commits", done.commits},
            {"dropped_bins", done.bins_dropped},  {"added", sizes_json(done.added)},
            {"removed", sizes_json(done.removed)}};
  put_version(json, done.version);
  if (done.version < 0) {
    say(work.session, json,
        fmt::format("nothing to do: {} of good size", counted(done.considered, "file")));
    return kDone;
  }
  say(work.session, json,
      fmt::format("version {}: {} of {} became {} of {}; {} left as they were", done.version,
                  counted(done.removed.files, "file"), bytes_text(done.removed.bytes),
                  counted(done.added.files, "file"), bytes_text(done.added.bytes),
                  count_text(done.skipped)));
  return kDone;
}

Json vacuumed_json(const lake::Vacuumed& done) {
  Json list = Json::array();
  for (const auto& file : done.files) list.push_back({{"path", file.path}, {"bytes", file.bytes}});
  Json json{{"files", done.files.size()}, {"bytes", done.bytes}, {"removed", list}};
  put_version(json, done.version);
  return json;
}

int vacuum(Work& work) {
  const auto& a = work.session.arguments;
  lake::VacuumOptions options;
  options.retention = retention_argument(a.retention);
  options.force = a.force;
  options.dry_run = a.dry_run;
  const auto done =
      lake::vacuum(work.files, work.path, work.connection, options, work.session.clock);
  Json json = vacuumed_json(done);
  json["dry_run"] = a.dry_run;
  json["retention"] = duration_text(done.retention);
  std::string text;
  if (a.dry_run || work.session.out.verbose()) {
    for (const auto& file : done.files) text += file.path + "\n";
  }
  text += fmt::format("{} of {} {}; retention {}", counted(int64_t(done.files.size()), "file"),
                      bytes_text(done.bytes), a.dry_run ? "would be removed" : "removed",
                      duration_text(done.retention));
  say(work.session, json, text);
  return kDone;
}

std::string condition_of(Work& work, const lake::Snapshot& snapshot) {
  const auto& a = work.session.arguments;
  if (a.where.empty() == a.keys.empty()) {
    throw Error(Code::usage, "erase needs either --where or --key",
                "--key COLUMN=VALUE, repeated for a key of several columns; or --where SQL");
  }
  if (!a.where.empty()) return a.where;
  lake::KeyValues key;
  for (const auto& text : a.keys) key.push_back(pair_argument(text, "--key", "COLUMN=VALUE"));
  return lake::key_condition(snapshot, key);
}

/// Looks for what is left, and changes nothing.
int verify(Work& work, const std::string& condition) {
  const auto& a = work.session.arguments;
  lake::KeyValues key;
  for (const auto& text : a.keys) key.push_back(pair_argument(text, "--key", "COLUMN=VALUE"));
  const auto traces = lake::traces_of(work.files, work.path, work.connection, condition, key);
  Json list = Json::array();
  std::string text;
  for (const auto& trace : traces) {
    list.push_back({{"place", trace.place}, {"what", trace.what}});
    text += trace.place + ": " + trace.what + "\n";
  }
  text += traces.empty() ? "no trace is left: not in a file, nor in the log"
                         : counted(int64_t(traces.size()), "trace") +
                               " left: `windrow table erase --purge` removes files, `windrow table "
                               "clean-log --retention 0s` old entries of the log";
  if (key.empty()) text += "\nstatistics in the log cannot be judged by a condition: use --key";
  say(work.session, {{"clean", traces.empty()}, {"traces", list}, {"log", !key.empty()}}, text);
  return traces.empty() ? kDone : kFailed;
}

int erase(Work& work) {
  const auto& a = work.session.arguments;
  const lake::Table table(work.files, work.path);
  const std::string condition = condition_of(work, table.snapshot({}, &work.connection));
  if (a.verify) return verify(work, condition);
  const auto done = lake::erase_rows(work.files, work.path, work.connection, condition, a.dry_run,
                                     work.session.clock);
  Json json{{"rows", done.rows_removed},
            {"rows_hidden", done.rows_hidden},
            {"files_removed", done.files_removed},
            {"files_rewritten", done.files_rewritten},
            {"dry_run", a.dry_run}};
  put_version(json, done.version);
  std::string text =
      fmt::format("{} {}; {} removed, {} rewritten", counted(done.rows_removed, "row"),
                  a.dry_run ? "would be erased" : "erased", counted(done.files_removed, "file"),
                  counted(done.files_rewritten, "file"));
  if (done.rows_hidden > 0) {
    text += fmt::format("; {} that a deletion vector had hidden", counted(done.rows_hidden, "row"));
  }
  if (a.purge) {
    const auto snapshot = table.snapshot({}, &work.connection);
    auto old = lake::old_files_with(
        work.files, snapshot, work.connection, condition,
        work.session.clock.now() - lake::deleted_file_retention(snapshot.metadata));
    if (a.dry_run) {
      json["purged"] = {{"files", old.size() + done.old_files.size()}};
    } else {
      const auto purged =
          lake::purge(work.files, work.path, work.connection, old, work.session.clock);
      json["purged"] = vacuumed_json(purged);
      text += fmt::format(
          "\n{} of older versions purged ({}); `windrow table clean-log "
          "--retention 0s` also forgets what the log says of them",
          counted(int64_t(purged.files.size()), "file"), bytes_text(purged.bytes));
    }
  } else if (!a.dry_run && done.version >= 0) {
    text +=
        "\nolder versions still hold them: --purge removes their files, else vacuum does after "
        "the retention";
  }
  say(work.session, json, text);
  return kDone;
}

int stats(Work& work) {
  const auto& a = work.session.arguments;
  const auto stats = lake::table_stats(work.files, work.path, work.connection);
  Json json = json_of(stats);
  TextTable text({"", ""}, {});
  const auto line = [&](const char* what, const std::string& value) { text.add({what, value}); };
  line("version", fmt::format("{} of {}", stats.version, short_time(stats.timestamp)));
  line("rows", stats.rows < 0 ? "not known: a file has no statistics" : count_text(stats.rows));
  line("files", fmt::format("{}, {}", count_text(stats.files), bytes_text(stats.bytes)));
  line("small files", fmt::format("{} that optimize would pack", count_text(stats.small_files)));
  if (stats.partitions > 0) line("partitions", count_text(stats.partitions));
  line("removed files", fmt::format("{}, {}, kept for older versions", count_text(stats.tombstones),
                                    bytes_text(stats.tombstoned_bytes)));
  line("log", fmt::format("{} from {} on, {}", counted(stats.versions, "version"),
                          stats.first_version, bytes_text(stats.log_bytes)));
  if (stats.growth) {
    const double rate = stats.growth->bytes_per_day;
    line("growth", fmt::format("{}{} a day, by {} sizes", rate < 0 ? "-" : "",
                               bytes_text(std::llround(std::abs(rate))), stats.growth->points));
  } else {
    line("growth", "not known: its sizes are of less than a day");
  }
  if (!a.capacity.empty()) {
    const int64_t capacity = size_argument(a.capacity, "--capacity");
    json["capacity"] = capacity;
    json["used"] = stats.used();
    const auto days = stats.growth ? lake::days_until(capacity, stats.used(), *stats.growth)
                                   : std::optional<double>();
    if (days) json["days_left"] = std::floor(*days);
    line("capacity", fmt::format("{} of {}; {}", bytes_text(stats.used()), bytes_text(capacity),
                                 days ? "full in " + counted(int64_t(*days), "day")
                                      : "not filled by this trend"));
  }
  if (work.session.out.json()) {
    work.session.out.write(dumped(json));
  } else {
    work.session.out.table(text);
  }
  return kDone;
}

int clean_log(Work& work) {
  const auto& a = work.session.arguments;
  const lake::Table table(work.files, work.path);
  const auto snapshot = table.snapshot({}, &work.connection);
  const auto retention =
      retention_argument(a.retention)
          .value_or(lake::interval_property(snapshot.metadata, "delta.logRetentionDuration",
                                            std::chrono::hours(24 * 30)));
  const Time now = work.session.clock.now(), older_than = now - retention;
  // Without a checkpoint there is nothing that the rest of the log could begin with.
  const auto listing = lake::list_log(work.files, work.path);
  if (snapshot.timestamp <= older_than &&
      (listing.checkpoints.empty() || listing.checkpoints.back().version < snapshot.version)) {
    lake::write_checkpoint(work.files, snapshot, now, work.connection);
  }
  const auto done = lake::clean_log(work.files, work.path, older_than);
  say(work.session, {{"first_version", done.first_kept}, {"files", done.files_removed}},
      fmt::format("{} of the log removed; versions from {} on can be read",
                  counted(done.files_removed, "file"), done.first_kept));
  return kDone;
}

const std::map<std::string, int (*)(Work&)>& verbs() {
  static const std::map<std::string, int (*)(Work&)> all = {{"optimize", optimize},
                                                            {"vacuum", vacuum},
                                                            {"erase", erase},
                                                            {"stats", stats},
                                                            {"clean-log", clean_log}};
  return all;
}

}  // namespace

bool is_maintenance(const std::string& verb) { return verbs().contains(verb); }

int maintain(Session& session, storage::FileSystem& files, const std::string& path) {
  Work work(session, files, path);
  return verbs().at(session.arguments.sub_verb)(work);
}

int clone_table(Session& session, storage::FileSystem& files, const std::string& from,
                const std::string& to) {
  Work work(session, files, from);
  const auto& a = session.arguments;
  std::optional<int64_t> version = a.version;
  if (!a.at.empty())
    version =
        lake::version_at(lake::Table(files, from), time_in_project(session, a.at, "--at"), a.uri);
  const auto done = lake::clone(files, from, to, work.connection, version, session.clock);
  say(session,
      {{"source_version", done.source_version}, {"files", done.files}, {"bytes", done.bytes}},
      fmt::format("\"{}\" reads {} ({}) of version {} of \"{}\"; nothing was copied", to,
                  counted(done.files, "file"), bytes_text(done.bytes), done.source_version, from));
  return kDone;
}

}  // namespace windrow::cli
