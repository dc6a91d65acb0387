#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <set>

#include "app/kinds.h"
#include "app/run_tasks.h"
#include "app/work.h"
#include "base/clock.h"
#include "duck/duck.h"
#include "run/resources.h"

/// Everything that a run needs, looked at before one: files of the project, folders, lake, tables,
/// connections, sources. Nothing is changed; a probe is written and removed where writing counts.
namespace windrow::app {

namespace {

constexpr uint64_t kLittleSpace = 1ull << 30;
/// Each client gives up earlier than that, by its own time-outs; all of them are asked at once.
constexpr std::chrono::seconds kLookLongest{20};

std::string gigabytes(uint64_t bytes) { return fmt::format("{:.1f} GB", double(bytes) / 1e9); }

std::string counted(size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

bool on_disk(const std::string& path) { return path.find("://") == std::string::npos; }

/// The folder itself, or the nearest above it that is there.
std::filesystem::path nearest(std::filesystem::path path) {
  std::error_code ignored;
  while (!std::filesystem::exists(path, ignored) && path.has_parent_path() &&
         path != path.parent_path())
    path = path.parent_path();
  return path;
}

/// Error where nothing can be written to the folder, or could be if it were made.
void check_writable(const std::string& folder) {
  const auto there = nearest(folder);
  if (!std::filesystem::is_directory(there)) {
    throw Error(Code::configuration, "\"" + there.string() + "\" is a file, and a folder is needed",
                "move the file away, or name another folder");
  }
  if (::access(there.c_str(), W_OK | X_OK) != 0) {
    throw Error(
        Code::permission, "\"" + there.string() + "\" may not be written to",
        "let the user who runs windrow write there: chown or chmod u+w \"" + there.string() + "\"");
  }
}

void probe(storage::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/.tmp-health-" + std::to_string(::getpid());
  files.put(path, "x");
  files.remove(path);
}

/// What to do, where an error does not say it itself.
std::string usual_hint(Code code) {
  switch (code) {
    case Code::unavailable:
    case Code::timeout: return "see whether it runs, and can be reached from this machine";
    case Code::permission: return "see to the right of the user that is given";
    case Code::not_found: return "see to the name, or make it";
    case Code::full: return "free some space";
    case Code::corrupt: return "bring back a good copy: a backup, or an older version";
    case Code::internal: return "this is a bug of windrow: please report it";
    default: return "see to its settings in windrow.yaml and in the file that uses it";
  }
}

/// One look and what came of it; a request to stop goes on.
HealthLine looked(const std::string& what, const std::function<std::string()>& work) {
  HealthLine line;
  line.what = what;
  try {
    line.finding = work();
  } catch (const Error& error) {
    if (error.code() == Code::canceled) throw;
    line.ok = false;
    line.finding = error.problem().message;
    if (error.problem().place.known()) line.finding += " (" + error.problem().place.text() + ")";
    line.hint = error.problem().hint.empty() ? usual_hint(error.code()) : error.problem().hint;
  }
  return line;
}

}  // namespace

void Work::look_at_folders(const HealthLook& look) {
  look("folder " + project_.state_folder(), [&]() -> std::string {
    check_writable(project_.state_folder());
    return "can be written to";
  });
  look("engine", [&]() -> std::string {
    const auto& settings = environment_.engine;
    const std::string spill =
        settings.spill.empty() ? project_.state_folder() + "/spill" : settings.spill;
    check_writable(spill);
    const uint64_t memory = machine_memory();
    if (memory && settings.memory_bytes > memory) {
      throw Error(Code::configuration,
                  fmt::format("memory: {} of a machine that has {}",
                              gigabytes(settings.memory_bytes), gigabytes(memory)),
                  "set `engine: {memory: …}` of the environment to three quarters of it or less");
    }
    return fmt::format("{} of {} of memory, spills to {}",
                       gigabytes(settings.memory_bytes ? settings.memory_bytes : memory / 4 * 3),
                       gigabytes(memory), spill);
  });
  std::set<std::string> disks = {project_.root};
  if (on_disk(environment_.lake)) disks.insert(nearest(environment_.lake).string());
  for (const auto& folder : disks) {
    look("disk of " + folder, [&]() -> std::string {
      const auto space = files_->space_left(folder);
      if (space && *space < kLittleSpace) {
        throw Error(Code::full, gigabytes(*space) + " free", "free some space before the next run");
      }
      return space ? gigabytes(*space) + " free" : "no bound known";
    });
  }
}

std::string Work::lake_health() {
  if (auto* lake = lake_if_there()) {
    probe(*files_, lake->root() + "/_windrow");
    return fmt::format("{} ({})", lake->root(), counted(lake->tables().size(), "table"));
  }
  if (on_disk(environment_.lake)) {
    check_writable(environment_.lake);
  } else {
    probe(*files_, environment_.lake);
  }
  return "not written to yet, and could be: " + environment_.lake;
}

std::string Work::table_health(lake::Lake& lake, const std::string& name) {
  duck::Connection connection(database_);
  const auto table = lake.table(name);
  const auto snapshot = table.snapshot({}, &connection);
  const bool ours = project_.model(name) != nullptr;
  if (ours && table.provenance().history_lost) {
    throw Error(
        Code::history_lost, "history lost: another program cleaned its log",
        "windrow run --full-refresh --select " + name + ", or windrow plan --accept " + name);
  }
  std::set<std::string> there;  // one listing instead of a request for each file
  if (!snapshot.files.empty())
    for (const auto& file : files_->list_tree(table.path())) there.insert(file.path);
  for (const auto& add : snapshot.files) {
    const auto path = snapshot.file_path(add);
    if (there.contains(path) || files_->stat(path)) continue;
    throw Error(Code::corrupt, "a data file is missing: " + path,
                "windrow table restore an older version, or rebuild it with --full-refresh");
  }
  return fmt::format("version {}, {}", snapshot.version, counted(snapshot.files.size(), "file"));
}

std::string Work::connection_health(const std::string& name,
                                    const project::Connection& connection) {
  const bool published_to = std::any_of(project_.publications.begin(), project_.publications.end(),
                                        [&](const auto& each) { return each.to.value == name; });
  const auto* read_from = kinds().sources.look_at(connection.type);
  if (read_from && !published_to) return (*read_from)(project_, connection, cancel_);
  try {
    return kinds().stores.open(connection, surroundings())->health();
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
    return "of the type " + connection.type + ", which this version does not use";
  }
}

void Work::look_outside(std::vector<HealthLine>& out) {
  std::vector<std::pair<std::string, std::function<std::string()>>> looks;
  for (const auto& [name, connection] : project_.connections) {
    looks.emplace_back("connection " + name, [this, &name = name, &connection = connection] {
      const std::string exposed = connection_exposure(connection);
      return connection_health(name, connection) + (exposed.empty() ? "" : "; " + exposed);
    });
  }
  const sources::Context context{project_, project_.root, clock_.now(), files_, &cancel_, &shared_};
  for (const auto& source : project_.sources) {
    looks.emplace_back("source " + source.name, [this, &source, context] {
      return kinds().sources.of(source).look(source, context, cancel_);
    });
  }
  std::vector<std::future<HealthLine>> under_way;
  for (const auto& [what, work] : looks) {
    std::packaged_task<HealthLine()> task(
        [what = what, work = work] { return looked(what, work); });
    under_way.push_back(task.get_future());
    looks_.emplace_back(std::move(task));  // joined when the work goes
  }
  const auto until = std::chrono::steady_clock::now() + kLookLongest;
  for (size_t i = 0; i < looks.size(); ++i) {
    if (under_way[i].wait_until(until) == std::future_status::ready) {
      out.push_back(under_way[i].get());
    } else {
      out.push_back({looks[i].first, false, "no answer yet", usual_hint(Code::timeout)});
    }
  }
}

std::vector<HealthLine> Work::health() {
  std::vector<HealthLine> out;
  const HealthLook look = [&](const std::string& what, const std::function<std::string()>& work) {
    out.push_back(looked(what, work));
  };
  look("project", [&] {
    check();
    return fmt::format("{}: {}, {}, {}", project_.name, counted(project_.sources.size(), "source"),
                       counted(project_.models.size(), "model"),
                       counted(project_.publications.size(), "publication"));
  });
  look_at_folders(look);
  look("lake", [&] {
    const std::string exposed = lake_exposure();
    return lake_health() + (exposed.empty() ? "" : "; " + exposed);
  });
  if (out.back().ok) {
    if (auto* lake = lake_if_there()) {
      for (const auto& name : lake->tables())
        look("table " + name, [&] { return table_health(*lake, name); });
    }
  }
  look_outside(out);
  for (const auto& state : services_->resources().open_breakers()) {
    const auto name = state.connection.substr(state.connection.rfind('/') + 1);
    if (state.connection != shared_name(project_, name)) continue;  // of another project
    look("breaker of " + name, [&]() -> std::string {
      throw Error(
          Code::unavailable,
          fmt::format("open: {} failures in a row, its tasks wait ({})", state.failures, state.why),
          "one task tries it again soon; see whether its server runs");
    });
  }
  for (auto& line : out) {
    line.finding = secrets_.redact(line.finding);
    line.hint = secrets_.redact(line.hint);
  }
  return out;
}

}  // namespace windrow::app
