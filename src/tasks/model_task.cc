#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "storage/private_file.h"
#include "tasks/audit.h"
#include "tasks/context.h"
#include "tasks/increment.h"
#include "tasks/interval_batches.h"
#include "tasks/model_facts.h"

namespace windrow::tasks {

namespace {

using project::BuildKind;

constexpr int kPlansMax = 12;  // how often another run may be faster before somebody should look

/// One model being brought up to date.
class ModelBuild {
 public:
  ModelBuild(const Context& context, const project::Model& model, Cancel& cancel,
             const ProgressSink& progress, Report& report)
      : context_(context),
        model_(model),
        select_(context.graph.selects.at(model.name)),
        cancel_(cancel),
        progress_(progress),
        report_(report),
        done_(report.built) {}

  void run() {
    for (int tries = 0; tries < kPlansMax; ++tries) {
      cancel_.check();
      const auto facts =
          facts_of(context_.project, context_.graph, model_, context_.tables, context_.database);
      // Before it is planned: what another run commits from now on is told from what was planned
      // on.
      planned_on_ = record_there();
      auto assessment = plan::assess(facts, context_.tables, context_.choices);
      if (assessment.problem) {
        if (assessment.problem->code == Code::conflict && newer_inputs(facts)) {
          take_newest(facts);
          continue;
        }
        throw Error(*assessment.problem);
      }
      assessment.intervals.remove(done_);
      assessment.complete.add(done_);
      const bool due = assessment.stale &&
                       (model_.build.kind != BuildKind::interval || !assessment.intervals.empty());
      if (const auto former = context_.tables.former_name(model_.name)) {
        take_over(*former, due);
        continue;
      }
      if (!due) return;
      // Of what goes on, those that it began with.
      if (done_.empty()) report_.reasons.clear();
      if (report_.reasons.empty())
        for (const auto& reason : assessment.reasons) report_.reasons.push_back(reason.text);
      if (build(facts, assessment)) return;
      take_newest(facts);
      context_.clock.sleep(std::chrono::milliseconds(5 << std::min(tries, 6)), cancel_);
    }
    throw Error(Code::conflict,
                fmt::format("\"{}\" was changed by others each time it was built", model_.name),
                "look who else writes this table, and run again");
  }

 private:
  /// Takes the table over from its former name; not where the model cannot be built, so that who
  /// goes back to that name finds it.
  void take_over(const std::string& former, bool due) {
    if (due) inputs_for(context_.project, context_.graph, select_, context_.tables, {});
    context_.lake.take_over(former, model_.name);
    context_.tables.took_over(model_.name);
    report_.changed = true;
    report_.version = context_.tables.version(model_.name).version;
    report_.reasons = {"renamed from " + former};
  }

  /// True where the conflict is that the table was built from newer inputs than this run had
  /// pinned.
  bool newer_inputs(const plan::Model& facts) {
    const auto state = context_.tables.provenance(facts.name);
    if (!state.last) return false;
    for (const auto& [name, version] : state.last->inputs) {
      if (context_.tables.exists(name) && context_.tables.version(name).version < version.version)
        return true;
    }
    return false;
  }

  /// The record of the table as it is now.
  std::optional<lake::Provenance> record_there() const {
    auto state = context_.lake.table(model_.name).state();
    return state ? std::move(state->provenance.last) : std::nullopt;
  }

  void take_newest(const plan::Model& facts) {
    for (const auto& input : facts.inputs) context_.tables.forget(input.name);
    context_.tables.forget(facts.name);
  }

  /// False where it has to be planned again.
  bool build(const plan::Model& facts, plan::Assessment& assessment) {
    definition_ = facts.definition;
    text_hash_ = sha256(select_.text);
    context_.lake.keep_definition(text_hash_, select_.text);
    try {
      switch (model_.build.kind) {
        case BuildKind::interval: return build_intervals(facts, assessment);
        case BuildKind::append:
        case BuildKind::merge: return build_rows(assessment);
        case BuildKind::scd2: {
          lake::Method method{lake::Method::Kind::scd2};
          method.scd2 = {model_.build.key, context_.choices.now};
          return step(*open({}), select_.text, method, assessment, {}, assessment.from_scratch);
        }
        default: return build_table(facts, assessment);
      }
    } catch (const SqlError& error) {
      if (error.code() == Code::canceled) throw;
      Problem problem = error.problem();
      if (error.position()) {
        problem.place = select_.place(*error.position());
        if (const auto call = select_.call(*error.position()); !call.empty())
          problem.message += "; " + call;
      } else if (!problem.place.known()) {
        problem.place = {model_.file, 0, 0};
      }
      problem.message = fmt::format("model \"{}\": {}", model_.name, problem.message);
      throw Error(std::move(problem));
    }
  }

