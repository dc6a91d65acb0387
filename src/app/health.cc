#include <fmt/format.h>
#include <unistd.h>

#include <set>

#include "app/app_impl.h"
#include "publish/store.h"

namespace windrow::app {

namespace {

constexpr uint64_t kLittleSpace = 1ull << 30;

std::string gigabytes(uint64_t bytes) { return fmt::format("{:.1f} GB", double(bytes) / 1e9); }

}  // namespace

std::vector<HealthLine> AppImpl::health() {
  std::vector<HealthLine> out;
  const auto look = [&](const std::string& what, const std::function<std::string()>& work) {
    HealthLine line;
    line.what = what;
    try {
      line.finding = work();
    } catch (const Error& error) {
      line.ok = false;
      line.finding = error.problem().message;
      line.hint = error.problem().hint;
    }
    out.push_back(std::move(line));
  };
  look("project", [&] {
    check();
    return fmt::format("{}: {} sources, {} models, {} publications", project_.name,
                       project_.sources.size(), project_.models.size(),
                       project_.publications.size());
  });
  look("lake", [&]() -> std::string {
    auto* lake = lake_if_there();
    if (!lake) return "not written to yet: " + environment_.lake;
    const std::string probe = lake->root() + "/_windrow/.tmp-health-" + std::to_string(::getpid());
    files_->put(probe, "x");
    files_->remove(probe);
    return fmt::format("{} ({} tables)", lake->root(), lake->tables().size());
  });
  look("disk", [&]() -> std::string {
    const auto space = files_->space_left(project_.root);
    if (space && *space < kLittleSpace) {
      throw Error(Code::full, gigabytes(*space) + " free", "free some space before the next run");
    }
    return space ? gigabytes(*space) + " free" : "no bound known";
  });
  if (auto* lake = lake_if_there()) {
    for (const auto& name : lake->tables()) {
      look("table " + name, [&] {
        duck::Connection connection(database_);
        const auto table = lake->table(name);
        const auto snapshot = table.snapshot({}, &connection);
        const bool ours = project_.model(name) != nullptr;
        if (ours && table.provenance().history_lost) {
          throw Error(
              Code::history_lost, "history lost: another program cleaned its log",
              "windrow run --full-refresh --select " + name + ", or windrow plan --accept " + name);
        }
        for (const auto& add : snapshot.files) {
          if (!files_->stat(snapshot.file_path(add))) {
            throw Error(
                Code::corrupt, "a data file is missing: " + snapshot.file_path(add),
                "windrow table restore an older version, or rebuild it with --full-refresh");
          }
        }
        return fmt::format("version {}, {} files", snapshot.version, snapshot.files.size());
      });
    }
  }
  for (const auto& [name, connection] : project_.connections) {
    look("connection " + name, [&, &connection = connection]() -> std::string {
      static const std::set<std::string> stores = {"sqlite", "duckdb", "postgres", "mongodb",
                                                   "files"};
      if (!stores.contains(connection.type))
        return "of the type " + connection.type + ", which is not looked at";
      return publish::open_store(connection, project_.root, *files_, clock_)->health();
    });
  }
  for (auto& line : out) {
    line.finding = secrets_.redact(line.finding);
    line.hint = secrets_.redact(line.hint);
  }
  return out;
}

}  // namespace windrow::app
