#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"
#include "lake/lake.h"
#include "lake/schema.h"
#include "plan/plan.h"
#include "sql/sql.h"
#include "tasks/sample.h"

namespace windrow::tasks {

/// The tables that a run reads, each pinned to one version: the one of the first look, or what this
/// run committed since. A table that this environment lacks is read from another one's lake where
/// there is one (--defer). Safe from any thread.
class Tables final : public plan::World {
 public:
  /// `lake` may be nothing: it was never written to, so nothing exists. `cache` remembers the
  /// columns of versions; with `files` they are read without the tables' files.
  Tables(const lake::Lake* lake, const lake::Lake* deferred, duck::Database& database,
         sql::Cache* cache = nullptr, storage::FileSystem* files = nullptr);
  ~Tables() override;

  /// Looks at all of these at once, by several threads, and keeps also how they were built: for a
  /// plan, which is of one moment. A table that does not read is left to be told when it is asked
  /// for.
  void look_at(const std::vector<std::string>& names);

  bool exists(const std::string& table) override;
  bool own(const std::string& table) override;
  std::string sample(const std::string& table) override;
  lake::InputVersion version(const std::string& table) override;
  lake::ProvenanceState provenance(const std::string& table) override;
  lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to,
                                 const std::string& expression, const Grain& grain) override;
  lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to) override;
  std::optional<int64_t> taken_by_retention(const std::string& table, int64_t from,
                                            int64_t to) override;
  bool same_meaning(const std::string& model, const lake::Provenance& recorded) override;

  /// Where a table is read from.
  lake::Table table(const std::string& name);
  /// At its pinned version. Kept, so that the many readers of a table do not each replay its log.
  std::shared_ptr<const lake::Snapshot> snapshot(const std::string& name);
  /// The same name's columns, or nothing where there is no such table.
  std::optional<std::vector<Column>> columns(const std::string& name);

  /// From now on what another environment lends is read as a sample, but for its seeds and what is
  /// small.
  void thin(const Sample& sample) { sample_ = sample; }
  /// Rows of the table: all of them, or those that are in the sample.
  lake::Relation sampled(const std::string& name, const lake::Relation& rows);
  /// The tables that were thinned so far.
  std::vector<std::string> thinned_tables();

  /// Tables that still lie under another name: now → then. They are read there.
  void formerly(std::map<std::string, std::string> names);
  /// Where a table still lies under another name.
  std::optional<std::string> former_name(const std::string& table);
  /// It has taken over what lay under its former name.
  void took_over(const std::string& table);

  /// This run committed, with this `sample` in the record: from now on it is read at this version.
  void moved(const std::string& table, int64_t version, const std::string& sample = {});
  /// Forgets a pin: another run was faster.
  void forget(const std::string& table);

  /// Whether a model's recorded fingerprint is what it would be under its inputs' former names.
  std::function<bool(const std::string& model, const lake::Provenance& recorded)>
      same_but_for_names;
  /// How a definition kept by its hash is compared with today's; given by who knows the models.
  std::function<bool(const std::string& model, const std::string& old_text)> compare_texts;

 private:
  /// Where a table was found at the first look.
  struct Home {
    bool exists = false, deferred = false;
  };
  struct Entry {
    std::optional<Home> home;
    std::optional<lake::InputVersion> pinned;
    std::optional<std::string> sample;  ///< of its record, where that was looked at
    Time committed;                     ///< of the pinned version, where it was looked at
    std::shared_ptr<const lake::ProvenanceState> provenance;  ///< where it was looked at
    std::shared_ptr<const lake::Snapshot> snapshot;
  };
  /// What is known already. Logs are read without the lock: whoever is first decides for all.
  Entry known(const std::string& table);
  Home home_of(const std::string& table);
  /// Whether a sample of it is read.
  bool thins(const std::string& table);
  Entry entry_from_log(const std::string& name);
  lake::Schema schema_of(const std::string& name, int64_t version);
  Time committed_at(const std::string& name, int64_t version);
  lake::Table table_in(const Home& home, const std::string& name);
  /// In this environment's own lake, by the name that it has there.
  lake::Table own_table(const std::string& name);

  const lake::Lake* lake_;
  const lake::Lake* deferred_;
  duck::Database& database_;
  sql::Cache* cache_;
  storage::FileSystem* files_;
  std::optional<Sample> sample_;
  std::unique_ptr<duck::Connection>
      spare_;  ///< for looks at many tables: opening one costs as much
  std::mutex mutex_;
  std::set<std::string> thinned_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> former_;
};

}  // namespace windrow::tasks
