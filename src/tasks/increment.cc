#include "tasks/increment.h"

#include <fmt/format.h>

#include <algorithm>

#include "duck/duck.h"
#include "lake/row_delta.h"
#include "lake/statistics.h"
#include "lake/table.h"
#include "tasks/context.h"
#include "tasks/model_facts.h"

namespace windrow::tasks {

namespace {

// Shares of the rows of the inputs that have changed, above which building whole is quicker.
constexpr double kByRowMost = 0.3, kByKeyMost = 0.2;

/// Who asks by names as SELECTs have them: tables with their columns, views with their texts.
class Reading {
 public:
  Reading(const project::Project& project, const graph::Graph& graph, const sql::Parsed& select,
          Tables& tables)
      : project_(project), graph_(graph), tables_(tables) {
    question.select = select.text;
    add(select);
  }

  incremental::Question question;
  std::map<std::string, std::vector<std::string>> written;  ///< by table

 private:
  void add(const sql::Parsed& select) {
    for (const auto& name : select.table_names()) {
      if (!seen_.insert(name).second) continue;
      const auto* asset = graph_.resolve(name);
      WINDROW_INVARIANT(asset != nullptr);
      const auto* model = project_.model(asset->name);
      if (model && model->build.kind == project::BuildKind::view) {
        const auto& inner = graph_.selects.at(asset->name);
        question.views[name] = with_variables(project_, inner);
        add(inner);
        continue;
      }
      written[asset->name].push_back(name);
      if (auto columns = tables_.columns(asset->name)) question.columns[name] = std::move(*columns);
    }
  }

