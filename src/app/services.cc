#include "app/services.h"

#include <fmt/format.h>
#include <unistd.h>

#include "app/homes.h"
#include "base/clock.h"
#include "duck/functions.h"
#include "lake/table.h"
#include "operators/operators.h"
#include "storage/private_file.h"

namespace windrow::app {

namespace {

duck::Options metadata_options(const std::string& zone) {
  duck::Options out;
  out.threads = 2;
  out.zone = zone;
  out.memory_bytes = 512ull << 20;
  return out;
}

bool same(const project::Environment& a, const project::Environment& b) {
  return a.name == b.name && a.lake == b.lake && a.engine.type == b.engine.type &&
         a.engine.memory_bytes == b.engine.memory_bytes && a.engine.threads == b.engine.threads &&
         a.engine.spill == b.engine.spill;
}

}  // namespace

uint64_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGE_SIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size) : uint64_t(2) << 30;
}

std::optional<std::string> Services::Settings::variable(const std::string& name) const {
  const auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional(found->second);
}

bool Services::Settings::same_as(const Settings& other) const {
  return project == other.project && state_folder == other.state_folder && zone == other.zone &&
         same(environment, other.environment) &&
         deferred.has_value() == other.deferred.has_value() &&
         (!deferred || same(*deferred, *other.deferred)) && variables == other.variables;
}

Services::Services(Settings settings, Secrets& secrets, const Clock& clock,
                   std::shared_ptr<run::Resources> resources)
    : settings_(std::move(settings)),
      secrets_(secrets),
      clock_(clock),
      files_(
          all_homes([this](const std::string& name) { return settings_.variable(name); }, secrets)),
      sql_cache_(settings_.state_folder + "/sql.cache"),
      resources_(resources ? std::move(resources) : std::make_shared<run::Resources>(clock)),
      task_notes_(settings_.state_folder + "/tasks.db") {
  // An older version made these folders for others too.
  for (const char* part : {"", "/logs", "/spill"}) storage::narrow(settings_.state_folder + part);
  shared_.secrets = &secrets_;
}

std::shared_ptr<duck::Database> Services::database() {
  std::lock_guard lock(database_mutex_);
  if (!database_) database_ = new_database();
  return database_;
}

std::shared_ptr<duck::Database> Services::new_database() {
  auto out = std::make_shared<duck::Database>(metadata_options(settings_.zone));
  lake::attach(*out, *files_);
  duck::add_text_functions(*out, operators::functions());
  return out;
}

void Services::rest() {
  std::lock_guard lock(database_mutex_);
  database_ = nullptr;
}

std::unique_ptr<lake::Lake> Services::open_lake(const project::Environment& environment,
                                                bool create) {
  if (!create && !files_->stat(environment.lake + "/_windrow/lake.json")) return nullptr;
  return std::make_unique<lake::Lake>(lake::Lake::open(*files_, environment.lake, settings_.project,
                                                       environment.name, create, clock_.now()));
}

lake::Lake* Services::lake_if_there() {
  std::lock_guard lock(lake_mutex_);
  if (!lake_) lake_ = open_lake(settings_.environment, false);
  return lake_.get();
}

lake::Lake& Services::lake() {
  std::lock_guard lock(lake_mutex_);
  if (!lake_) lake_ = open_lake(settings_.environment, true);
  return *lake_;
}

lake::Lake* Services::deferred() {
  if (!settings_.deferred) return nullptr;
  std::lock_guard lock(lake_mutex_);
  if (!deferred_) deferred_ = open_lake(*settings_.deferred, false);
  if (!deferred_) {
    throw Error(
        Code::not_found,
        fmt::format("environment \"{}\" has no lake yet to read from", settings_.deferred->name),
        "run it first, or leave --defer out");
  }
  return deferred_.get();
}

engine::DuckEngine& Services::inside() {
  std::lock_guard lock(engine_mutex_);
  if (!inside_) inside_ = open_inside(settings_.environment.engine.threads);
  return *inside_;
}

std::unique_ptr<engine::DuckEngine> Services::open_inside(int threads) const {
  const auto& engine = settings_.environment.engine;
  duck::Options out;
  out.memory_bytes = engine.memory_bytes ? engine.memory_bytes : machine_memory() / 4 * 3;
  out.threads = threads;
  out.zone = settings_.zone;
  out.spill_folder = engine.spill.empty() ? settings_.state_folder + "/spill" : engine.spill;
  storage::make_private_folder(out.spill_folder);
  return engine::duckdb_engine(out, *files_, operators::functions());
}

history::History& Services::history() {
  std::lock_guard lock(history_mutex_);
  if (!history_) {
    history_ = std::make_unique<history::History>(settings_.state_folder + "/history.db");
    recorder_.emplace(*history_);
  }
  return *history_;
}

history::Recorder& Services::recorder() {
  history();
  return *recorder_;
}

}  // namespace windrow::app
