#include "lake/row_history.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/local_time.h"
#include "duck/quoting.h"
#include "lake/predicate_scope.h"
#include "lake/replay.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/touched.h"

// Commits are looked at from the newest back. Of each the files that may hold such rows are known
// from the log alone; the rows of a batch of files are read once, those that meet the condition are
// kept, and what each commit did is summed up from them: a row of an added file counts 1, one of a
// removed file -1, and what sums up to nothing is no change. Batches grow, so that the first
// changes are there early and a long history is read in few statements.

namespace windrow::lake {
namespace {

constexpr const char* kKept = "windrow rows of history";
constexpr size_t kBatchFirst = 8, kBatchMax = 2'000;  // files

/// A commit with the files that may hold rows which it removed or added.
struct Candidate {
  int64_t version = -1;
  std::vector<Add> removed, added;
  size_t files() const { return removed.size() + added.size(); }
};

class Finder {
 public:
  Finder(CommitLog& log, DuckRows& session, const RowQuestion& question, Cancel& cancel)
      : log_(log), session_(session), question_(question), cancel_(cancel) {
    shape_ = log.table().snapshot(question.to, &session.connection());
    shape_.files.clear();
    check_condition();
    box_ = box_of(session, shape_.schema, question.condition);
  }

  RowHistory find() {
    const int64_t first = std::max(question_.from + 1, log_.first());
    out_.known_after = first - 1;
    remember_files(first);
    std::vector<Candidate> batch;
    size_t files = 0, most = kBatchFirst;
    for (int64_t version = question_.to; version >= first; --version) {
      auto candidate = look_at(log_.at(version));
      if (candidate.files() == 0) continue;
      files += candidate.files();
      batch.push_back(std::move(candidate));
      if (files < most) continue;
      read(batch);
      if (enough(version > first)) return done();
      batch.clear();
      files = 0;
      most = std::min(4 * most, kBatchMax);
    }
    read(batch);
    enough(false);
    return done();
  }

 private:
  RowHistory done() {
    const auto newer = [](const auto& a, const auto& b) { return a.version > b.version; };
    std::sort(out_.unknown.begin(), out_.unknown.end(), newer);
    return std::move(out_);
  }

  void check_condition() {
    const std::string select = duck_sql("SELECT 1 FROM (" + scan(shape_, {}) + ") WHERE (\n" +
                                        question_.condition + "\n)");
    try {
      session_.describe(select);
    } catch (const SqlError& error) {
      if (error.code() == Code::canceled) throw;
      throw Error(Code::usage, error.problem().message + " in: " + question_.condition,
                  error.problem().hint);
    }
  }

  /// Of files that a commit removes the log repeats no statistics: they stand where it was added.
  void remember_files(int64_t first) {
    bool removes = false;
    for (int64_t version = question_.to; version >= first; --version)
      removes = removes || !log_.at(version).removes.empty();
    if (!removes) return;
    if (first > 0) {
      try {
        for (auto& add : log_.table().snapshot(first - 1, &session_.connection()).files)
          remember(std::move(add));
      } catch (const Error& error) {
        if (error.code() != Code::not_found) throw;  // what they hold is not known then
      }
    }
    for (int64_t version = first; version <= question_.to; ++version) {
      for (const auto& add : log_.at(version).adds) remember(add);
    }
  }
  void remember(Add add) {
    auto key = logical_file(add.path, add.deletion_vector);
    known_.insert_or_assign(std::move(key), std::move(add));
  }

  bool may_hold(const Add& add) const {
    return std::all_of(box_.begin(), box_.end(),
                       [&](const auto& condition) { return lake::may_hold(add, condition); });
  }

