#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/local_time.h"

namespace windrow::plan {

namespace {

using project::BuildKind;

std::string counted(size_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

/// `2025-10-17`, or `2025-10-17 … 2025-10-19` for more than one interval.
std::string labels(const IntervalSet& set, const Grain& grain) {
  const Interval hull = set.hull();
  const std::string first = grain.label(grain.around(hull.start));
  const std::string last = grain.label(grain.around(hull.end - std::chrono::microseconds(1)));
  return first == last ? first : first + " … " + last;
}

/// One model's assessment while it is being made.
class Assessor {
 public:
  Assessor(const Model& model, World& world, const Choices& choices)
      : model_(model), world_(world), choices_(choices) {}

  Assessment run() {
    if (model_.kind == BuildKind::view) return {};
    read_recorded();
    if (out_.problem) return std::move(out_);
    pin_inputs();
    if (out_.problem) return std::move(out_);
    decide_whether_from_scratch();
    if (out_.problem) return std::move(out_);
    if (model_.kind == BuildKind::interval) {
      assess_intervals();
    } else {
      assess_whole();
    }
    return std::move(out_);
  }

 private:
  void read_recorded() {
    if (!world_.own(model_.name)) return;
    auto state = world_.provenance(model_.name);
    if (choices_.full_refresh && !in_a_window()) {
      recorded_ = std::move(state.last);
      return;
    }
    if (state.history_lost) {
      out_.problem = Problem{Code::history_lost,
                             fmt::format("table \"{}\": history lost: another program cleaned its "
                                         "log, so nobody knows what is done",
                                         model_.name),
                             fmt::format("rebuild it with `windrow run --full-refresh --select "
                                         "{0}`, or take it as it stands with "
                                         "`windrow plan --accept {0}`",
                                         model_.name),
                             {}};
      return;
    }
    if (!state.last) {
      out_.problem =
          Problem{Code::conflict,
                  fmt::format("table \"{}\" exists in the lake, but this project did not make it",
                              model_.name),
                  fmt::format("give the model another name, or replace the table with "
                              "`windrow run --full-refresh --select {}`",
                              model_.name),
                  {}};
      return;
    }
    recorded_ = std::move(state.last);
  }

  void pin_inputs() {
    for (const auto& input : model_.inputs) {
      if (!world_.exists(input.name))
        continue;  // made earlier in the same run, or reported by the graph
      const auto pinned = world_.version(input.name);
      out_.inputs[input.name] = pinned;
      if (out_.sample.empty()) out_.sample = world_.sample(input.name);
      if (!recorded_) continue;
      const auto* found = recorded_input(input);
      if (found && found->table_id == pinned.table_id && found->version > pinned.version) {
        out_.problem = Problem{
            Code::conflict,
            fmt::format("table \"{}\" was built from version {} of \"{}\", newer than version {} "
                        "which this run reads",
                        model_.name, found->version, input.name, pinned.version),
            "run again: another run was faster",
            {}};
        return;
      }
    }
  }

  void reason(std::string text, IntervalSet intervals = {}) {
    out_.stale = true;
    out_.reasons.push_back({std::move(text), std::move(intervals)});
  }

  void decide_whether_from_scratch() {
    if (!recorded_) {
      scratch_reason_ = "new";
    } else if (choices_.full_refresh && !in_a_window()) {
      scratch_reason_ = "full refresh";
    } else if (recorded_->definition != model_.definition &&
               !world_.same_meaning(model_.name, *recorded_)) {
      const auto* gone = gone_input();
      scratch_reason_ = gone ? fmt::format("input {} is not in the lake any more", gone->name)
                             : "definition changed";
    } else if (recorded_->sample != out_.sample) {
      compare_samples();
    }
  }

  /// Rows of a sample and others do not mix in one table.
  void compare_samples() {
    const auto of = [](const std::string& sample) {
      return sample.empty() ? "all rows" : "a sample of " + sample;
    };
    scratch_reason_ =
        fmt::format("built from {}, now from {}", of(recorded_->sample), of(out_.sample));
    if (model_.kind != BuildKind::scd2 || !recorded_->sample.empty()) return;
    out_.problem =
        Problem{Code::conflict,
                fmt::format("model \"{}\" keeps what its rows were, and was {}", model_.name,
                            scratch_reason_),
                fmt::format("build it anew with `--full-refresh --select {}`, or leave it out with "
                            "`--exclude {}`",
                            model_.name, model_.name),
                {}};
  }

  /// One that the table was built from: nobody knows its columns, so the definition looks changed
  /// where it says `*`.
  const InputUse* gone_input() const {
    for (const auto& input : model_.inputs) {
      if (!out_.inputs.contains(input.name) && recorded_input(input)) return &input;
    }
    return nullptr;
  }

  /// A full refresh of some intervals: all others stay as they are.
  bool in_a_window() const {
    return choices_.full_refresh && model_.kind == BuildKind::interval &&
           (choices_.start || choices_.end);
  }

  const lake::InputVersion* recorded_input(const InputUse& input) const {
    auto found = recorded_->inputs.find(input.name);
    if (found == recorded_->inputs.end() && !input.former.empty())
      found = recorded_->inputs.find(input.former);
    return found == recorded_->inputs.end() ? nullptr : &found->second;
  }

  // --- whole tables, append, merge, scd2 ---

  void assess_whole() {
    if (!scratch_reason_.empty()) {
      if (recorded_ && model_.kind != BuildKind::scd2) keep_what_cannot_come_again();
      if (out_.problem) return;
      reason(scratch_reason_);
      // The rows that a slowly changing dimension keeps are not in its inputs any more.
      out_.from_scratch = model_.kind != BuildKind::scd2 || !recorded_ || choices_.full_refresh ||
                          recorded_->sample != out_.sample;
      return;
    }
    if (choices_.rebuild && (choices_.rebuild_sealed || !would_lose_rows())) reason("backfill");
    if (model_.by_run_time) reason("due: it reads $run_time");
    for (const auto& input : model_.inputs) {
      if (input.lookup || !out_.inputs.count(input.name)) continue;
      const bool incremental = incremental_input(input);
      if (!incremental && has_new_rows_input()) continue;
      look_at_whole_input(input, incremental);
    }
  }

  /// Rows that retention has taken from an input and that this table may have been built from. What
  /// is built whole each time has them since its last build, what grows has had them always.
  std::optional<int64_t> gone_from(const InputUse& input) {
    if (input.lookup || !model_.retention.count(input.name)) return {};
    const auto now = out_.inputs.find(input.name);
    const auto* then = recorded_input(input);
    if (now == out_.inputs.end() || !then || then->table_id != now->second.table_id) return {};
    const int64_t from = built_whole_each_time() ? then->version : -1;
    return world_.taken_by_retention(input.name, from, now->second.version);
  }

  bool built_whole_each_time() const {
    return model_.kind == BuildKind::table || model_.kind == BuildKind::scd2;
  }

  /// Built again from the same inputs, it would hold less, or call what it holds gone.
  bool would_lose_rows() {
    return built_whole_each_time() &&
           std::any_of(model_.inputs.begin(), model_.inputs.end(),
                       [&](const InputUse& input) { return gone_from(input).has_value(); });
  }

  void keep_what_cannot_come_again() {
    if (choices_.rebuild_sealed) return;
    for (const auto& input : model_.inputs) {
      const auto rows = gone_from(input);
      if (!rows) continue;
      out_.problem = Problem{
          Code::data,
          fmt::format("model \"{}\": {}, but retention has taken {} of its input \"{}\": what was "
                      "built from them would be lost",
                      model_.name, scratch_reason_, counted(size_t(*rows), "row", "rows"),
                      input.name),
          fmt::format("keep its rows and build new ones as it says now with `windrow plan --accept "
                      "{0}`, or rebuild it from what is left with `windrow run --rebuild-sealed "
                      "--select {0}`",
                      model_.name),
          {}};
      return;
    }
  }

  bool has_new_rows_input() const {
    for (const auto& input : model_.inputs) {
      if (input.new_rows) return true;
    }
    return false;
  }

  static bool incremental_input(const InputUse& input) { return input.new_rows; }

  void look_at_whole_input(const InputUse& input, bool incremental) {
    const auto& now = out_.inputs.at(input.name);
    const auto* then = recorded_input(input);
    if (!then || then->table_id != now.table_id) {
      reason(fmt::format("input {} was replaced by another table", input.name));
      out_.from_scratch = true;
      return;
    }
    if (incremental) out_.new_rows_from = then->version;
    if (then->version == now.version) return;
    const auto changed = changes_of(input, then->version, now.version, nullptr);
    if (out_.problem || (changed.files == 0 && !changed.everything)) return;
    if (incremental && changed.everything) {
      out_.from_scratch = true;
      out_.new_rows_from.reset();
    }
    if (incremental && changed.rows_removed) {
      out_.rows_removed = true;
      if (model_.kind == BuildKind::append) {
        out_.problem = Problem{
            Code::conflict,
            fmt::format("model \"{}\" appends the new rows of \"{}\", but that table also lost or "
                        "changed rows "
                        "(versions {} → {})",
                        model_.name, input.name, then->version, now.version),
            fmt::format("rebuild it with `windrow run --full-refresh --select {}`", model_.name),
            {}};
        return;
      }
    }
    std::string text = fmt::format("input {} {} → {}: {}", input.name, then->version, now.version,
                                   counted(size_t(changed.files), "file", "files"));
    if (const auto rows = model_.kind == BuildKind::table ? gone_from(input) : std::nullopt) {
      text += fmt::format("; {} of it that retention has taken {} from here as well",
                          counted(size_t(*rows), "row", "rows"), *rows == 1 ? "goes" : "go");
    }
    reason(std::move(text));
  }

  // --- intervals ---

  void assess_intervals() {
    const Grain& grain = *model_.grain;
    expected_ = IntervalSet{expected(model_, choices_.now)};
    IntervalSet built = recorded_ ? recorded_->complete : IntervalSet{};
    complete_ = scratch_reason_.empty() ? built : IntervalSet{};
    if (!scratch_reason_.empty()) {
      out_.from_scratch = !recorded_ || (choices_.full_refresh && !in_a_window());
      if (recorded_) add_interval_reason(scratch_reason_, built & expected_);
    } else {
      for (const auto& input : model_.inputs) {
        look_at_interval_input(input);
        if (out_.problem) return;
      }
    }
    const IntervalSet never_built = expected_ - built;
    if (!never_built.empty()) {
      add_interval_reason(recorded_ ? fmt::format("due: {}", counted(grain.count(never_built),
                                                                     "interval", "intervals"))
                                    : std::string("new"),
                          never_built);
    }
    // Whole intervals, also where the record has boundaries that there are none of any more.
    const IntervalSet all_stale = grain.widen(expected_ - complete_) & expected_;
    IntervalSet stale = all_stale;
    if (choices_.rebuild || (recorded_ && in_a_window())) stale = rebuild_range();
    const IntervalSet gone = built & beyond_retention();
    if (!choices_.rebuild_sealed) out_.sealed = stale & gone;
    stale.remove(out_.sealed);
    limit_to_range(stale);
    // Whatever of it is not built now stays as it is: what no record calls complete would be taken
    // for never built the next time.
    out_.sealed.add((all_stale & gone) - stale);
    out_.outside.remove(out_.sealed);
    complete_.add(out_.sealed);
    out_.complete = complete_ - stale;
    out_.intervals = stale;
    out_.stale = !stale.empty();
  }

  void add_interval_reason(const std::string& text, const IntervalSet& intervals) {
    if (!intervals.empty()) out_.reasons.push_back({text, intervals});
  }

  void look_at_interval_input(const InputUse& input) {
    if (input.lookup || !out_.inputs.count(input.name)) return;
    const auto& now = out_.inputs.at(input.name);
    const auto* then = recorded_input(input);
    if (!then || then->table_id != now.table_id) {
      touch_all(fmt::format("input {} was replaced by another table", input.name));
      return;
    }
    if (then->version == now.version) return;
    const Grain& grain = *model_.grain;
    const auto changed = changes_of(input, then->version, now.version, &grain);
    if (out_.problem || (changed.files == 0 && changed.intervals.empty() && !changed.everything))
      return;
    const std::string moved =
        fmt::format("input {} {} → {}: {}", input.name, then->version, now.version,
                    counted(size_t(changed.files), "file", "files"));
    if (changed.everything || input.expression.empty()) {
      touch_all(moved + ", all intervals");
      return;
    }
    IntervalSet touched;
    for (const auto& part : changed.intervals.parts()) {
      touched.add({earlier_by(part.start, input.after, grain.zone()),
                   later_by(part.end, input.before, grain.zone())});
    }
    touched = grain.widen(touched) & expected_;
    const IntervalSet late = touched & complete_;
    complete_.remove(touched);
    if (late.empty()) return;
    const std::string explained =
        fmt::format("{}, {}", moved, counted(grain.count(late), "interval", "intervals"));
    add_interval_reason(changed.rows_removed
                            ? explained
                            : fmt::format("late data in {} ({})", labels(late, grain), explained),
                        late);
  }

  void touch_all(const std::string& text) {
    add_interval_reason(text, complete_ & expected_);
    complete_ = {};
  }

  lake::ChangedIntervals changes_of(const InputUse& input, int64_t from, int64_t to,
                                    const Grain* grain) {
    try {
      return grain && !input.expression.empty()
                 ? world_.changes(input.name, from, to, input.expression, *grain)
                 : world_.changes(input.name, from, to);
    } catch (const Error& error) {
      if (error.code() != Code::history_lost) throw;
      out_.problem = Problem{Code::history_lost,
                             fmt::format("model \"{}\": history lost: the log of its input \"{}\" "
                                         "no longer holds versions {} to {}",
                                         model_.name, input.name, from, to),
                             fmt::format("rebuild it with `windrow run --full-refresh --select "
                                         "{0}`, or take it as it stands with "
                                         "`windrow plan --accept {0}`",
                                         model_.name),
                             {}};
      return {};
    }
  }

  IntervalSet rebuild_range() {
    const Interval range{
        choices_.start.value_or(expected_.empty() ? choices_.now : expected_.hull().start),
        choices_.end.value_or(choices_.now)};
    IntervalSet wanted = IntervalSet{model_.grain->widen(range)} & expected_;
    add_interval_reason(choices_.full_refresh ? "full refresh" : "backfill", wanted & complete_);
    return wanted;
  }

  /// Intervals of which what they are built from may be gone.
  IntervalSet beyond_retention() const {
    IntervalSet out;
    for (const auto& input : model_.inputs) {
      auto kept = model_.retention.find(input.name);
      if (kept == model_.retention.end() || input.lookup) continue;
      const Time oldest = choices_.now - kept->second;
      // An interval [s, e) reads from s - before on; it is whole only where s - before >= oldest.
      out.add(
          {Time::min(), model_.grain->ceil(later_by(oldest, input.before, model_.grain->zone()))});
    }
    return out;
  }

  void limit_to_range(IntervalSet& stale) {
    if (choices_.rebuild || (recorded_ && in_a_window()) || (!choices_.start && !choices_.end))
      return;
    const Interval range{choices_.start.value_or(Time::min()), choices_.end.value_or(Time::max())};
    IntervalSet inside;
    for (const auto& part : stale.parts()) {
      const IntervalSet clipped_parts = IntervalSet{part} & IntervalSet{range};
      for (const auto& clipped : clipped_parts.parts()) {
        inside.add(model_.grain->widen(clipped));
      }
    }
    out_.outside = stale - inside;
    stale = stale & inside;
  }

  const Model& model_;
  World& world_;
  const Choices& choices_;
  Assessment out_;
  std::optional<lake::Provenance> recorded_;
  std::string scratch_reason_;
  IntervalSet expected_, complete_;
};

}  // namespace

Interval expected(const Model& model, Time now) {
  const Time last = model.grain->floor(now - model.wait);
  return {model.grain->floor(model.begin),
          model.end ? std::min(last, model.grain->ceil(*model.end)) : last};
}

Assessment assess(const Model& model, World& world, const Choices& choices) {
  return Assessor(model, world, choices).run();
}

}  // namespace windrow::plan
