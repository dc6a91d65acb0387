#include "tasks/tables.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/hash.h"
#include "duck/duck.h"
#include "lake/table.h"
#include "lake/table_schema.h"

namespace windrow::tasks {

namespace {

constexpr size_t kLookersMax = 4;     // on a far lake they wait, on local disk they compute
constexpr size_t kLooksAThread = 16;  // fewer are not worth a thread

std::string columns_key(const lake::InputVersion& version, Time committed) {
  sql::Fields out;
  out.add("columns of a version");
  out.add(version.table_id);
  out.add_number(size_t(version.version));
  out.add_number(size_t(micros(committed)));
  return sha256(out.take());
}

std::string sample_in(const lake::ProvenanceState& state) {
  return state.last ? state.last->sample : "";
}

}  // namespace

Tables::Tables(const lake::Lake* lake, const lake::Lake* deferred, duck::Database& database,
               sql::Cache* cache, storage::FileSystem* files)
    : lake_(lake), deferred_(deferred), database_(database), cache_(cache), files_(files) {}

Tables::~Tables() = default;

void Tables::look_at(const std::vector<std::string>& names) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < names.size();) {
      try {
        auto entry = entry_from_log(names[i]);
        std::lock_guard lock(mutex_);
        entries_.try_emplace(names[i], std::move(entry));
      } catch (const Error&) {
        // Told when it is asked for: not every plan needs every table.
      }
    }
  };
  const size_t lookers = std::min(kLookersMax, names.size() / kLooksAThread);
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < lookers; ++i) threads.emplace_back(work);
  work();
}

Tables::Entry Tables::entry_from_log(const std::string& name) {
  Entry entry;
  entry.home = Home{};
  auto state = lake_ ? own_table(name).state() : std::nullopt;
  if (state) entry.sample = sample_in(state->provenance);
  entry.provenance = std::make_shared<const lake::ProvenanceState>(
      state ? std::move(state->provenance) : lake::ProvenanceState{});
  if (!state && deferred_) {
    state = deferred_->table(name).state();
    entry.home->deferred = state.has_value();
    if (state) entry.sample = sample_in(state->provenance);
  }
  if (!state) return entry;
  entry.home->exists = true;
  entry.pinned = std::move(state->identity);
  entry.committed = state->committed;
  return entry;
}

Tables::Entry Tables::known(const std::string& table) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(table);
  return found == entries_.end() ? Entry{} : found->second;
}

Tables::Home Tables::home_of(const std::string& table) {
  if (const auto home = known(table).home) return *home;
  Home home;
  home.exists = lake_ && own_table(table).exists();
  if (!home.exists && deferred_ && deferred_->table(table).exists())
    home.exists = home.deferred = true;
  std::lock_guard lock(mutex_);
  auto& first = entries_[table].home;
  if (!first) first = home;
  return *first;
}

lake::Table Tables::table_in(const Home& home, const std::string& name) {
  return home.deferred ? deferred_->table(name) : own_table(name);
}

lake::Table Tables::own_table(const std::string& name) {
  return lake_->table(former_name(name).value_or(name));
}

void Tables::formerly(std::map<std::string, std::string> names) {
  std::lock_guard lock(mutex_);
  former_ = std::move(names);
}

std::optional<std::string> Tables::former_name(const std::string& table) {
  std::lock_guard lock(mutex_);
  const auto found = former_.find(table);
  return found == former_.end() ? std::nullopt : std::optional<std::string>(found->second);
}

void Tables::took_over(const std::string& table) {
  std::lock_guard lock(mutex_);
  former_.erase(table);
  entries_.erase(table);  // what was read of it lies elsewhere now
}

bool Tables::exists(const std::string& table) { return home_of(table).exists; }

bool Tables::own(const std::string& table) {
  const Home home = home_of(table);
  return home.exists && !home.deferred;
}

bool Tables::thins(const std::string& table) {
  if (!sample_ || !home_of(table).deferred || table.starts_with("seeds.")) return false;
  const int64_t rows = snapshot(table)->rows();
  return rows < 0 || rows > kRowsReadWhole;
}

std::string Tables::sample(const std::string& table) {
  if (thins(table)) return sample_->text;
  version(table);  // tells it beside
  return known(table).sample.value_or("");
}

lake::Relation Tables::sampled(const std::string& name, const lake::Relation& rows) {
  if (!thins(name)) return rows;
  {
    std::lock_guard lock(mutex_);
    thinned_.insert(name);
  }
  return thinned(rows, *snapshot(name), *sample_);
}

std::vector<std::string> Tables::thinned_tables() {
  std::lock_guard lock(mutex_);
  return {thinned_.begin(), thinned_.end()};
}