  /// False where the commit's own record says that it changed no row in there.
  bool may_have_touched(const Commit& commit) const {
    if (!commit.info || box_.empty()) return true;
    std::optional<Provenance> record;
    try {
      record = provenance_of(*commit.info);
    } catch (const Error&) {
      return true;  // a newer format
    }
    if (!record) return true;
    for (const auto& condition : box_) {
      // What was called so then may be another column where columns can be renamed.
      if (!is_time(condition.column.type) || !condition.column.physical.empty()) continue;
      const auto touched = record->touched.columns.find(condition.column.name);
      if (touched == record->touched.columns.end()) continue;
      const auto from = condition.from ? parse_time(*condition.from) : kCalendarBegin;
      const auto to = condition.to ? parse_time(*condition.to) : kCalendarEnd;
      if (!from || !to) continue;
      const Interval asked{condition.from ? *from : kEver,
                           condition.to ? *to + std::chrono::microseconds(1) : kNever};
      if (!touched->second.overlaps(asked)) return false;
    }
    return true;
  }

  Candidate look_at(const Commit& commit) {
    Candidate out{commit.version, {}, {}};
    if (!commit.changes_data()) return out;
    ++out_.commits;
    const bool touched = may_have_touched(commit);
    for (const auto& remove : commit.removes) {
      if (!remove.data_change) continue;
      ++out_.files_there;
      if (!touched) continue;
      const auto found = known_.find(logical_file(remove.path, remove.deletion_vector));
      if (found != known_.end()) {
        if (may_hold(found->second)) out.removed.push_back(found->second);
        continue;
      }
      Add add = add_of(remove);
      if (may_hold(add)) out.removed.push_back(std::move(add));
    }
    for (const auto& add : commit.adds) {
      if (!add.data_change) continue;
      ++out_.files_there;
      if (touched && may_hold(add)) out.added.push_back(add);
    }
    return out;
  }

  /// True where there are as many changes as were asked for. `older`: commits are left.
  bool enough(bool older) {
    if (out_.changes.size() < question_.changes_max) return false;
    out_.more = older || out_.changes.size() > question_.changes_max;
    out_.changes.resize(question_.changes_max);
    return true;
  }

  void read(std::vector<Candidate> batch) {
    if (batch.empty()) return;
    cancel_.check();
    try {
      for (auto& change : changes_in(batch)) out_.changes.push_back(std::move(change));
      return;
    } catch (const Error& error) {
      if (!is_unreadable(error)) throw;
      const size_t before = batch.size();
      std::erase_if(batch, [&](const Candidate& commit) { return is_gone(commit); });
      if (batch.size() == before && before == 1) {
        out_.unknown.push_back({batch[0].version, "its rows do not read as the table's columns: " +
                                                      error.problem().message});
        return;
      }
      if (batch.size() < before) return read(std::move(batch));
    }
    // One commit's files do not read: the others tell all the same.
    const auto half = batch.begin() + std::ptrdiff_t(batch.size() / 2);
    read({batch.begin(), half});
    read({half, batch.end()});
  }

  static bool is_unreadable(const Error& error) {
    switch (error.code()) {
      case Code::not_found:
      case Code::corrupt:
      case Code::data:
      case Code::configuration: return true;
      default: return false;
    }
  }

  /// Notes a commit of which a file is gone.
  bool is_gone(const Candidate& commit) {
    int64_t gone = 0;
    for (const auto* side : {&commit.removed, &commit.added}) {
      for (const auto& add : *side) gone += !log_.files().stat(shape_.file_path(add));
    }
    if (gone == 0) return false;
    out_.unknown.push_back({commit.version, "files of its rows, or of those before, are gone"});
    return true;
  }