  std::unique_ptr<lake::RowWork> open(const std::map<std::string, lake::Relation>& replaced,
                                      const std::vector<engine::Input>& more = {}) {
    auto inputs = inputs_for(context_.project, context_.graph, select_, context_.tables, replaced);
    inputs.insert(inputs.end(), more.begin(), more.end());
    return context_.engine.open(inputs, cancel_, progress_, report_.meter);
  }

  /// From what has changed where that is enough, else whole.
  bool build_table(const plan::Model& facts, const plan::Assessment& assessment) {
    auto increment =
        increment_of(context_.project, context_.graph, model_, facts, assessment, context_.choices,
                     context_.tables, context_.database, context_.files);
    if (const auto* found = std::get_if<Increment>(&increment)) {
      std::optional<std::string> whole;
      bool done = false;
      try {
        done = increase(*found, assessment, whole);
      } catch (const Error& error) {
        // What the whole build meets as well it will tell by itself, in the user's own words.
        if (error.code() == Code::canceled || error.code() == Code::conflict || audited_) throw;
        whole = error.problem().message;
      }
      if (!whole) {
        report_.reasons.push_back(found->text());
        return done;
      }
      BuiltWhole instead{*whole};
      if (const auto* sums = std::get_if<incremental::ByState>(&found->how)) instead.sums = *sums;
      increment = std::move(instead);
    }
    const auto& built_whole = std::get<BuiltWhole>(increment);
    if (!built_whole.reason.empty())
      report_.reasons.push_back("built whole: " + built_whole.reason);
    if (built_whole.sums) return build_with_sums(*built_whole.sums, assessment);
    return step(*open({}), select_.text, {lake::Method::Kind::replace}, assessment, {}, true);
  }

  /// Whole, and the next time from sums.
  bool build_with_sums(const incremental::ByState& how, const plan::Assessment& assessment) {
    const auto session = open({});
    const auto asked = parameters();
    const auto staging = [&](const lake::StageContext& at) -> std::optional<lake::Staged> {
      return stage_with_sums(at, how, asked, sums_);
    };
    audited_ = false;
    try {
      return commit_step(*session, staging, assessment, {}, true);
    } catch (const Error& error) {
      if (audited_ || error.code() == Code::canceled) throw;
    }
    // In the user's own words.
    return step(*open({}), select_.text, {lake::Method::Kind::replace}, assessment, {}, true);
  }

  /// One commit of what has changed; `whole` says why that cannot be.
  bool increase(const Increment& increment, const plan::Assessment& assessment,
                std::optional<std::string>& whole) {
    const auto session = open({}, inputs_before(increment));
    const auto asked = parameters();
    const auto staging = [&](const lake::StageContext& at) -> std::optional<lake::Staged> {
      auto staged = std::holds_alternative<incremental::ByState>(increment.how)
                        ? stage_by_state(at, increment, asked, sums_)
                        : stage_increment(at, increment, asked);
      if (auto* found = std::get_if<lake::Staged>(&staged)) return std::move(*found);
      whole = std::get<BuiltWhole>(staged).reason;
      return {};
    };
    audited_ = false;
    return commit_step(*session, staging, assessment, {}, false);
  }

  Parameters parameters() const {
    auto out = variables_of(context_.project);
    add_run_time(out, context_.choices.now);
    return out;
  }

  bool build_intervals(const plan::Model& facts, plan::Assessment& assessment) {
    const auto session = open({});
    // One interval is one batch, whatever rows it has.
    const auto rows =
        facts.grain->count(assessment.intervals) > 1
            ? occupied(facts, context_.tables, assessment.intervals, context_.database)
            : Occupied{};
    auto plan = interval_batches(facts, model_, context_.graph, assessment.intervals, rows,
                                 context_.database);
    dates_ = compares_dates(select_, context_.graph, context_.tables);
    bool scratch =
        assessment.from_scratch && planned_on_ && done_.empty() && assessment.sealed.empty();
    for (double share = 0; const auto batch = plan.batches.next(); share = plan.batches.share()) {
      cancel_.check();
      if (report_.window_closed() || report_.has_to_give_way()) break;
      if (progress_) progress_({model_.name, facts.grain->label(*batch), share, -1});
      const auto began = context_.clock.now();
      selects_ = plan.selects(*batch);
      lake::Method method{lake::Method::Kind::replace_interval};
      method.column = model_.build.column;
      method.interval = *batch;
      method.zone = context_.project.zone;
      if (!step(*session, select_.text, method, assessment, *batch, scratch)) return false;
      scratch = false;
      done_.add(*batch);
      // What others have built meanwhile stays complete; what is to be built again here does not.
      if (planned_on_)
        assessment.complete.add(planned_on_->complete - (assessment.intervals - done_));
      report_.intervals += facts.grain->count(IntervalSet{*batch});
      plan.batches.took(context_.clock.now() - began);
    }
    return true;
  }

