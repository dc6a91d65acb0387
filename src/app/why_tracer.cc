#include "app/why_tracer.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/why_records.h"
#include "base/hash.h"
#include "base/nearest.h"
#include "base/text.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/history_archive.h"
#include "sql/carried.h"
#include "tasks/model_facts.h"

namespace windrow::app {

namespace {

constexpr int kViewsMax = 32;  // one within the other

std::string versions_text(int64_t first, int64_t last) {
  return first == last ? fmt::format("version {}", first)
                       : fmt::format("versions {} to {}", first, last);
}

/// `versions 3, 5 to 9: files … are gone`, of those that follow each other and say the same.
void add_unknown(const std::vector<lake::UnknownChange>& unknown, std::vector<std::string>& lost) {
  for (size_t i = 0, end; i < unknown.size(); i = end) {
    end = i + 1;
    while (end < unknown.size() && unknown[end].why == unknown[i].why) ++end;
    const int64_t last = unknown[i].version, first = unknown[end - 1].version;
    const bool unbroken = last - first == int64_t(end - 1 - i);
    lost.push_back(
        fmt::format("{}: {}, so whether they changed such rows is not known",
                    unbroken ? versions_text(first, last)
                             : fmt::format("{} of the versions {} to {}", end - i, first, last),
                    unknown[i].why));
  }
}

std::string and_also(const std::string& a, const std::string& b) {
  return a.empty() ? b : b.empty() ? a : a + " AND " + b;
}

/// A condition as a part of another one, also where it ends with a comment.
std::string bracketed(const std::string& sql) {
  return "(" + sql + (sql.find("--") == std::string::npos ? ")" : "\n)");
}

/// A value as a user wrote it, of the column's type.
std::string literal_of(const std::string& type, const std::string& value) {
  const std::string text = duck::quote_text(value);
  return type == "VARCHAR" ? text : "CAST(" + text + " AS " + type + ")";
}

}  // namespace

lake::CommitLog& WhyTracer::log_of(const std::string& table) {
  auto& log = logs_[table];
  if (!log) log = std::make_unique<lake::CommitLog>(world_.files, world_.tables.table(table));
  return *log;
}

WhyTable WhyTracer::trace(const std::string& table, const Wanted& wanted, int64_t after, int64_t to,
                          int depth) {
  world_.cancel.check();
  WhyTable out;
  out.table = table;
  out.after = after;
  out.latest = to;
  if (wanted.all()) {
    list_versions(out, to);
  } else {
    out.condition = condition_of(table, wanted);
    find_rows(out, wanted, to, depth);
  }
  return out;
}

std::string WhyTracer::condition_of(const std::string& table, const Wanted& wanted) {
  std::string out = wanted.key.empty() ? wanted.where : "";
  if (wanted.key.empty()) return out;
  const auto schema = log_of(table).table().snapshot({}, &world_.session.connection()).schema;
  for (const auto& [name, value] : wanted.key) {
    const auto* field = schema.find_any_case(name);
    if (!field) {
      std::vector<std::string> names;
      for (const auto& each : schema.fields) names.push_back(each.name);
      throw Error(Code::usage, fmt::format("table \"{}\" has no column \"{}\"", table, name),
                  did_you_mean(name, names));
    }
    const auto type = lake::duck_type(field->type), literal = literal_of(type, value);
    try {
      world_.session.query("SELECT " + literal);
    } catch (const SqlError& error) {
      if (error.code() == Code::canceled) throw;
      throw Error(Code::usage,
                  fmt::format("--key {}={}: \"{}\" is no {}", name, value, value, type));
    }
    out = and_also(out, duck::quote_name(field->name) + " = " + literal);
  }
  return wanted.where.empty() ? out : bracketed(wanted.where) + " AND " + out;
}

void WhyTracer::list_versions(WhyTable& out, int64_t to) {
  auto& log = log_of(out.table);
  for (int64_t version = to; version > out.after; --version) {
    world_.cancel.check();
    const auto entry = log.entry(version);
    if (!entry) {
      out.lost.push_back(versions_text(out.after + 1, version) +
                         ": no longer in the log, and nothing was kept of them");
      return;
    }
    if (!log.changed_data(version)) continue;
    if (out.versions.size() == world_.options.versions_max) {
      out.more = true;
      return;
    }
    out.versions.push_back(told_of(log, *entry, world_.lake));
  }
}

void WhyTracer::find_rows(WhyTable& out, const Wanted& wanted, int64_t to, int depth) {
  auto& log = log_of(out.table);
  lake::RowQuestion question;
  question.condition = out.condition;
  question.from = out.after;
  question.to = to;
  question.changes_max = world_.options.versions_max;
  question.rows_max = world_.options.rows_max;
  auto found = lake::row_history(log, world_.session, question, world_.cancel);
  out.more = found.more;
  out.commits = found.commits;
  out.files_read = found.files_read;
  out.files_there = found.files_there;
  for (auto& change : found.changes) {
    const auto entry = log.entry(change.version);
    auto version = told_of(log, *entry, world_.lake);
    version.rows = WhyRows{change.removed, change.added, std::move(change.columns),
                           std::move(change.before), std::move(change.after)};
    const auto& record = entry->provenance;
    const bool follows = depth > 0 && record && entry->operation != "RESTORE";
    for (auto& input : version.inputs) {
      if (follows && input.from != input.to)
        follow(out.table, wanted, *record, version, input, depth);
    }
    out.versions.push_back(std::move(version));
  }
  add_unknown(found.unknown, out.lost);
  if (found.known_after > out.after && !found.more) {
    out.lost.push_back(versions_text(out.after + 1, found.known_after) +
                       ": no longer in the log, so what they changed is not known");
  }
}

void WhyTracer::follow(const std::string& table, const Wanted& wanted,
                       const lake::Provenance& record, const WhyVersion& version, WhyInput& input,
                       int depth) {
  if (!world_.tables.exists(input.name)) {
    input.not_followed = "it is not in the lake any more";
    return;
  }
  if (log_of(input.name).table().identity().table_id != record.inputs.at(input.name).table_id) {
    input.not_followed = "another table lies under its name now";
    return;
  }
  const auto rows = wanted_of(table, wanted, record, version, input.name, input.not_followed);
  if (rows.all()) return;
  try {
    input.followed.push_back(trace(input.name, rows, input.from, input.to, depth - 1));
  } catch (const Error& error) {
    // What its log no longer holds, or another program wrote, does not hide the rest.
    if (error.code() == Code::canceled) throw;
    input.not_followed = error.problem().message;
  }
}

WhyTracer::Wanted WhyTracer::wanted_of(const std::string& table, const Wanted& wanted,
                                       const lake::Provenance& record, const WhyVersion& version,
                                       const std::string& input, std::string& why_not) {
  const auto* model = world_.project.model(table);
  if (!model) {
    why_not = "no model makes \"" + table + "\" any more";
    return {};
  }
  std::string not_carried;
  auto out = carried_to(*model, wanted, record, input, not_carried);
  out.where = and_also(in_intervals(*model, record, version, input), out.where);
  if (out.all()) why_not = not_carried;
  return out;
}

/// The rows of the input that the model reads for the intervals of the changed rows.
std::string WhyTracer::in_intervals(const project::Model& model, const lake::Provenance& record,
                                    const WhyVersion& version, const std::string& input) {
  if (model.build.kind != project::BuildKind::interval) return {};
  const auto facts =
      tasks::facts_of(world_.project, world_.graph, model, world_.tables, world_.database);
  const auto use = std::find_if(facts.inputs.begin(), facts.inputs.end(),
                                [&](const auto& each) { return each.name == input; });
  if (use == facts.inputs.end() || use->expression.empty() || !facts.grain) return {};
  IntervalSet wanted = record.intervals;
  // Where all changed rows are known, so are their intervals.
  const auto& rows = *version.rows;
  const auto column = std::find_if(rows.columns.begin(), rows.columns.end(), [&](const auto& each) {
    return each.name == model.build.column;
  });
  if (column != rows.columns.end() &&
      int64_t(rows.before.size() + rows.after.size()) == rows.removed + rows.added) {
    IntervalSet of_rows;
    bool told = true;
    for (const auto* side : {&rows.before, &rows.after}) {
      for (const auto& row : *side) {
        const auto time =
            parse_time(cell_text(row[size_t(column - rows.columns.begin())]), world_.project.zone);
        told = told && time;
        if (time) of_rows.add(facts.grain->around(*time));
      }
    }
    if (told) wanted = of_rows & record.intervals;
  }
  std::string out;
  for (const auto& part : wanted.parts()) {
    Parameters bounds;
    tasks::add_interval(bounds, {part.start - use->before, part.end + use->after}, *facts.grain);
    const auto literal = [&](const char* name) {
      const auto& bound = bounds.at(name);
      return "CAST(" + duck::quote_text(cell_text(bound.value)) + " AS " +
             (bound.type.empty() ? "TIMESTAMP" : bound.type) + ")";
    };
    out += fmt::format("{}({} >= {} AND {} < {})", out.empty() ? "" : " OR ", use->expression,
                       literal("start"), use->expression, literal("end"));
  }
  return wanted.parts().size() > 1 ? "(" + out + ")" : out;
}

/// The rows of the input with the same key, or for which the same condition holds.
WhyTracer::Wanted WhyTracer::carried_to(const project::Model& model, const Wanted& wanted,
                                        const lake::Provenance& record, const std::string& input,
                                        std::string& why_not) {
  if (model.through) {
    why_not = "its rows go through an operator";
    return {};
  }
  const auto& now = world_.graph.selects.at(model.name);
  Carried from;
  try {
    const auto then = record.text_hash == sha256(model.sql) || !world_.lake
                          ? std::nullopt
                          : world_.lake->definition(record.text_hash);
    duck::Connection connection(world_.database);
    from = carried(then ? sql::parse_select(connection, *then, now.begin) : now);
  } catch (const Error&) {
    from = carried(now);  // what was understood then is not understood any more
  }
  Wanted out;
  std::string same_names;
  for (const auto& column : columns_of(input, 0)) {
    for (const auto& [name, source] : from) {
      if (source.table != input || lower(source.column) != lower(column.name)) continue;
      if (lower(name) == lower(column.name))
        same_names += (same_names.empty() ? "NULL::" : ", NULL::") + column.type + " AS " +
                      duck::quote_name(column.name);
      for (const auto& [key, value] : wanted.key) {
        if (lower(key) == lower(name)) out.key.emplace_back(column.name, value);
      }
    }
  }
  if (!wanted.where.empty() && !same_names.empty()) {
    try {
      world_.session.describe("SELECT 1 FROM (SELECT " + same_names + ") WHERE (\n" + wanted.where +
                              "\n)");
      out.where = bracketed(wanted.where);
    } catch (const SqlError& error) {
      if (error.code() == Code::canceled) throw;
    }
  }
  why_not = wanted.key.empty() ? "what is asked for are no columns of it"
                               : "none of its columns is a column of the key";
  return out;
}

WhyTracer::Carried WhyTracer::carried(const sql::Parsed& select, int depth) {
  if (depth > kViewsMax) return {};
  sql::Catalog catalog;
  for (const auto& name : select.table_names()) {
    if (const auto* asset = world_.graph.resolve(name))
      catalog[name] = columns_of(asset->name, depth);
  }
  duck::Connection connection(world_.database);
  Carried out;
  for (auto& [column, source] : sql::carried_columns(connection, select, catalog)) {
    const auto* asset = world_.graph.resolve(source.table);
    if (!asset) continue;
    const auto* view = world_.project.model(asset->name);
    if (!view || view->build.kind != project::BuildKind::view) {
      out[column] = {asset->name, source.column};
      continue;
    }
    for (const auto& [inner, below] : carried(world_.graph.selects.at(view->name), depth + 1)) {
      if (lower(inner) == lower(source.column)) out[column] = below;
    }
  }
  return out;
}

/// Of a view by their names alone.
std::vector<Column> WhyTracer::columns_of(const std::string& asset, int depth) {
  const auto* view = world_.project.model(asset);
  if (!view || view->build.kind != project::BuildKind::view)
    return world_.tables.columns(asset).value_or(std::vector<Column>{});
  if (depth > kViewsMax) return {};
  const auto& select = world_.graph.selects.at(asset);
  sql::Catalog catalog;
  for (const auto& name : select.table_names()) {
    if (const auto* input = world_.graph.resolve(name))
      catalog[name] = columns_of(input->name, depth + 1);
  }
  duck::Connection connection(world_.database);
  std::vector<Column> out;
  for (const auto& column : sql::column_lineage(connection, select, catalog))
    out.push_back({column.column, ""});
  return out;
}

}  // namespace windrow::app