  /// The rows of all files of the batch for which the condition holds, each with its file.
  Relation rows_of(const std::vector<Candidate>& batch, std::string& sides) {
    // A file may come with several deletion vectors: a scan reads it with one of them.
    std::vector<std::map<std::string, Add>> scans;
    for (const auto& commit : batch) {
      for (const auto& [side, files] : {std::pair{-1, &commit.removed}, {1, &commit.added}}) {
        for (const auto& add : *files) {
          const std::string path = shape_.file_path(add);
          size_t nth = 0;
          for (;; ++nth) {
            if (nth == scans.size()) scans.emplace_back();
            const auto [at, fresh] = scans[nth].try_emplace(path, add);
            out_.files_read += fresh;
            if (fresh || at->second.deletion_vector == add.deletion_vector) break;
          }
          sides += (sides.empty() ? "(" : ", (") + std::to_string(commit.version) + ", " +
                   duck::quote_text(path) + ", " + std::to_string(nth) + ", " +
                   std::to_string(side) + ")";
        }
      }
    }
    Relation out;
    for (size_t nth = 0; nth < scans.size(); ++nth) {
      std::vector<Add> files;
      for (const auto& [path, add] : scans[nth]) files.push_back(add);
      out += (nth == 0 ? "SELECT *, " : " UNION ALL SELECT *, ") + std::to_string(nth) +
             " AS \"windrow nth\" FROM (" + scan(shape_, std::move(files), Scan::Extra::file) +
             ") WHERE (\n" + question_.condition + "\n)";
    }
    return out;
  }

  std::vector<ChangedRows> changes_in(const std::vector<Candidate>& batch) {
    std::string sides;
    const size_t read_before = out_.files_read;
    Rows found;
    const auto names = names_of(shape_.schema);
    const std::string columns = column_list(names);
    std::string order;
    for (const auto& name : names) order += ", " + duck::quote_name(name) + ", 'ASC NULLS LAST'";
    try {
      const std::string kept = session_.keep(kKept, rows_of(batch, sides));
      const std::string summed =
          "SELECT f.\"windrow version\", sum(f.\"windrow side\")::BIGINT AS \"windrow times\", " +
          column_list(names, "t.") + " FROM " + kept + " t JOIN (VALUES " + sides +
          ") f(\"windrow version\", \"windrow path\", \"windrow nth\", \"windrow side\") ON t." +
          duck::quote_name(kFileColumn) +
          " = f.\"windrow path\" AND t.\"windrow nth\" = f.\"windrow nth\" GROUP BY "
          "f.\"windrow version\", " +
          column_list(names, "t.") + " HAVING sum(f.\"windrow side\") <> 0";
      const std::string side = "PARTITION BY \"windrow version\", \"windrow times\" < 0";
      const std::string number =
          "row_number() OVER (" + side + " ORDER BY create_sort_key(" + order.substr(2) + "))";
      found = session_.query(
          "SELECT \"windrow version\", \"windrow times\", "
          "sum(abs(\"windrow times\")) OVER (" +
          side + ")::BIGINT, " + columns + " FROM (" + summed + ") QUALIFY " + number +
          " <= " + std::to_string(question_.rows_max) +
          " ORDER BY \"windrow version\" DESC, \"windrow times\" < 0 DESC, " + number);
      session_.drop(kKept);
    } catch (...) {
      out_.files_read = read_before;
      throw;
    }
    return summed_up(found);
  }

  std::vector<ChangedRows> summed_up(Rows& found) const {
    std::vector<ChangedRows> out;
    const std::vector<Column> columns(found.columns.begin() + 3, found.columns.end());
    for (auto& row : found.rows) {
      const int64_t version = std::get<int64_t>(row[0]), n = std::get<int64_t>(row[1]);
      if (out.empty() || out.back().version != version) {
        out.push_back({});
        out.back().version = version;
        out.back().columns = columns;
      }
      auto& change = out.back();
      (n < 0 ? change.removed : change.added) = std::get<int64_t>(row[2]);
      auto& rows = n < 0 ? change.before : change.after;
      const std::vector<Cell> cells(row.begin() + 3, row.end());
      for (int64_t i = 0; i < std::abs(n) && rows.size() < question_.rows_max; ++i)
        rows.push_back(cells);
    }
    return out;
  }

  CommitLog& log_;
  DuckRows& session_;
  const RowQuestion& question_;
  Cancel& cancel_;
  Snapshot shape_;  ///< the table's columns, without files
  ReadScope::Box box_;
  std::map<std::string, Add> known_;
  RowHistory out_;
};

}  // namespace

RowHistory row_history(CommitLog& log, DuckRows& session, const RowQuestion& question,
                       Cancel& cancel) {
  return Finder(log, session, question, cancel).find();
}

}  // namespace windrow::lake
