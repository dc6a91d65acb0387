#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "duck/quoting.h"
#include "project/project.h"
#include "sources/database/kind.h"
#include "sources/database/rows.h"
#include "sources/files/local_copies.h"
#include "sources/files/records.h"
#include "sources/record_rows.h"
#include "sources/settings.h"
#include "sources/shared.h"
#include "sources/source.h"

/// Tables and queries of databases. Whole: every row in one commit, of one moment of the database.
/// By a cursor column: in chunks, each with its rows and the value that it ends with in one commit;
/// rows of one value are never parted, so a restart reads none of them twice.
namespace windrow::sources {

namespace {

using Json = nlohmann::json;
using duck::quote_name;

Time clock_now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

struct State {
  int64_t sequence = 0;
  std::string began;  ///< the last reading, or the one under way
  bool complete = false;
  std::string high;         ///< literal of the greatest cursor value of complete readings
  std::string at;           ///< literal up to which the reading under way has come
  int64_t overlapped = -1;  ///< rows from `high` less the overlap on, when it was complete
};

std::string to_json(const State& s) {
  return Json{{"format", 1},
              {"sequence", s.sequence},
              {"began", s.began},
              {"complete", s.complete},
              {"high", s.high},
              {"at", s.at},
              {"overlapped", s.overlapped}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

State state_from(const std::string& text) {
  State s;
  const Json j = Json::parse(text, nullptr, false);
  if (!j.is_object()) return s;
  s.sequence = j.value("sequence", 0ll);
  s.began = j.value("began", "");
  s.complete = j.value("complete", false);
  s.high = j.value("high", "");
  s.at = j.value("at", "");
  s.overlapped = j.value("overlapped", -1ll);
  return s;
}

class DatabaseReader final : public Reader {
 public:
  DatabaseReader(const project::Source& source, const Context& context)
      : source_(source),
        project_(context.project),
        now_(context.now),
        cancel_(context.cancel),
        shared_(context.shared ? context.shared : &own_),
        anew_(context.whole) {
    const auto& from = project::own_or_default<DatabaseFrom>(source);
    connection_ = from.connection;
    table_name_ = from.table;
    query_ = from.query;
    if (table_name_.empty() == query_.empty()) {
      throw Error(Code::configuration,
                  "source \"" + source.name + "\" needs exactly one of `table` and `query`", "",
                  source.from.place);
    }
    cursor_ = from.cursor;
    if (!from.overlap.is_null()) overlap_ = from.overlap.text();
    chunk_ = from.chunk;
    every_ = from.every;
    replace_ = from.mode == "replace";
    if (replace_ && !cursor_.empty())
      Settings(source.from).wrong("mode", "append: with a cursor only new rows are read");
  }

  bool keeps_state() const override { return true; }
  void restore(const TableNow& table) override {
    table_ = table;
    if (begun_ && table.state == last_state_) return;
    state_ = state_from(table.state);
    done_ = begun_ && state_.complete;
    begun_ = false;
  }

  std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) override {
    check_history(txns);
    if (not_due()) return {};
    const std::string what = table_name_.empty() ? "a query" : "table " + table_name_;
    return what + " of \"" + connection_ + "\"" +
           (!state_.at.empty() ? ", goes on after " + state_.at : "");
  }

  std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                            lake::DuckRows& session) override {
    check_history(txns);
    if (done_ || (!begun_ && !anew_ && not_due())) return {};
    if (anew_) state_ = {.sequence = state_.sequence};
    if (!begun_ && (state_.complete || state_.began.empty())) {
      state_.began = iso(clock_now());
      state_.complete = false;
    }
    begun_ = true;
    try {
      return cursor_.empty() || anew_ ? whole(txns, session) : chunk(txns, session);
    } catch (const Error& error) {
      if (retryable(error.code())) {
        rows_.reset();
        shared_->snapshots.forget(connection_);
      }
      throw;
    }
  }

  /// Former readings, and rows that the database does not have any more, are in the table alone.
  std::optional<Loss> rows_lost(int64_t now, lake::DuckRows& session) override {
    if (table_.rows_sql.empty()) return {};
    const auto before =
        std::get<int64_t>(session.value("SELECT count(*) FROM (" + table_.rows_sql + ")"));
    if (now >= before) return {};
    return Loss{
        fmt::format("\"{}\" has {} rows, and the database has {} now", source_.name, before, now),
        "the others are gone", "keep them, or let those go that cannot be read again"};
  }

 private:
  std::string app_id() const { return "database/" + source_.name; }
  bool not_due() const {
    const auto began = parse_time(state_.began);
    return state_.complete && every_.count() > 0 && began && now_ - *began < every_;
  }
  void check_history(const std::map<std::string, lake::Txn>& txns) const {
    const auto found = txns.find(app_id());
    if ((found == txns.end() ? 0 : found->second.version) == state_.sequence) return;
    throw Error(Code::history_lost,
                "\"" + source_.name + "\": the last record of this source is gone from the log",
                "another program has cleaned it: move the table away, and it is read anew",
                source_.place);
  }

  DatabaseRows& rows() {
    if (!rows_) {
      rows_ = shared_->snapshots.of(project_, connection_, source_.from.place, cancel_);
      from_ = rows_->from(table_name_, query_);
    }
    return *rows_;
  }

  Batch whole(const std::map<std::string, lake::Txn>& txns, lake::DuckRows& session) {
    auto& from = rows();
    const auto found = from.read(from_, "", path());
    if (!cursor_.empty()) note_high(from);
    auto out = batch(found, txns, session, true);
    out.replace = replace_;
    return out;
  }

  /// Where a complete reading ends, and the next one begins.
  void note_high(DatabaseRows& from) {
    const std::string name = from.name(cursor_);
    if (const auto high = from.literal("max(" + name + ")", from_)) state_.high = *high;
    state_.at.clear();
    state_.overlapped = -1;
    if (!overlap_.empty() && !state_.high.empty()) {
      state_.overlapped =
          count(from, name + " >= " + from.less(cursor_, from_, state_.high, overlap_));
    }
  }

  std::optional<Batch> chunk(const std::map<std::string, lake::Txn>& txns,
                             lake::DuckRows& session) {
    auto& from = rows();
    const std::string name = from.name(cursor_);
    std::string condition;
    if (!state_.at.empty()) {
      condition = name + " > " + state_.at;
    } else if (!state_.high.empty()) {
      const std::string begin = from.less(cursor_, from_, state_.high, overlap_);
      condition = name + (overlap_.empty() ? " > " : " >= ") + begin;
      // Rows of the overlap come again only where something has come or gone.
      if (!overlap_.empty() && state_.overlapped >= 0 &&
          count(from, condition) == state_.overlapped) {
        done_ = true;
        return {};
      }
    }
    const std::string some = condition.empty() ? name + " IS NOT NULL" : condition;
    const auto bound = from.literal(name, from_ + " WHERE " + some + " ORDER BY " + name +
                                              " LIMIT 1 OFFSET " + std::to_string(chunk_ - 1));
    std::string upto = some;
    if (bound) upto += " AND " + name + " <= " + *bound;
    // Rows without a cursor value come once, with the first chunk of all.
    const std::string where =
        " WHERE " + (condition.empty() ? "((" + upto + ") OR " + name + " IS NULL)" : upto);
    const auto found = from.read(from_, where, path());
    const bool last = !bound;
    if (last) {
      note_high(from);
    } else {
      state_.at = *bound;
    }
    if (last && found.rows == 0 && !table_.rows_sql.empty() &&
        table_.state.find("\"complete\":true") != std::string::npos) {
      done_ = true;
      return {};
    }
    return batch(found, txns, session, last);
  }

  int64_t count(DatabaseRows& from, const std::string& condition) {
    const auto text = from.literal("count(*)", from_ + " WHERE " + condition);
    // A literal of a number: `CAST('12' AS bigint)` or `12`.
    std::string digits;
    for (const char c : text.value_or("")) {
      if (c >= '0' && c <= '9')
        digits += c;
      else if (!digits.empty())
        break;
    }
    return digits.empty() ? 0 : std::stoll(digits);
  }

  std::string path() {
    copies_ = std::make_unique<LocalCopies>(project_.state_folder() + "/spill");
    return copies_->path("rows");
  }

  Batch batch(const DatabaseChunk& found, const std::map<std::string, lake::Txn>& txns,
              lake::DuckRows& session, bool complete) {
    Batch out;
    std::string select, misfit, types;
    std::vector<Column> known;
    if (!table_.rows_sql.empty() && !replace_ && !anew_) known = session.describe(table_.rows_sql);
    bool clash = false;
    std::vector<Column> columns;
    for (const auto& column : found.columns) {
      clash = clash || column.name == "extracted_at";
      std::string type = column.type;
      for (const auto& before : known) {
        if (before.name == column.name) type = before.type;
      }
      for (const auto& declared : source_.columns) {
        if (declared.name == column.name && declared.value.empty() && !declared.type.empty())
          type = declared.type;
      }
      const std::string name = quote_name(column.name);
      std::string value = name;
      if (found.loose && type != "VARCHAR") {
        value = type == "BLOB" ? "unhex(" + name + ")" : "TRY_CAST(" + name + " AS " + type + ")";
        misfit += (misfit.empty() ? "" : " OR ") + ("(" + name + " IS NOT NULL AND " + value) +
                  " IS NULL)";
        types += (types.empty() ? "" : ", ") + column.name + " " + type;
      } else if (!found.loose && type != column.type) {
        value = "CAST(" + name + " AS " + type + ")";
      }
      select += (select.empty() ? "" : ", ") + value + " AS " + name;
      columns.push_back({column.name, type});
    }
    if (!clash) {
      select += ", TIMESTAMPTZ " + duck::quote_text(state_.began) + " AS extracted_at";
      columns.push_back({"extracted_at", "TIMESTAMP WITH TIME ZONE"});
    }
    std::string from = found.relation;
    const std::string origin = table_name_.empty() ? connection_ : table_name_;
    // Counted as they came over the wire.
    out.held[origin].records = found.rows;
    if (!misfit.empty()) {
      const std::string bad = "coalesce(" + misfit + ", false)";
      out.misfits_select =
          "SELECT " + duck::quote_text(origin) + " AS origin, row_number() OVER () AS position, " +
          duck::quote_text("a value does not fit the type of its column (" + types + ")") +
          " AS error, CAST(to_json(record) AS VARCHAR) AS content FROM " + from +
          " AS record WHERE " + bad;
      from += " WHERE NOT " + bad;
    }
    out.select =
        with_partitions(source_, "SELECT " + typed_columns(source_, columns) + " FROM (SELECT " +
                                     select + " FROM " + from + ") AS record");
    out.parameters = {{"extracted_at", {iso(now_), "TIMESTAMP"}}};
    ++state_.sequence;
    state_.complete = complete;
    out.state = last_state_ = to_json(state_);
    const auto before = txns.find(app_id());
    out.expect_txn[app_id()] =
        before == txns.end() ? std::nullopt : std::optional(before->second.version);
    out.txns.push_back({app_id(), state_.sequence, micros(clock_now()) / 1000});
    out.what = fmt::format("{} rows", found.rows);
    done_ = complete;
    if (complete) rows_.reset();
    return out;
  }

  const project::Source& source_;
  const project::Project& project_;
  Time now_;
  Cancel* cancel_;
  Shared own_;
  Shared* shared_;
  std::string connection_, table_name_, query_, cursor_, overlap_, from_, last_state_;
  int64_t chunk_ = 0;
  std::chrono::microseconds every_{0};
  bool replace_ = false, begun_ = false, done_ = false;
  bool anew_;  ///< Context::whole: everything that there is, in one commit
  TableNow table_;
  State state_;
  std::unique_ptr<DatabaseRows> rows_;
  std::unique_ptr<LocalCopies> copies_;
};

}  // namespace

std::unique_ptr<Reader> database_reader(const project::Source& source, const Context& context) {
  return std::make_unique<DatabaseReader>(source, context);
}

}  // namespace windrow::sources