  bool build_rows(const plan::Assessment& assessment) {
    const bool merge = model_.build.kind == BuildKind::merge;
    lake::Method method{merge ? lake::Method::Kind::merge : lake::Method::Kind::append};
    method.merge.key = model_.build.key;
    method.merge.latest_by = model_.build.latest_by;
    if (const auto& within = model_.build.within)
      method.merge.within = lake::MergeOptions::Within{within->column, within->most};
    method.merge.whole_keys = model_.new_rows.empty();
    if (assessment.from_scratch || !assessment.new_rows_from) {
      return step(*open({}), select_.text, method, assessment, {}, assessment.from_scratch);
    }
    const auto input = context_.graph.resolve(model_.new_rows)->name;
    duck::Connection connection(context_.database);
    const auto changes = lake::row_changes(context_.tables.table(input), *assessment.new_rows_from,
                                           assessment.inputs.at(input).version, connection);
    if (changes.clean) {
      const auto added = context_.tables.sampled(input, changes.added);
      return step(*open({{input, added}}), select_.text, method, assessment, {}, false);
    }
    return recompute_keys(input, changes, method, assessment);
  }

  /// The input lost or changed rows: the keys that these yield are computed anew from the whole
  /// input, and go where it no longer yields them.
  bool recompute_keys(const std::string& input, const lake::RowChanges& changes,
                      lake::Method method, const plan::Assessment& assessment) {
    const std::string spill = context_.environment.engine.spill.empty()
                                  ? context_.project.state_folder() + "/spill"
                                  : context_.environment.engine.spill;
    storage::make_private_folder(spill);
    const std::string folder = spill + "/keys-" + new_uuid();
    storage::make_private_folder(folder);
    const auto remove = [&] {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    };
    std::string list;
    for (const auto& name : model_.build.key)
      list += (list.empty() ? "" : ", ") + duck::quote_name(name);
    try {
      const auto both = "(" + changes.added + ") UNION ALL (" + changes.removed + ")";
      const auto changed = open({{input, context_.tables.sampled(input, both)}});
      const auto keys = lake::set_down(
          *changed, folder, "SELECT DISTINCT " + list + " FROM (\n" + select_.text + "\n)",
          parameters(), context_.clock.now());
      method.merge.whole_keys = true;
      method.merge.delete_keys = keys;
      const auto select =
          "SELECT * FROM (\n" + select_.text + "\n) r WHERE (" + list + ") IN (" + keys + ")";
      const bool done = step(*open({}), select, method, assessment, {}, false);
      remove();
      return done;
    } catch (...) {
      remove();
      throw;
    }
  }

  Parameters parameters_in(const Interval& interval) const {
    auto out = parameters();
    add_interval(out, interval, *Grain::parse(model_.build.grain, context_.project.zone), dates_);
    return out;
  }

  /// The SELECT's rows, through the operator where the model has one; with a SELECT for each of
  /// several intervals where it takes that.
  lake::Staged stage(const lake::StageContext& at, const lake::Relation& select,
                     const lake::Method& method) const {
    std::vector<Parameters> asked;
    for (const auto& interval : selects_) asked.push_back(parameters_in(interval));
    if (asked.empty()) asked.push_back(parameters());
    if (!model_.through && asked.size() == 1) return lake::stage(at, select, asked.front(), method);
    std::vector<std::string> kept;
    lake::Relation rows;
    for (size_t i = 0; i < asked.size(); ++i) {
      const std::string name = fmt::format("windrow rows {}", i);
      const auto from = model_.through
                            ? lake::keep_through(at.rows, name, *model_.through, select, asked[i])
                            : at.rows.keep(name, select, asked[i]);
      kept.push_back(name);
      const lake::Relation part = "SELECT * FROM " + from;
      if (asked.size() > 1)
        lake::check_inside(at.rows, at.table_name, part, method.column, selects_[i], method.zone);
      rows = i == 0 ? part : rows + " UNION ALL " + part;
    }
    auto staged = lake::stage(at, rows, {}, method);
    for (const auto& name : kept) at.rows.drop(name);
    return staged;
  }

