#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "sources/source_kind.h"
#include "tasks/audit.h"
#include "tasks/balance.h"
#include "tasks/context.h"
#include "tasks/ingest.h"
#include "tasks/source_definition.h"

namespace windrow::tasks {

namespace {

constexpr int kConflictsMax = 20;
constexpr int64_t kFewMisfits = 10'000;

std::unique_ptr<sources::Reader> reader_of(const Context& context, const project::Source& source,
                                           Cancel* cancel, bool whole = false,
                                           Meter* meter = nullptr) {
  const sources::Context outside{context.project,
                                 context.project.root,
                                 context.choices.now,
                                 &context.files,
                                 cancel,
                                 context.shared,
                                 true,
                                 whole,
                                 meter};
  return context.sources->of(source).open(source, outside);
}

sources::TableNow table_now(const Context& context, const std::string& asset) {
  const auto table = context.lake.table(asset);
  if (!table.exists()) return {};
  duck::Connection connection(context.database);
  const auto record = table.provenance().last;
  return {record ? record->state : "", lake::duck_sql(lake::scan(table.snapshot({}, &connection)))};
}

std::map<std::string, lake::Txn> progress_of(const Context& context, const std::string& asset) {
  const auto table = context.lake.table(asset);
  if (!table.exists()) return {};
  duck::Connection connection(context.database);
  return table.snapshot({}, &connection).txns;
}

/// A group of rows is in memory at once, and these hold whole records, however long.
constexpr int64_t kRowsOfWholeRecords = 8'192;

/// Rows for a table beside the source's; how many there were. Nothing where another run has written
/// the same progress meanwhile.
std::optional<int64_t> keep_beside(const Context& context, const std::string& asset,
                                   const std::string& select, const Parameters& parameters,
                                   const std::vector<lake::Txn>& txns,
                                   const std::map<std::string, lake::Txn>& kept,
                                   const std::string& kind, const std::string& about,
                                   lake::DuckRows& session) {
  auto at = stage_at(context, session, asset);
  at.write.row_group_rows = kRowsOfWholeRecords;
  auto staged = lake::stage_append(at, select, parameters);
  const int64_t rows = staged.rows_written;
  if (rows == 0) {
    lake::discard(context.files, staged);
    return 0;
  }
  auto record = record_of(context, asset, kind);
  record.touched = staged.touched;
  const auto paths = staged.written_paths;
  auto request = lake::request_of(std::move(staged), new_table(context, asset, about));
  request.provenance = record;
  request.txns = txns;
  for (const auto& txn : txns) {
    const auto found = kept.find(txn.app_id);
    request.expect_txn[txn.app_id] =
        found == kept.end() ? std::nullopt : std::optional(found->second.version);
  }
  if (!commit(context, asset, std::move(request), paths)) return {};
  return rows;
}

bool is_kept(const std::map<std::string, lake::Txn>& kept, const lake::Txn& txn) {
  const auto found = kept.find(txn.app_id);
  return found != kept.end() && found->second.version == txn.version;
}

bool keep_log(const Context& context, const project::Source& source, const sources::LogRows& log,
              lake::DuckRows& session) {
  const std::string asset = source.name + "_log";
  const auto kept = progress_of(context, asset);
  if (is_kept(kept, log.txn)) return true;
  return keep_beside(context, asset, log.select, {}, {log.txn}, kept, "log",
                     "what each extraction of " + source.name + " did", session)
      .has_value();
}

/// What of a batch's rejects is not kept yet. They commit before the rows, so a kill in between
/// repeats them, and a batch that is made again may hold more or fewer records than before.
std::string new_rejects(const Context& context, const std::string& asset,
                        const sources::Batch& batch, const std::map<std::string, lake::Txn>& kept) {
  std::string origins;
  bool again = false;
  for (const auto& txn : batch.txns) again = again || is_kept(kept, txn);
  if (!again) return batch.rejected_select;
  for (const auto& [origin, app_id] : batch.origins) {
    const auto txn =
        std::find_if(batch.txns.begin(), batch.txns.end(),
                     [&, &app = app_id](const auto& each) { return each.app_id == app; });
    if (txn != batch.txns.end() && is_kept(kept, *txn))
      origins += (origins.empty() ? "" : ", ") + duck::quote_text(origin);
  }
  if (!origins.empty())
    return "SELECT * FROM (" + batch.rejected_select + ") WHERE origin NOT IN (" + origins + ")";
  // One progress for all: those that are there are told by what they say. Of equal ones, also of
  // earlier readings, so many are there already.
  const std::string same = "PARTITION BY origin, error, content";
  return "SELECT origin, position, error, content FROM (SELECT *, row_number() OVER (" + same +
         ") AS nth FROM (" + batch.rejected_select +
         ")) AS found LEFT JOIN (SELECT origin AS o, error AS e, content AS c, count(*) AS there "
         "FROM "
         "(" +
         table_now(context, asset).rows_sql +
         ") GROUP BY ALL) AS kept ON o IS NOT DISTINCT FROM origin AND e IS NOT DISTINCT FROM "
         "error "
         "AND c IS NOT DISTINCT FROM content WHERE nth > coalesce(there, 0)";
}

CountByOrigin count_by_origin(const std::string& select, const Parameters& parameters,
                              lake::DuckRows& session) {
  CountByOrigin out;
  if (select.empty()) return out;
  for (const auto& row : session.query(select, parameters).rows)
    out[cell_text(row[0])] += std::get<int64_t>(row[1]);
  return out;
}

CountByOrigin set_aside_of(const sources::Batch& batch, lake::DuckRows& session) {
  if (batch.rejected_select.empty()) return {};
  return count_by_origin(
      "SELECT origin, count(*) FROM (" + batch.rejected_select + ") GROUP BY origin",
      batch.parameters, session);
}

/// Holds what was staged against what is there; where rows are missing, those that do not fit are
/// looked for and join `rejected_select`. Error(corrupt) where it does not come out even.
void settle(const project::Source& source, sources::Batch& batch, int64_t rows,
            lake::DuckRows& session) {
  const bool counted = !batch.held.empty();
  if (!counted && batch.misfits_select.empty()) return;
  auto set_aside = set_aside_of(batch, session);
  const int64_t gone =
      counted ? missing(batch, rows, set_aside) : std::numeric_limits<int64_t>::max();
  if (!batch.misfits_select.empty() && gone > 0) {
    std::string misfits = batch.misfits_select;
    // They are counted, and then written: where few are expected, all is looked through for them
    // once. More would not lie in memory beside the rest.
    if (gone <= kFewMisfits) {
      session.query("CREATE OR REPLACE TEMP TABLE windrow_misfits AS " + misfits, batch.parameters);
      misfits = "SELECT origin, position, error, content FROM windrow_misfits";
    }
    batch.rejected_select += (batch.rejected_select.empty() ? "" : "\nUNION ALL\n") + misfits;
    set_aside = set_aside_of(batch, session);
  }
  if (!counted || missing(batch, rows, set_aside) == 0) return;
  std::optional<CountByOrigin> rows_of;
  if (!batch.rows_by_origin.empty())
    rows_of = count_by_origin(batch.rows_by_origin, batch.parameters, session);
  throw uneven(source.name, batch, rows, set_aside, rows_of);
}

/// Records that could not be read go to a table of their own, before the rows. False where another
/// run was faster.
bool keep_rejected(const Context& context, const project::Source& source,
                   const sources::Batch& batch, lake::DuckRows& session, Report& report) {
  if (batch.rejected_select.empty()) return true;
  const std::string asset = source.name + "_rejected";
  const auto kept = progress_of(context, asset);
  const auto rows = keep_beside(context, asset, new_rejects(context, asset, batch, kept),
                                batch.parameters, batch.txns, kept, "rejected",
                                "records of " + source.name + " that could not be read", session);
  if (!rows) return false;
  if (*rows == 0) return true;
  const auto told = [&] {
    return fmt::format("{} record{} could not be read: {} in {}", report.rejected,
                       report.rejected == 1 ? "" : "s", report.rejected == 1 ? "it is" : "they are",
                       asset);
  };
  std::erase(report.warnings, told());  // of the batches before
  report.rejected += *rows;
  report.warn(told());
  return true;
}

bool is_stream(const Context& context, const project::Source& source) {
  return context.sources->of(source).streams();
}

std::optional<std::string> waiting(const Context& context, const project::Source& source) {
  if (is_stream(context, source)) return pending_stream(context, source);
  const auto reader = reader_of(context, source, nullptr);
  if (reader->keeps_state()) reader->restore(table_now(context, source.name));
  return reader->pending(progress_of(context, source.name));
}

/// What a stream brings is read as it comes, and not from what is kept of it.
std::string reload_hint(const Context& context, const project::Source& source) {
  return is_stream(context, source)
             ? ""
             : "; `windrow source reload " + source.name + "` reads all anew";
}

Error nothing_there(const project::Source& source) {
  return Error(Code::not_found, "\"" + source.name + "\": there is nothing to be read again",
               "nothing was changed", source.from.place);
}

Error same_again(const project::Source& source) {
  return Error(
      Code::internal,
      fmt::format("source \"{}\" gives the same batch again after it was committed", source.name),
      "this is a bug: please report it with the table's log");
}

/// Reads all anew instead of what is new.
struct Reload {
  bool without_missing = false;
};

void refuse_loss(const project::Source& source, const std::optional<sources::Loss>& loss,
                 Report& report, const Reload& reload) {
  if (!loss) return;
  if (reload.without_missing) {
    report.warnings.push_back(loss->what + ": " + loss->let);
    return;
  }
  throw Error(Code::not_found, loss->what,
              loss->instead + ": --without-missing; nothing was changed", source.from.place);
}

/// The columns alone that the table has, or that are declared.
void leave_new_columns_out(sources::Batch& batch, const project::Source& source,
                           const lake::Schema& schema, lake::DuckRows& session) {
  const auto declared = [&](const std::string& name) {
    return std::any_of(source.columns.begin(), source.columns.end(),
                       [&](const auto& each) { return each.name == name; });
  };
  std::string kept;
  bool all = true;
  for (const auto& column : session.describe(batch.select, batch.parameters)) {
    if (schema.find_any_case(column.name) == nullptr && !declared(column.name)) {
      all = false;
      continue;
    }
    kept += (kept.empty() ? "" : ", ") + duck::quote_name(column.name);
  }
  if (!all && !kept.empty()) batch.select = "SELECT " + kept + " FROM (" + batch.select + ")";
}

/// Its version; nothing where others were faster, and what is left has to be looked at again.
std::optional<int64_t> commit_staged(const Context& context, const project::Source& source,
                                     const sources::Batch& batch, lake::Staged staged,
                                     lake::DuckRows& session, Report& report, bool reload) {
  Audit audit(context, {source.name, source.columns, source.checks}, session, report);
  audit.first(staged);
  auto record = record_of(context, source.name, reload ? lake::kReload : "source");
  name_definition(context, source, record);
  record.touched = staged.touched;
  record.quality_score = report.quality_score;
  record.state = batch.state;
  const auto paths = staged.written_paths;
  auto request = lake::request_of(std::move(staged),
                                  new_table(context, source.name, source.common.description));
  request.provenance = record;
  request.txns = batch.txns;
  request.expect_txn = batch.expect_txn;
  request.rebase = [&](const std::vector<lake::Commit>& since,
                       lake::CommitRequest& later) -> std::optional<std::string> {
    audit.again(since, later);
    later.provenance->quality_score = report.quality_score;
    return {};
  };
  return commit(context, source.name, std::move(request), paths);
}

void read_source(const Context& context, const project::Source& source, Cancel& cancel,
                 const ProgressSink& progress, Report& report,
                 const std::optional<Reload>& reload) {
  const auto reader = reader_of(context, source, &cancel, reload.has_value(), report.meter);
  if (report.meter) report.meter->reads_outside();
  std::vector<std::string> partition_by;
  for (const auto& [column, expression] : source.partition_by) partition_by.push_back(column);
  std::vector<lake::Txn> last;
  int conflicts = 0;
  const auto wait_for_others = [&] {
    context.clock.sleep(std::chrono::milliseconds(5 << std::min(++conflicts, 6)), cancel);
  };
  while (conflicts < kConflictsMax) {
    cancel.check();
    if (report.window_closed()) return;
    const auto session = context.inside.open_inside({}, cancel, progress, report.meter);
    const auto before = progress_of(context, source.name);
    reader->restore(table_now(context, source.name));
    if (reader->keeps_state()) {
      // What the last commit's record tells of it, before anything else is read: a kill in between
      // loses no line.
      const auto log = reader->log_rows();
      if (log && !keep_log(context, source, *log, *session)) {
        wait_for_others();
        continue;
      }
    }
    auto batch = reader->next(before, *session);
    if (!batch && reload) throw nothing_there(source);
    if (!batch || report.has_to_give_way()) return;
    if (reload) {
      refuse_loss(source, reader->parts_lost(before, *batch), report, *reload);
      batch->replace = true;
    }
    for (const auto& warning : batch->warnings) report.warn(warning);
    // Reading that does not get on would go on for good.
    if (report.changed && batch->txns == last) throw same_again(source);
    last = batch->txns;
    if (progress) progress({source.name, batch->what, -1, report.rows});
    auto at = stage_at(context, *session, source.name, partition_by, progress);
    at.evolve = source.on_new_column != "reject" && source.on_new_column != "stop";
    if (source.on_new_column == "ignore" && at.current)
      leave_new_columns_out(*batch, source, at.current->schema, *session);
    at.may_replace_schema = reload.has_value() && at.current.has_value();
    lake::Staged staged;
    try {
      staged = batch->replace ? lake::stage_replace(at, batch->select, batch->parameters)
                              : lake::stage_append(at, batch->select, batch->parameters);
      settle(source, *batch, staged.rows_written, *session);
      if (reload)
        refuse_loss(source, reader->rows_lost(staged.rows_written, *session), report, *reload);
      // Before the rows: a kill in between loses none of them.
      if (!keep_rejected(context, source, *batch, *session, report)) {
        lake::discard(context.files, staged);
        last.clear();
        wait_for_others();
        continue;
      }
    } catch (const Error& error) {
      lake::discard(context.files, staged);
      if (!reader->set_aside(error)) throw;
      last.clear();
      continue;
    }
    const int64_t rows = staged.rows_written;
    const auto version = commit_staged(context, source, *batch, std::move(staged), *session, report,
                                       reload.has_value());
    if (!version) {
      wait_for_others();  // they read these, or other files: look again at what is left
      continue;
    }
    report.changed = report.got_further = true;
    report.rows += rows;
    report.version = *version;
    report.reasons.push_back(batch->what);
    if (reload) return;
  }
  throw Error(Code::conflict,
              fmt::format("\"{}\" was changed by others each time it was written", source.name),
              "run again");
}

}  // namespace

std::vector<std::string> pending_source(const Context& context, const project::Source& source) {
  std::vector<std::string> out;
  for (const auto& change : changes_of_definition(context, source))
    out.push_back(change + reload_hint(context, source));
  if (const auto there = waiting(context, source)) out.push_back(*there);
  return out;
}

void ingest_source(const Context& context, const project::Source& source, Cancel& cancel,
                   const ProgressSink& progress, Report& report) {
  const auto changes = changes_of_definition(context, source);
  for (const auto& change : changes) report.warn(change + reload_hint(context, source));
  if (is_stream(context, source))
    ingest_waiting(context, source, cancel, progress, report);
  else
    read_source(context, source, cancel, progress, report, {});
  if (!changes.empty() && !report.gave_way) take_definition(context, source, report);
}

void reload_source(const Context& context, const project::Source& source, bool without_missing,
                   Cancel& cancel, const ProgressSink& progress, Report& report) {
  if (is_stream(context, source)) {
    throw Error(Code::unsupported,
                fmt::format("source \"{}\" is of the kind \"{}\": what it has read cannot be asked "
                            "for a second time",
                            source.name, source.kind),
                "its rows stay as they are; a source with another table's name reads under the new "
                "definition from its beginning",
                source.from.place);
  }
  read_source(context, source, cancel, progress, report, Reload{without_missing});
}

}  // namespace windrow::tasks
