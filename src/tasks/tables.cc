#include "tasks/tables.h"

namespace windrow::tasks {

Tables::Tables(const lake::Lake* lake, const lake::Lake* deferred, duck::Database& database)
    : lake_(lake), deferred_(deferred), database_(database) {}

Tables::Entry& Tables::looked_at(const std::string& table) {
  Entry& entry = entries_[table];
  if (entry.exists) return entry;
  entry.exists = lake_ && lake_->table(table).exists();
  if (!*entry.exists && deferred_ && deferred_->table(table).exists()) {
    entry.exists = true;
    entry.deferred = true;
  }
  return entry;
}

lake::Table Tables::table_of(const std::string& name, const Entry& entry) const {
  return (entry.deferred ? deferred_ : lake_)->table(name);
}

bool Tables::exists(const std::string& table) {
  std::lock_guard lock(mutex_);
  return *looked_at(table).exists;
}

bool Tables::own(const std::string& table) {
  std::lock_guard lock(mutex_);
  const Entry& entry = looked_at(table);
  return *entry.exists && !entry.deferred;
}

lake::InputVersion Tables::version(const std::string& table) {
  std::lock_guard lock(mutex_);
  Entry& entry = looked_at(table);
  if (!entry.pinned) entry.pinned = table_of(table, entry).identity();
  return *entry.pinned;
}

lake::ProvenanceState Tables::provenance(const std::string& table) {
  if (!lake_) return {};
  const auto own = lake_->table(table);
  return own.exists() ? own.provenance() : lake::ProvenanceState{};
}

lake::Table Tables::table(const std::string& name) {
  std::lock_guard lock(mutex_);
  return table_of(name, looked_at(name));
}

lake::ChangedIntervals Tables::changes(const std::string& table, int64_t from, int64_t to,
                                       const std::string& expression, const Grain& grain) {
  duck::Connection connection(database_);
  return lake::changed_intervals(this->table(table), from, to, expression, grain, connection);
}

lake::ChangedIntervals Tables::changes(const std::string& table, int64_t from, int64_t to) {
  return lake::changed_files(this->table(table), from, to);
}

bool Tables::same_meaning(const std::string& model, const lake::Provenance& recorded) {
  // The same engine would have given the same fingerprint: only a text of another one is worth a
  // second look.
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
  entries_[name].snapshot = made;
  return made;
}

std::optional<std::vector<duck::Column>> Tables::columns(const std::string& name) {
  if (!exists(name)) return {};
  std::vector<duck::Column> out;
  for (const auto& field : snapshot(name)->schema.fields)
    out.push_back({field.name, lake::duck_type(field.type)});
  return out;
}

void Tables::moved(const std::string& table, int64_t version) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[table];
  const std::string known =
      entry.pinned && !entry.deferred ? entry.pinned->table_id : std::string();
  entry = Entry{};
  entry.exists = true;
  entry.pinned =
      lake::InputVersion{known.empty() ? lake_->table(table).identity().table_id : known, version};
}

void Tables::forget(const std::string& table) {
  std::lock_guard lock(mutex_);
  entries_.erase(table);
}

}  // namespace windrow::tasks
