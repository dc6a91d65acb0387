#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lake/lake.h"
#include "plan/plan.h"
#include "sql/sql.h"

namespace windrow::tasks {

/// The tables that a run reads, each pinned to one version: the one of the first look, or what this
/// run committed since. A table that this environment lacks is read from another one's lake where
/// there is one (--defer). Safe from any thread.
class Tables final : public plan::World {
 public:
  /// `lake` may be nothing: it was never written to, so nothing exists.
  Tables(const lake::Lake* lake, const lake::Lake* deferred, duck::Database& database);

  bool exists(const std::string& table) override;
  bool own(const std::string& table) override;
  lake::InputVersion version(const std::string& table) override;
  lake::ProvenanceState provenance(const std::string& table) override;
  lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to,
                                 const std::string& expression, const Grain& grain) override;
  lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to) override;
  bool same_meaning(const std::string& model, const lake::Provenance& recorded) override;

  /// Where a table is read from.
  lake::Table table(const std::string& name);
  /// At its pinned version. Kept, so that the many readers of a table do not each replay its log.
  std::shared_ptr<const lake::Snapshot> snapshot(const std::string& name);
  /// The same name's columns, or nothing where there is no such table.
  std::optional<std::vector<duck::Column>> columns(const std::string& name);

  /// This run committed: from now on it is read at this version.
  void moved(const std::string& table, int64_t version);
  /// Forgets a pin: another run was faster.
  void forget(const std::string& table);

  /// How a definition kept by its hash is compared with today's; given by who knows the models.
  std::function<bool(const std::string& model, const std::string& old_text)> compare_texts;

 private:
  struct Entry {
    std::optional<bool> exists;
    bool deferred = false;
    std::optional<lake::InputVersion> pinned;
    std::shared_ptr<const lake::Snapshot> snapshot;
  };
  Entry& looked_at(const std::string& table);  // under mutex_
  lake::Table table_of(const std::string& name, const Entry& entry) const;

  const lake::Lake* lake_;
  const lake::Lake* deferred_;
  duck::Database& database_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace windrow::tasks
