#include <fmt/format.h>

#include <algorithm>

#include "app/app.h"
#include "cli/data_out.h"
#include "cli/json_text.h"
#include "cli/line_diff.h"
#include "cli/parser.h"
#include "cli/session.h"
#include "cli/text_table.h"

namespace windrow::cli {

namespace {

constexpr size_t kNamesMax = 5;  // of files, of intervals; all of them with --verbose

/// The answer as lines, each step of inputs further to the right.
class Page {
 public:
  explicit Page(const Out& out) : out_(out), style_(out.style()) {}

  void show(const app::WhyTable& table, size_t indent) {
    for (const auto& version : table.versions) show(version, !table.condition.empty(), indent);
    if (table.versions.empty()) {
      line(indent, fmt::format("no version{} changed {}",
                               table.after < 0 ? "" : fmt::format(" after {}", table.after),
                               table.condition.empty() ? "data" : "such rows"));
    }
    if (table.more) line(indent, style_.dim("there are older ones: --limit N shows more"));
    for (const auto& lost : table.lost) line(indent, style_.yellow("not known: ") + lost);
  }

 private:
  void line(size_t indent, const std::string& text) const {
    out_.print(std::string(indent, ' ') + text);
  }

  void show(const app::WhyVersion& version, bool by_rows, size_t indent) {
    line(indent, style_.bold(fmt::format("version {}", version.version)) + "  " +
                     short_time(version.time) + "  " +
                     (version.kind.empty() ? version.operation : version.kind) +
                     (version.run.empty() ? "" : "  run " + version.run.substr(0, 13)));
    const size_t in = indent + 2;
    std::string reasons;
    for (const auto& reason : version.reasons) reasons += (reasons.empty() ? "" : "; ") + reason;
    line(in, "why: " + reasons);
    show_intervals(version, in);
    if (version.definition && out_.verbose()) show_definition(*version.definition, in);
    if (!version.read.empty()) line(in, "read: " + listed(version.read));
    if (version.rows) {
      show_rows(*version.rows, in);
    } else {
      show_counts(version, in);
    }
    if (out_.verbose()) {
      for (const auto& file : version.files) line(in, style_.dim("wrote " + file));
    }
    for (const auto& input : version.inputs) show(input, by_rows, in);
  }

  std::string listed(const std::vector<std::string>& names) const {
    std::string out;
    const size_t most = out_.verbose() ? names.size() : std::min(names.size(), kNamesMax);
    for (size_t i = 0; i < most; ++i) out += (i == 0 ? "" : ", ") + names[i];
    return most == names.size() ? out : fmt::format("{} and {} more", out, names.size() - most);
  }

  void show_intervals(const app::WhyVersion& version, size_t in) const {
    if (version.intervals.empty()) return;
    std::vector<std::string> parts;
    for (const auto& part : version.intervals)
      parts.push_back(short_time(part.start) + " until " + short_time(part.end));
    line(in, "intervals: " + listed(parts));
  }

  void show_counts(const app::WhyVersion& version, size_t in) const {
    std::string rows;
    if (version.rows_added) rows += "+" + count_text(*version.rows_added);
    if (version.rows_removed)
      rows += (rows.empty() ? "-" : " -") + count_text(*version.rows_removed);
    if (rows.empty()) rows = "not counted";
    line(in, version.in_log ? fmt::format("rows: {}; files: +{} -{}, {}", rows, version.files_added,
                                          version.files_removed, bytes_text(version.bytes_added))
                            : fmt::format("rows: {}; files: no longer in the log", rows));
  }

  void show_definition(const app::WhyDefinition& definition, size_t in) const {
    if (definition.after.empty() || definition.before.empty()) {
      line(in, style_.dim("its text was not kept"));
      return;
    }
    for (const auto& each : diff_lines(definition.before, definition.after)) {
      const std::string text = std::string(1, each.sign) + " " + each.text;
      line(in, each.sign == '-' ? style_.red(text) : each.sign == '+' ? style_.green(text) : text);
    }
  }

