#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/rows.h"
#include "lake/change_data.h"
#include "lake/fates.h"
#include "lake/rewrite.h"

namespace windrow::lake {

/// Private to lake/: what all ways of staging share. Knows the table before, the schema after, and
/// writes files.
class Stager {
 public:
  /// `extra` columns are added to the SELECT's by the way of staging (valid_from, …).
  Stager(const StageContext& context, const Relation& select, const Parameters& parameters,
         const std::vector<Column>& extra = {});

  const StageContext& context() const { return context_; }
  RowWork& rows() const { return context_.rows; }
  const Parameters& parameters() const { return parameters_; }
  const Schema& schema() const { return staged_.schema; }
  /// The SELECT with exactly the columns and types of the schema after (without the extra ones).
  const Relation& conforming() const { return conforming_; }
  /// The table before with the schema after, or one without files.
  const Snapshot& before() const { return before_; }

  /// Rows that are computed once. Gives what stands for them in FROM.
  std::string materialize(const std::string& name, const Relation& select,
                          const Parameters& parameters = {});

  /// Writes rows as files of the table; they become adds.
  int64_t write(const Relation& rows, const Parameters& parameters = {});
  /// The rows of these files of the table before, for write_kept: with their ids where the table
  /// keeps them (row_tracking.h).
  Relation kept_rows(const std::vector<Add>& files) const;
  int64_t write_kept(const Relation& rows);
  void remove(const std::vector<Add>& files);
  /// What becomes of the files of these rows that go, a SELECT of kFileColumn alone or with more.
  Fates fates(const Relation& going) const;
  /// The rows of these files that are in `going`, a SELECT of kFileColumn and kPlaceColumn, are
  /// hidden by vectors. Errors of the storage as of FileSystem::put.
  void thin(const std::vector<Add>& files, const Relation& going);
  /// Metrics `…Added` and `…Updated` of the vectors so far.
  void count_vectors(const std::string& name);
  void remove_paths(const std::vector<std::string>& absolute_paths);
  /// Ends it: the table as it would be, metrics, the change data feed.
  Staged finish(std::string operation, std::map<std::string, std::string> parameters, Reads reads,
                const Updates& updates = {});
  Staged& staged() { return staged_; }
  /// Records which times the commit touches: those of `changed`, a SELECT of the rows that it takes
  /// and gives. Where the whole former table goes, `changed` are all rows that it gives, and what
  /// of the former rows does not come again counts as well. `costly` rows are computed once.
  void touch(const Relation& changed, bool costly = false);

  int64_t count(const Relation& select, const Parameters& parameters = {}) const;
  std::string samples(const Relation& select) const;

  ~Stager();
  Stager(const Stager&) = delete;
  Stager& operator=(const Stager&) = delete;

 private:
  int64_t add(std::vector<Add> written);
  void add_thinned();
  void write_change_data(const Updates& updates);
  Relation former_rows() const;

  const StageContext& context_;
  const Parameters& parameters_;
  Relation conforming_;
  Snapshot before_;
  std::optional<Snapshot> former_;  ///< with may_replace_schema: the table of which nothing stays
  Staged staged_;
  std::vector<Thinned> thinned_;
  std::vector<std::string> kept_;
  bool finished_ = false;
};

/// Up to five rows as text, for messages: `(1, 'a'), (2, 'b')`.
std::string samples_of(RowWork& rows, const Relation& select);
/// The CAST-ing select list that turns a SELECT with `columns` into exactly the stored types of
/// `schema` (HUGEINT → BIGINT failing on overflow, ENUM → VARCHAR, missing columns as NULL), in the
/// schema's order.
Relation conforming_select(const Relation& select, const std::vector<Column>& columns,
                           const Schema& schema);
/// Files of the snapshot whose absolute paths stand in the first column.
std::vector<Add> files_at(const Snapshot& snapshot, const Rows& paths);
/// `"a", "b"`, each with `prefix` before it.
std::string column_list(const std::vector<std::string>& names, const std::string& prefix = {});
std::vector<std::string> names_of(const Schema& schema);
/// `t."a" IS NOT DISTINCT FROM n."a" AND …`
std::string same_key(const std::vector<std::string>& key, const std::string& left,
                     const std::string& right);
/// Where an interval of a column of that type begins or ends, as a literal; local types count in
/// `zone`.
std::string time_literal(Time t, const Type& type, const std::string& zone);

}  // namespace windrow::lake