  const project::Project& project_;
  const graph::Graph& graph_;
  Tables& tables_;
  std::set<std::string> seen_;
};

/// A reason to leave.
struct Why {
  std::string reason;
  std::optional<incremental::ByState> sums = {};
};

/// Of a table that is there: whether it is what its record says, and nothing else has changed it.
int64_t built_version(const project::Model& model, Tables& tables, const lake::Provenance& last,
                      const lake::ProvenanceState& state) {
  if (!state.foreign_versions.empty())
    throw Why{fmt::format("another program changed the table in version {}",
                          state.foreign_versions.front())};
  if (last.dialect != "duckdb " + duck::version())
    throw Why{"the table was built by another version of the engine"};
  const auto table = tables.table(model.name);
  const int64_t latest = table.latest_version();
  for (const auto& commit : table.commits(state.last_version - 1, latest)) {
    if (commit.version == state.last_version) {
      // A record that was restored or accepted says what is there only as far as somebody chose.
      const auto made = commit.info ? commit.info->operation : std::string();
      if (made != "WRITE" && made != "MERGE")
        throw Why{fmt::format("version {} of the table is no build: {}", commit.version, made)};
      continue;
    }
    if (commit.changes_data())
      throw Why{fmt::format("rows of the table were changed in version {}, after it was built",
                            commit.version)};
  }
  return latest;
}

int64_t rows_of_table(const lake::Snapshot& snapshot) {
  return std::max<int64_t>(snapshot.rows(), 0);
}

/// So few rows are read whole sooner than it is found out what has changed in them.
constexpr int64_t kRowsFew = 5'000'000;

bool reads_few(const plan::Model& facts, Tables& tables) {
  int64_t rows = 0;
  for (const auto& input : facts.inputs) {
    const auto there = tables.snapshot(input.name)->rows();
    if (there < 0) return false;
    rows += there;
  }
  return rows < kRowsFew;
}

/// Weighs what has changed against all that there is.
void check_share(const Increment& increment, double most) {
  double changed = 0, all = 0;
  for (const auto& input : increment.inputs) {
    const bool known = input.delta.added_rows >= 0 && input.delta.removed_rows >= 0;
    // Of files without counts their bytes say it.
    changed += known ? double(input.delta.added_rows + input.delta.removed_rows)
                     : double(input.delta.bytes);
    all += known ? double(rows_of_table(*input.before)) : double(input.before->bytes());
  }
  if (changed > most * all)
    throw Why{fmt::format("{:.0f} % of its inputs' rows have changed",
                          100 * changed / std::max(all, 1.0))};
}

void count_reading(const plan::Model& facts, Tables& tables, Increment& out) {
  bool all = out.inputs.size() > 1 || std::holds_alternative<incremental::ByKey>(out.how);
  if (const auto* by_row = std::get_if<incremental::ByRow>(&out.how)) all = all || by_row->asks;
  if (const auto* by_state = std::get_if<incremental::ByState>(&out.how)) {
    // What outer joins and sub-queries ask about is looked for in the inputs.
    all = all || by_state->asks ||
          std::any_of(by_state->states.begin(), by_state->states.end(),
                      [](const auto& state) { return !state.touched.empty(); });
  }
  for (const auto& input : facts.inputs) {
    const auto changed = std::find_if(out.inputs.begin(), out.inputs.end(),
                                      [&](const auto& one) { return one.name == input.name; });
    if (changed != out.inputs.end()) {
      const auto& delta = changed->delta;
      out.rows_came += std::max<int64_t>(delta.added_rows, 0);
      out.rows_went += std::max<int64_t>(delta.removed_rows, 0);
      out.bytes_read += delta.bytes;
      out.files_read += delta.files;
      if (!all) continue;
    }
    const auto snapshot = tables.snapshot(input.name);
    out.rows_read += rows_of_table(*snapshot);
    out.bytes_read += snapshot->bytes();
    out.files_read += int64_t(snapshot->files.size());
  }
  out.rows_read += out.rows_came + out.rows_went;
}

void find_changed(const plan::Model& facts, const plan::Assessment& assessment,
                  const lake::Provenance& last, Tables& tables, duck::Connection& connection,
                  Reading& reading, Increment& out) {
  if (last.inputs.size() != assessment.inputs.size())
    throw Why{"it reads other tables than before"};
  for (const auto& input : facts.inputs) {
    const auto now = assessment.inputs.find(input.name);
    const auto then = last.inputs.find(input.name);
    if (now == assessment.inputs.end() || then == last.inputs.end() ||
        now->second.table_id != then->second.table_id)
      throw Why{fmt::format("it was built from another table than \"{}\"", input.name)};
    if (now->second.version == then->second.version) continue;
    const auto table = tables.table(input.name);
    Increment::Input changed{
        input.name, reading.written[input.name],
        lake::row_delta(table, then->second.version, now->second.version, connection), nullptr};
    if (!changed.delta.unusable.empty())
      throw Why{fmt::format("input {}: {}", input.name, changed.delta.unusable)};
    if (changed.delta.added.empty() && changed.delta.removed.empty()) continue;
    changed.before =
        std::make_shared<const lake::Snapshot>(table.snapshot(then->second.version, &connection));
    reading.question.changed.insert(changed.written.begin(), changed.written.end());
    out.inputs.push_back(std::move(changed));
  }
}

Increment found(const project::Project& project, const graph::Graph& graph,
                const project::Model& model, const plan::Model& facts,
                const plan::Assessment& assessment, Tables& tables, duck::Database& database,
                storage::FileSystem& files) {
  if (model.incremental == "never") throw Why{"incremental: never"};
  if (model.through) throw Why{"its rows go through an operator"};
  if (facts.by_run_time) throw Why{"it reads $run_time"};
  const bool asked = model.incremental != "auto";
  if (!asked && reads_few(facts, tables)) throw Why{};
  const auto state = tables.provenance(model.name);
  if (!state.last || state.history_lost) throw Why{};
  if (!assessment.sample.empty() || !state.last->sample.empty())
    throw Why{"it is built from a sample"};
  Increment out;
  out.built_on = built_version(model, tables, *state.last, state);
  duck::Connection connection(database);
  Reading reading(project, graph, graph.selects.at(model.name), tables);
  find_changed(facts, assessment, *state.last, tables, connection, reading, out);
  if (out.inputs.empty()) throw Why{};
  if (asked)
    reading.question.rule = model.incremental == "rows"   ? incremental::Question::Rule::by_row
                            : model.incremental == "sums" ? incremental::Question::Rule::by_state
                                                          : incremental::Question::Rule::by_key;
  reading.question.parameters = variables_of(project);
  auto how = incremental::maintenance_of(connection, reading.question);
  if (const auto* whole = std::get_if<incremental::Whole>(&how)) throw Why{whole->reason};
  if (auto* by_row = std::get_if<incremental::ByRow>(&how)) {
    if (!asked) check_share(out, kByRowMost);
    out.how = std::move(*by_row);
  } else if (auto* by_key = std::get_if<incremental::ByKey>(&how)) {
    if (!asked) check_share(out, kByKeyMost);
    out.how = std::move(*by_key);
  } else {
    auto& by_state = std::get<incremental::ByState>(how);
    out.sums = kept_sums(*state.last);
    if (!all_there(files, tables.table(model.name).path(), out.sums, by_state.states))
      throw Why{"its sums are not kept yet", std::move(by_state)};
    try {
      if (!asked) check_share(out, kByRowMost);
    } catch (Why& why) {
      why.sums = std::move(by_state);
      throw;
    }
    out.how = std::move(by_state);
  }
  out.always = asked;
  count_reading(facts, tables, out);
  return out;
}

}  // namespace

std::string Increment::text() const {
  std::string out = "row by row";
  if (const auto* by_key = std::get_if<incremental::ByKey>(&how)) {
    out = "by key (";
    for (size_t i = 0; i < by_key->key.size(); ++i) out += (i == 0 ? "" : ", ") + by_key->key[i];
    out += ")";
  } else if (std::holds_alternative<incremental::ByState>(how)) {
    out = "from sums";
  }
  return out + fmt::format(": of its inputs {} {} came, {} went", rows_came,
                           rows_came == 1 ? "row" : "rows", rows_went);
}

std::variant<Increment, BuiltWhole> increment_of(
    const project::Project& project, const graph::Graph& graph, const project::Model& model,
    const plan::Model& facts, const plan::Assessment& assessment, const plan::Choices& choices,
    Tables& tables, duck::Database& database, storage::FileSystem& files) {
  if (model.build.kind != project::BuildKind::table || !assessment.stale || assessment.problem ||
      assessment.from_scratch || choices.full_refresh || choices.rebuild ||
      !tables.own(model.name) || tables.former_name(model.name))
    return BuiltWhole{};
  try {
    return found(project, graph, model, facts, assessment, tables, database, files);
  } catch (const Why& why) {
    return BuiltWhole{why.reason, why.sums};
  } catch (const Error& error) {
    // What a whole build does not need, or what it will tell better.
    return BuiltWhole{error.code() == Code::history_lost
                          ? "the log of an input no longer says what has changed"
                          : error.problem().message};
  }
}

std::vector<engine::Input> inputs_before(const Increment& increment) {
  std::vector<engine::Input> out;
  for (const auto& input : increment.inputs) {
    for (const auto& name : input.written)
      out.push_back({incremental::rows_before(name), lake::guided_scan(input.before)});
  }
  return out;
}

}  // namespace windrow::tasks