  void show_rows(const app::WhyRows& rows, size_t in) const {
    std::vector<std::string> heads{""};
    for (const auto& column : rows.columns) heads.push_back(column.name);
    TextTable table(heads);
    for (const auto& [sign, side] : {std::pair{"-", &rows.before}, {"+", &rows.after}}) {
      for (const auto& row : *side) {
        std::vector<TextTable::Cell> cells{
            {sign, *sign == '-' ? TextTable::Tone::bad : TextTable::Tone::good}};
        for (const auto& cell : row)
          cells.emplace_back(cell_text(cell), std::holds_alternative<std::monostate>(cell)
                                                  ? TextTable::Tone::dim
                                                  : TextTable::Tone::plain);
        table.add(std::move(cells));
      }
    }
    const size_t width = out_.width() > in + 20 ? out_.width() - in : out_.width();
    put_data(indented(table.text({width, style_, nullptr}), in));
    const int64_t more =
        rows.removed + rows.added - int64_t(rows.before.size()) - int64_t(rows.after.size());
    if (more > 0) line(in, style_.dim("and " + counted(more, "row") + " more"));
  }

  static std::string indented(const std::string& text, size_t in) {
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      out += std::string(in, ' ') + text.substr(begin, end - begin);
      begin = end;
    }
    return out;
  }

  void show(const app::WhyInput& input, bool by_rows, size_t in) {
    const bool moved = input.from != input.to;
    if (!moved && !out_.verbose()) return;
    std::string text = "input " + input.name + " ";
    text += input.from < 0 ? fmt::format("up to {}", input.to)
            : moved        ? fmt::format("{} → {}", input.from, input.to)
                           : fmt::format("{}, as before", input.to);
    if (!input.not_followed.empty()) text += ": " + style_.dim(input.not_followed);
    const auto* followed = input.followed.empty() ? nullptr : &input.followed.front();
    if (!by_rows && !out_.verbose()) return;  // the reasons have it
    if (followed) text += ", rows with " + followed->condition;
    line(in, text);
    if (followed) show(*followed, in + 2);
  }

  const Out& out_;
  const Style& style_;
};

}  // namespace

void why_options(CLI::App& why, Arguments& a) {
  why.add_option("table", a.uri, "the table, LAYER.NAME")->required();
  why.add_option("--where", a.where, "only versions that changed rows for which this holds")
      ->type_name("SQL");
  why.add_option("--key", a.keys, "only versions that changed rows with this value; repeatable")
      ->type_name("COLUMN=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  why.add_option("--since", a.since, "from this version or time on (default: all there is)")
      ->type_name("VERSION");
  why.add_option("--depth", a.depth, "how many steps of inputs are followed (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(0, 100));
  why.add_option("--limit", a.limit, "at most so many versions of each table (default: 5)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

int why_verb(Session& session) {
  const auto& a = session.arguments;
  app::WhyOptions options;
  options.table = a.uri;
  options.where = a.where;
  options.since = a.since;
  options.depth = a.depth;
  if (a.limit) options.versions_max = size_t(*a.limit);
  for (const auto& text : a.keys) {
    options.key.push_back(pair_argument(text, "--key", "COLUMN=VALUE"));
    if (options.key.back().second.empty()) {
      throw Error(Code::usage, "--key \"" + text + "\" has no value",
                  "--key COLUMN=VALUE, or --where \"COLUMN IS NULL\"");
    }
  }
  const auto app = open_app(session);
  const auto why = app->why(options, session.interrupts.cancel());
  if (session.out.json()) {
    session.out.write(dumped(json_of(why)));
    return kDone;
  }
  Page(session.out).show(why, 0);
  if (!why.condition.empty()) {
    session.out.note(fmt::format("looked at {} that changed data, {} of {} of their files opened",
                                 counted(int64_t(why.commits), "version"),
                                 count_text(int64_t(why.files_read)),
                                 count_text(int64_t(why.files_there))));
  }
  return kDone;
}

}  // namespace windrow::cli
