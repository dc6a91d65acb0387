#include "base/nearest.h"
#include "project/declarations/files.h"
#include "project/model.h"
#include "project/names.h"

namespace windrow::project {
namespace {

Type<Build> interval_type() {
  return Keys<Build>("interval")
      .required("column", &Build::column, text_type(),
                "The column of the result that says which interval a row is in.")
      .required("grain", &Build::grain, grain_type(), "The length of an interval.")
      .optional("begin", &Build::begin, time_type(), "the project's",
                "Intervals of this model exist from here on.")
      .optional("end", &Build::end, time_type(), "the project's",
                "Intervals of this model exist up to here.")
      .optional("batch", &Build::batch, integer_type(1), "chosen from rows and times",
                "At most so many contiguous stale intervals with rows are built by one commit.")
      .optional("wait", &Build::wait, duration_type(true), "none",
                "An interval is due only so long after its end.")
      .type();
}

/// `{event_time: 7d}`
Type<Build::Within> within_type() {
  return mapped_type<std::vector<std::pair<Text, Duration>>, Build::Within>(
      keyed_type(duration_type(), "column"),
      [](const Node& node, Reading& reading, std::vector<std::pair<Text, Duration>>&& pairs,
         Build::Within& out) {
        if (pairs.size() == 1) {
          out = {pairs[0].first.value, pairs[0].second};
          return true;
        }
        if (node.entries.size() != 1)
          reading.problem(node, "\"within\" needs one column", "write {event_time: 7d}");
        return false;
      });
}

Type<Build> merge_type() {
  return Keys<Build>("merge")
      .required("key", &Build::key, key_columns_type(),
                "The columns that make a row one of a kind.")
      .optional("latest_by", &Build::latest_by, text_type(), "",
                "Of new rows with the same key the one with the greatest value wins; without it "
                "they are an error.")
      .optional("within", &Build::within, within_type(), "the whole table",
                "Rows of one key lie at most so far apart by this column of times: the table is "
                "looked at only there.")
      .type();
}

Type<Build> scd2_type() {
  return Keys<Build>("scd2")
      .required("key", &Build::key, key_columns_type(),
                "The columns that make a row one of a kind.")
      .type();
}

struct Nothing {};

Keys<Build> make_detailed() {
  Keys<Build> keys("build");
  auto add = [&keys](BuildKind kind, Type<Build> type, std::string sentence) {
    keys.bound(false, std::string(name_of(kind)), std::move(type), "", std::move(sentence),
               [kind](Build& build, Build&& read, const Node&, Reading&) {
                 build = std::move(read);
                 build.kind = kind;
               });
  };
  add(BuildKind::interval, interval_type(),
      "The SELECT compares with `$start` and `$end`; exactly the stale intervals are replaced.");
  add(BuildKind::merge, merge_type(), "Rows are inserted, or replace those with the same key.");
  add(BuildKind::scd2, scd2_type(),
      "Every change of a key's row is kept, with the times it was valid.");
  keys.one_key();
  return keys;
}

struct Word {
  const char* name;
  BuildKind kind;
};
constexpr Word kWords[] = {
    {"table", BuildKind::table}, {"view", BuildKind::view}, {"append", BuildKind::append}};
const std::vector<std::string> kWordNames = {"table", "view", "append"};
constexpr const char* kExpected =
    "one of table, view, append, or a mapping such as {merge: {key: id}}";

bool read_word(const Node& node, Reading& reading, Build& build) {
  auto text = reading.text(node, kExpected);
  if (!text) return false;
  for (const auto& word : kWords) {
    if (*text == word.name) {
      build.kind = word.kind;
      return true;
    }
  }
  if (*text == "interval" || *text == "merge" || *text == "scd2") {
    reading.problem(node, "build \"" + *text + "\" needs arguments",
                    *text == "interval" ? "write {interval: {column: …, grain: hour}}"
                                        : "write {" + *text + ": {key: …}}");
    return false;
  }
  std::vector<std::string> known = kWordNames;
  known.insert(known.end(), {"interval", "merge", "scd2"});
  reading.expected(node, kExpected, did_you_mean(node.text, known));
  return false;
}

}  // namespace

Type<Build> build_type() {
  static const Keys<Build> detailed = make_detailed();
  const auto full = detailed.type();
  Type<Build> out;
  out.shape.form = Shape::Form::either;
  out.shape.name = "`table`, `view`, `append`, or mapping";
  out.shape.expected = kExpected;
  out.shape.parts = {word_type(kWordNames).shape, full.shape};
  out.read = [full](const Node& node, Reading& reading, Build& build) {
    const bool good = node.kind == Node::Kind::map ? full.read(node, reading, build)
                                                   : read_word(node, reading, build);
    build.place = reading.place(node);
    return good;
  };
  return out;
}

}  // namespace windrow::project