lake::InputVersion Tables::version(const std::string& table) {
  if (const auto pinned = known(table).pinned) return *pinned;
  const auto there = table_in(home_of(table), table);
  const auto state = there.state();
  const auto found = state ? state->identity : there.identity();
  std::lock_guard lock(mutex_);
  auto& entry = entries_[table];
  if (!entry.pinned) {
    entry.pinned = found;
    entry.sample = state ? sample_in(state->provenance) : "";
  }
  return *entry.pinned;
}

lake::ProvenanceState Tables::provenance(const std::string& table) {
  if (const auto looked_at = known(table).provenance) return *looked_at;
  if (!lake_) return {};
  auto state = own_table(table).state();
  return state ? std::move(state->provenance) : lake::ProvenanceState{};
}

lake::Table Tables::table(const std::string& name) { return table_in(home_of(name), name); }

lake::ChangedIntervals Tables::changes(const std::string& table, int64_t from, int64_t to,
                                       const std::string& expression, const Grain& grain) {
  duck::Connection connection(database_);
  return lake::changed_intervals(this->table(table), from, to, expression, grain, connection);
}

lake::ChangedIntervals Tables::changes(const std::string& table, int64_t from, int64_t to) {
  return lake::changed_files(this->table(table), from, to);
}

std::optional<int64_t> Tables::taken_by_retention(const std::string& table, int64_t from,
                                                  int64_t to) {
  return lake::taken_by_retention(this->table(table), from, to);
}

bool Tables::same_meaning(const std::string& model, const lake::Provenance& recorded) {
  // The same engine would have given the same fingerprint: only a text of another one is worth a
  // second look.
  if (same_but_for_names && same_but_for_names(model, recorded)) return true;
  if (!lake_ || !compare_texts || recorded.dialect == "duckdb " + duck::version()) return false;
  const auto text = lake_->definition(recorded.text_hash);
  return text && compare_texts(model, *text);
}

std::shared_ptr<const lake::Snapshot> Tables::snapshot(const std::string& name) {
  const auto pinned = version(name);
  {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[name];
    if (entry.snapshot && entry.snapshot->version == pinned.version) return entry.snapshot;
  }
  duck::Connection connection(database_);
  auto made =
      std::make_shared<const lake::Snapshot>(table(name).snapshot(pinned.version, &connection));
  std::lock_guard lock(mutex_);
  auto& first = entries_[name].snapshot;
  if (!first || first->version != pinned.version) first = made;
  return first;
}

Time Tables::committed_at(const std::string& name, int64_t version) {
  if (const auto looked_at = known(name).committed; looked_at != Time{}) return looked_at;
  try {
    const auto info = table(name).commits(version - 1, version).front().info;
    return info ? time_from_micros(info->timestamp * 1000) : Time{};
  } catch (const Error&) {
    return {};  // only a checkpoint is left: nothing is remembered of it
  }
}

lake::Schema Tables::schema_of(const std::string& name, int64_t version) {
  if (!files_) return snapshot(name)->schema;
  std::unique_ptr<duck::Connection> connection;
  {
    std::lock_guard lock(mutex_);
    const auto& held = entries_[name].snapshot;
    if (held && held->version == version) return held->schema;
    connection = std::move(spare_);
  }
  if (!connection) connection = std::make_unique<duck::Connection>(database_);
  auto schema = lake::schema_at(*files_, table(name).path(), version, *connection);
  std::lock_guard lock(mutex_);
  spare_ = std::move(connection);
  return schema;
}

std::optional<std::vector<Column>> Tables::columns(const std::string& name) {
  if (!exists(name)) return {};
  const auto pinned = version(name);
  const auto committed = committed_at(name, pinned.version);
  // A lake that was put back from a copy may give the same version to another commit, but hardly at
  // the same moment.
  const bool remembered = cache_ && committed != Time{};
  const std::string key = remembered ? columns_key(pinned, committed) : "";
  if (remembered) {
    if (auto found = sql::cached_columns(*cache_, key)) return found;
  }
  std::vector<Column> out;
  for (const auto& field : schema_of(name, pinned.version).fields)
    out.push_back({field.name, lake::duck_type(field.type)});
  if (remembered) sql::cache_columns(*cache_, key, out);
  return out;
}

void Tables::moved(const std::string& table, int64_t version, const std::string& sample) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[table];
  const std::string known =
      entry.pinned && entry.home && !entry.home->deferred ? entry.pinned->table_id : std::string();
  entry = Entry{};
  entry.home = Home{true, false};
  entry.pinned =
      lake::InputVersion{known.empty() ? lake_->table(table).identity().table_id : known, version};
  entry.sample = sample;
}

void Tables::forget(const std::string& table) {
  std::lock_guard lock(mutex_);
  entries_.erase(table);
}

}  // namespace windrow::tasks