  bool step(lake::RowWork& session, const lake::Relation& select, const lake::Method& method,
            const plan::Assessment& assessment, const Interval& interval, bool replace_schema) {
    const auto staging = [&](const lake::StageContext& at) -> std::optional<lake::Staged> {
      return stage(at, select, method);
    };
    return commit_step(session, staging, assessment, interval, replace_schema);
  }

  using Staging = std::function<std::optional<lake::Staged>(const lake::StageContext&)>;

  /// Stages, audits and commits one part. False where it has to be planned again, or nothing was
  /// staged.
  bool commit_step(lake::RowWork& session, const Staging& staging, plan::Assessment assessment,
                   const Interval& interval, bool replace_schema) {
    auto at = stage_at(context_, session, model_.name, model_.partition_by, progress_);
    at.may_replace_schema = replace_schema && at.current.has_value();
    sums_.clear();
    struct Discard {  // what is staged and not committed
      const Context& context;
      std::vector<StagedSums>& sums;
      ~Discard() { discard_sums(context.files, sums); }
    } discard{context_, sums_};
    auto mine = record_of(context_, model_.name, std::string(project::name_of(model_.build.kind)));
    mine.definition = definition_;
    mine.text_hash = text_hash_;
    mine.inputs = assessment.inputs;
    mine.sample = assessment.sample;
    if (!interval.empty()) mine.intervals = IntervalSet{interval};
    assessment.complete.add(done_);
    // The version that is staged upon may be another run's already.
    const auto staged_on = record_there();
    if (!plan::next_record(mine, assessment, planned_on_, staged_on)) return false;
    auto made = staging(at);
    if (!made) return false;
    auto staged = std::move(*made);
    audited_ = true;
    Audit audit(context_, {model_.name, model_.columns, model_.checks, model_.contract}, session,
                report_);
    audit.first(staged);
    if (cancel_.requested()) {
      lake::discard(context_.files, staged);
      cancel_.check();
    }

    mine.touched = staged.touched;
    mine.quality_score = report_.quality_score;
    mine.run_time = context_.choices.now;
    if (!sums_.empty()) mine.state = commit_sums(context_, model_.name, std::exchange(sums_, {}));
    const auto record = plan::next_record(mine, assessment, planned_on_, staged_on);
    WINDROW_INVARIANT(record.has_value());

    const auto paths = staged.written_paths;
    const int64_t rows = staged.rows_written;
    auto request = lake::request_of(std::move(staged),
                                    new_table(context_, model_.name, model_.common.description));
    request.provenance = record;
    request.rebase = [&](const std::vector<lake::Commit>& since,
                         lake::CommitRequest& later) -> std::optional<std::string> {
      auto there = staged_on;
      for (const auto& commit : since) {
        if (!commit.info) continue;
        auto found = lake::provenance_of(*commit.info);
        if (found && found->kind != "maintenance") there = std::move(found);
      }
      if (!plan::next_record(mine, assessment, planned_on_, there))
        return "another run built it in between";
      audit.again(since, later);
      mine.quality_score = report_.quality_score;
      later.provenance = plan::next_record(mine, assessment, planned_on_, there);
      return {};
    };
    const auto version = commit(context_, model_.name, std::move(request), paths);
    if (!version) return false;
    // What this run has written, which may be another run's by now.
    const auto written = context_.lake.table(model_.name).commits(*version - 1, *version);
    planned_on_ = lake::provenance_of(*written.front().info);
    report_.changed = report_.got_further = true;
    report_.rows += rows;
    report_.version = *version;
    if (planned_on_ && (!planned_on_->state.empty() || (staged_on && !staged_on->state.empty())))
      clean_sums(context_, model_.name, *planned_on_);
    return true;
  }

  const Context& context_;
  const project::Model& model_;
  const sql::Parsed& select_;
  Cancel& cancel_;
  const ProgressSink& progress_;
  Report& report_;
  std::optional<lake::Provenance> planned_on_;
  std::string definition_, text_hash_;
  std::vector<Interval> selects_;  ///< of the present batch, where it is built by intervals
  bool dates_ = false;             ///< $start and $end are dates
  std::vector<StagedSums> sums_;   ///< of the commit that is being made
  bool audited_ = false;           ///< something was staged: what fails since is not its making
  IntervalSet& done_;              ///< built by this task
};

}  // namespace

void build_model(const Context& context, const project::Model& model, Cancel& cancel,
                 const ProgressSink& progress, Report& report) {
  if (model.build.kind == BuildKind::view) return;
  ModelBuild(context, model, cancel, progress, report).run();
}

}  // namespace windrow::tasks
