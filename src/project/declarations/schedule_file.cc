#include <algorithm>
#include <charconv>

#include "base/interval.h"
#include "project/declarations/files.h"
#include "project/names.h"
#include "project/schedules.h"

namespace windrow::project {
namespace {

using schedule::CalendarUse;
using schedule::Cron;
using namespace std::chrono_literals;

/// A name as it is checked by another type, with its place.
Type<Text> placed(const Type<std::string>& type) {
  return mapped_type<std::string, Text>(
      type, [](const Node& node, Reading& reading, std::string&& value, Text& out) {
        out = {std::move(value), reading.place(node), {}};
        return true;
      });
}

/// A mapping, or a text that stands for one of its keys.
template <class T>
Type<T> text_or_keys(const Keys<T>& keys, const Type<std::string>& text, void (*set)(T&, Text&&)) {
  const auto whole = keys.type();
  return single_or_mapping_type(text.shape.name + " or " + whole.shape.name,
                                text.shape.expected + " or a mapping", placed(text), whole, set);
}

// --- triggers ------------------------------------------------------------------------------------

Type<std::optional<Cron>> cron_type() {
  Type<std::string> text = text_type();
  text.shape.name = "cron";
  text.shape.expected = "a cron expression such as \"0 6 * * MON-FRI\"";
  text.shape.pattern = "@[A-Za-z]+|[^ ]+( +[^ ]+){4,5}";
  return mapped_type<std::string, std::optional<Cron>>(
      text, [](const Node& node, Reading& reading, std::string&& value, std::optional<Cron>& out) {
        try {
          out = Cron::parse(value);
          return true;
        } catch (const Error& error) {
          Problem problem = error.problem();
          const int column = problem.place.column;
          problem.place = reading.content_place(node);
          if (value == node.text) problem.place.column += column - 1;
          reading.problems.add(std::move(problem));
          return false;
        }
      });
}

/// Whoever is `ingest` here, or `other/ingest`.
bool is_schedule_name(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_label(text);
  return is_label(text.substr(0, slash)) && is_label(text.substr(slash + 1));
}

struct AfterWritten {
  Text schedule;
  Duration delay{};
  std::string on = "success";
};

Type<AfterWritten> after_type() {
  const auto name = named_text_type(is_schedule_name, "schedule",
                                    "a schedule such as ingest, or other_project/ingest",
                                    "[A-Za-z_][A-Za-z0-9_-]*(/[A-Za-z_][A-Za-z0-9_-]*)?");
  Keys<AfterWritten> keys("after");
  keys.required("schedule", &AfterWritten::schedule, placed(name),
                "Whose end it follows; `project/schedule` of another project.")
      .optional("delay", &AfterWritten::delay, duration_type(true), "0s", "So long after.")
      .optional("on", &AfterWritten::on, word_type({"success", "end"}), "success",
                "Which ends: of runs that ended well, or all.");
  return text_or_keys<AfterWritten>(
      keys, name, [](AfterWritten& after, Text&& text) { after.schedule = std::move(text); });
}

/// What a schedule says, key by key.
struct Written {
  DeclaredSchedule out;
  std::vector<std::optional<Cron>> cron;
  std::optional<Duration> every, offset, after_end, freshness;
  std::optional<AfterWritten> after;
  std::vector<Text> on_change, sensor;
};

/// `key` is read into an optional.
template <class T, class M>
void maybe(Keys<T>& keys, const char* key, std::optional<M> T::*member, Type<M> type,
           std::string sentence) {
  keys.bound(
      false, key, std::move(type), "", std::move(sentence),
      [member](T& target, M&& value, const Node&, Reading&) { target.*member = std::move(value); });
}

void add_triggers(Keys<Written>& keys) {
  keys.optional("cron", &Written::cron, one_or_list_type(cron_type()), "",
                "When it is due: minute, hour, day of the month, month, day of the week; seconds "
                "first where there are six.");
  maybe(keys, "every", &Written::every, duration_type(),
        "Due every so often, at times that are round on the clocks.");
  maybe(keys, "offset", &Written::offset, duration_type(true), "Of `every`: so much later.");
  maybe(keys, "after_end", &Written::after_end, duration_type(true),
        "Due so long after its last run ended.");
  maybe(keys, "after", &Written::after, after_type(), "Due when a run of another schedule ended.");
  keys.optional("on_change", &Written::on_change, one_or_list_type(placed_table_name_type()), "",
                "Due when one of the tables has a new version.");
  maybe(keys, "freshness", &Written::freshness, duration_type(),
        "Due so early that what it builds is never older.");
  keys.optional("sensor", &Written::sensor, one_or_list_type(placed(label_type())), "",
                "Due when one of the sensors sees something new.");
}

/// Exactly one of the keys that say when, or none.
void settle_trigger(const Node& node, Reading& reading, Written& written) {
  static constexpr const char* kTriggers[] = {"cron",      "every",     "after_end", "after",
                                              "on_change", "freshness", "sensor"};
  std::vector<std::string> given;
  for (const char* key : kTriggers) {
    if (node.find(key)) given.emplace_back(key);
  }
  if (given.size() > 1) {
    reading.problem(node,
                    "a schedule has one of " + listed(given, " and ") + ", not " +
                        (given.size() == 2 ? "both" : "several"),
                    "make two schedules of it");
    return;
  }
  auto& trigger = written.out.schedule.trigger;
  if (!written.cron.empty()) {
    schedule::OnCron on;
    for (auto& one : written.cron) on.expressions.push_back(std::move(*one));
    trigger = std::move(on);
  }
  if (written.every) {
    if (*written.every < 1s) reading.problem(*node.find("every"), "\"every\": less than a second");
    trigger = schedule::Every{*written.every, written.offset.value_or(Duration(0))};
  }
  if (written.offset && (!written.every || *written.offset >= *written.every)) {
    reading.problem(
        *node.find("offset"),
        written.every ? "\"offset\" is not less than \"every\"" : "\"offset\" belongs to \"every\"",
        written.every ? "" : "cron says at which minute");
  }
  if (written.after_end) trigger = schedule::AfterEnd{*written.after_end};
  if (written.after) {
    trigger = schedule::AfterSchedule{written.after->schedule.value, written.after->delay,
                                      written.after->on == "end"};
    written.out.after = written.after->schedule;
  }
  const auto names = [](const std::vector<Text>& all) {
    std::vector<std::string> out;
    for (const auto& one : all) out.push_back(one.value);
    return out;
  };
  if (!written.on_change.empty()) trigger = schedule::OnChange{names(written.on_change)};
  if (written.freshness) trigger = schedule::Freshness{*written.freshness};
  if (!written.sensor.empty()) trigger = schedule::OnSensor{names(written.sensor)};
  auto& tables = written.out.tables;
  tables.insert(tables.end(), written.on_change.begin(), written.on_change.end());
  written.out.sensors = written.sensor;
}

// --- calendar and needs --------------------------------------------------------------------------

struct UseWritten {
  Text name;
  CalendarUse use;
};

bool read_days(std::string_view text, CalendarUse& use) {
  static constexpr std::pair<std::string_view, CalendarUse::Days> kWords[] = {
      {"all", CalendarUse::Days::all},
      {"business", CalendarUse::Days::business},
      {"holidays", CalendarUse::Days::holidays}};
  for (const auto& [word, days] : kWords) {
    if (text != word) continue;
    use.days = days;
    return true;
  }
  use.days = CalendarUse::Days::nth;
  if (text == "first" || text == "last") {
    use.nth = text == "first" ? 1 : -1;
    return true;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), use.nth);
  return error == std::errc{} && end == text.data() + text.size() && use.nth != 0 &&
         use.nth >= -23 && use.nth <= 23;
}

Type<UseWritten> calendar_use_type() {
  auto days = text_type();
  days.shape.name = "days";
  days.shape.expected = "business, holidays, all, first, last, or a number such as 3 or -2";
  days.shape.pattern.clear();
  Keys<UseWritten> keys("calendar");
  keys.required("name", &UseWritten::name, placed(label_type()), "One of `calendars`.")
      .bound(false, "days", days, "business",
             "Which days: `business`, `holidays`, `all`, or the `first`, `last`, n-th business day "
             "of the month, from its end where negative.",
             [what = days.shape.expected](UseWritten& use, std::string&& text, const Node& node,
                                          Reading& reading) {
               if (!read_days(text, use.use)) reading.expected(node, what);
             })
      .bound(false, "hours", boolean_type(), "false", "Only within the calendar's hours.",
             [](UseWritten& use, bool&& hours, const Node&, Reading&) {
               use.use.business_hours = hours;
             });
  return text_or_keys<UseWritten>(keys, label_type(),
                                  [](UseWritten& use, Text&& text) { use.name = std::move(text); });
}

/// `complete to $end - 1h`
bool read_need(std::string_view text, schedule::Need& need) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (words.size() < 3 || words[0] != "complete" || words[1] != "to") return false;
  if (words[2] != "$end" && words[2] != "$start") return false;
  need.to_start = words[2] == "$start";
  if (words.size() == 3) return true;
  const auto shift = words.size() == 5 ? parse_duration(words[4]) : std::nullopt;
  if (!shift || (words[3] != "+" && words[3] != "-")) return false;
  need.shift = words[3] == "-" ? -*shift : *shift;
  return true;
}

/// Tables and what they must be, beside the two keys that say what if they are not.
Type<DeclaredSchedule> needs_type() {
  struct Rest {
    std::optional<Duration> timeout;
    std::string otherwise = "fail";
  };
  Keys<Rest> rest("needs");
  maybe(rest, "timeout", &Rest::timeout, duration_type(), "How long it waits; else for ever.");
  rest.optional("otherwise", &Rest::otherwise, word_type({"fail", "skip", "run"}), "fail",
                "What becomes of it then.");
  rest.open();
  Type<DeclaredSchedule> out;
  const auto keys = rest.type();
  out.shape = keys.shape;
  out.shape.name = "mapping of table to condition";
  out.read = [keys](const Node& node, Reading& reading, DeclaredSchedule& target) {
    Rest said;
    if (!keys.read(node, reading, said)) return false;
    for (const auto& [key, value] : node.entries) {
      if (key.text == "timeout" || key.text == "otherwise") continue;
      Reading::Inside inside(reading, key);
      schedule::Need need;
      need.table = key.text;
      need.place = reading.place(key);
      if (!is_table_name(key.text)) {
        reading.problem(key, in_quotes(key.text) + " is no table",
                        "tables are named layer.table; beside them there is timeout and otherwise");
        continue;
      }
      const auto text = reading.text(value, "a condition");
      if (!text) continue;
      if (!read_need(*text, need)) {
        reading.expected(value, "a condition such as complete to $end, or complete to $end - 1h");
        continue;
      }
      target.tables.push_back({need.table, need.place, {}});
      target.schedule.needs.push_back(std::move(need));
    }
    target.schedule.needs_timeout = said.timeout;
    target.schedule.otherwise = said.otherwise == "run"    ? schedule::Otherwise::run
                                : said.otherwise == "skip" ? schedule::Otherwise::skip
                                                           : schedule::Otherwise::fail;
    return true;
  };
  return out;
}

// --- all of it -----------------------------------------------------------------------------------

/// A key of the schedule itself.
template <class M, class Set>
void direct(Keys<Written>& keys, const char* key, Type<M> type, std::string standard,
            std::string sentence, Set set) {
  keys.bound(false, key, std::move(type), std::move(standard), std::move(sentence),
             [set](Written& written, M&& value, const Node&, Reading&) {
               set(written.out, std::move(value));
             });
}

void add_rules(Keys<Written>& keys) {
  using Out = DeclaredSchedule;
  direct(keys, "catchup", word_type({"latest", "all", "none"}), "latest",
         "Which of the due times run that were missed.", [](Out& out, std::string&& word) {
           out.schedule.catchup = word == "all"    ? schedule::CatchUp::all
                                  : word == "none" ? schedule::CatchUp::none
                                                   : schedule::CatchUp::latest;
         });
  direct(keys, "max_active_runs", integer_type(1), "1", "So many of its runs at once.",
         [](Out& out, int&& n) { out.schedule.max_active_runs = n; });
  direct(keys, "overlap", word_type({"queue", "skip", "replace"}), "queue",
         "What becomes of a due time at which so many runs go on.",
         [](Out& out, std::string&& word) {
           out.schedule.overlap = word == "skip"      ? schedule::Overlap::skip
                                  : word == "replace" ? schedule::Overlap::replace
                                                      : schedule::Overlap::queue;
         });
  direct(keys, "jitter", duration_type(true), "0s",
         "A run starts up to so much later, always the same for the same due time.",
         [](Out& out, Duration&& d) { out.schedule.jitter = d; });
  direct(keys, "paused", boolean_type(), "false", "Due times wait until it is resumed.",
         [](Out& out, bool&& paused) { out.schedule.paused = paused; });
  direct(keys, "deadline", duration_type(), "none",
         "A run that is not done so long after its due time is reported.",
         [](Out& out, Duration&& d) { out.schedule.deadline = d; });
  direct(keys, "needs", needs_type(), "",
         "A due run waits until each of these tables is complete to `$end` or `$start` of its "
         "interval.",
         [](Out& out, Out&& read) {
           out.schedule.needs = std::move(read.schedule.needs);
           out.schedule.needs_timeout = read.schedule.needs_timeout;
           out.schedule.otherwise = read.schedule.otherwise;
           out.tables.insert(out.tables.end(), read.tables.begin(), read.tables.end());
         });
}

void add_rest(Keys<Written>& keys) {
  using Out = DeclaredSchedule;
  direct(keys, "select", text_type(), "everything", "What runs: a selector.",
         [](Out& out, std::string&& text) { out.schedule.select = std::move(text); });
  direct(keys, "vars", keyed_type(placed_text_type(), "variable", is_identifier), "",
         "Values of variables in its runs.",
         [](Out& out, auto&& vars) { out.vars = std::move(vars); });
  direct(keys, "calendar", calendar_use_type(), "none", "Which of its due times are kept.",
         [](Out& out, UseWritten&& use) {
           out.calendar = std::move(use.name);
           out.use = std::move(use.use);
         });
  direct(keys, "timezone", placed(zone_type()), "the project's",
         "The zone whose clocks it goes by.",
         [](Out& out, Text&& zone) { out.timezone = std::move(zone); });
  direct(keys, "start", placed_text_type(), "", "Nothing is due before.",
         [](Out& out, Text&& text) { out.start = std::move(text); });
  direct(keys, "end", placed_text_type(), "", "Nothing is due from here on.",
         [](Out& out, Text&& text) { out.end = std::move(text); });
  direct(keys, "description", text_type(), "", "What it is for.",
         [](Out& out, std::string&& text) { out.schedule.description = std::move(text); });
  direct(keys, "owner", text_type(), "", "Whom to ask.",
         [](Out& out, std::string&& text) { out.schedule.owner = std::move(text); });
  direct(keys, "tags", one_or_list_type(label_type()), "", "Words that verbs can name it by.",
         [](Out& out, std::vector<std::string>&& tags) { out.schedule.tags = std::move(tags); });
}

/// Times are read by the schedule's own clocks.
void settle_times(Reading& reading, DeclaredSchedule& out) {
  out.schedule.zone = Zone(out.timezone.empty() ? reading.zone : out.timezone.value);
  for (const auto& [text, time] :
       {std::pair(&out.start, &out.schedule.start), std::pair(&out.end, &out.schedule.end)}) {
    if (text->empty()) continue;
    *time = parse_time(text->value, out.schedule.zone.name());
    if (*time) continue;
    reading.problems.add(Code::configuration,
                         std::string(text == &out.start ? "\"start\"" : "\"end\"") +
                             ": expected a date or time such as 2025-10-17 or "
                             "2025-10-17T14:00:00Z, found " +
                             in_quotes(text->shown()),
                         "", text->place);
  }
  if (out.schedule.start && out.schedule.end && *out.schedule.end <= *out.schedule.start)
    reading.problems.add(Code::configuration, "\"end\" is not after \"start\"", "", out.end.place);
}

Keys<Written> schedule_keys(bool in_file) {
  Keys<Written> keys("schedule");
  if (in_file) {
    keys.bound(true, "schedule", label_type(), "", "The schedule's name.",
               [](Written& written, std::string&& name, const Node& node, Reading& reading) {
                 written.out.name = {std::move(name), reading.place(node), {}};
               });
  }
  add_triggers(keys);
  add_rest(keys);
  add_rules(keys);
  keys.then([in_file](const Node& node, Reading& reading, Written& written) {
    if (!in_file) written.out.name = {reading.key_text(), reading.key_place(), {}};
    written.out.schedule.name = written.out.name.value;
    written.out.schedule.place = written.out.name.place;
    settle_trigger(node, reading, written);
    settle_times(reading, written.out);
  });
  return keys;
}

}  // namespace

Type<DeclaredSchedule> schedule_type(bool in_file) {
  return apart<DeclaredSchedule>(mapped_type<Written, DeclaredSchedule>(
      schedule_keys(in_file).type(),
      [](const Node&, Reading& reading, Written&& written, DeclaredSchedule& out) {
        out = std::move(written.out);
        return reading.problems.empty();
      }));
}

// --- calendars -----------------------------------------------------------------------------------

namespace {

const std::vector<std::string> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// `09:00-17:30`
std::optional<std::pair<Duration, Duration>> read_hours(std::string_view text) {
  const auto clock = [](std::string_view part) -> std::optional<Duration> {
    if (part == "24:00") return Duration(24h);
    const auto time = parse_time("1970-01-01 " + std::string(part));
    return part.size() == 5 && time ? std::optional(time->time_since_epoch()) : std::nullopt;
  };
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const auto begin = clock(text.substr(0, dash)), end = clock(text.substr(dash + 1));
  if (!begin || !end || *begin >= *end) return {};
  return std::pair(*begin, *end);
}

void add_holiday(DeclaredCalendar& calendar, Text&& text, Reading& reading) {
  if (const auto day = schedule::parse_day(text.value)) {
    calendar.calendar.holidays.emplace_back(*day, "");
  } else if (text.value.starts_with("calendars/") &&
             (text.value.ends_with(".ics") || text.value.ends_with(".yaml") ||
              text.value.ends_with(".yml"))) {
    calendar.files.push_back(std::move(text));
  } else {
    reading.problems.add(
        Code::configuration,
        "\"holidays\": expected a date, or a file such as calendars/holidays.ics, found " +
            in_quotes(text.shown()),
        "files of holidays lie in calendars/, as .ics or .yaml", text.place);
  }
}

}  // namespace

Type<DeclaredCalendar> calendar_type() {
  Type<std::vector<Text>> holidays = one_or_list_type(placed_text_type());
  auto hours = text_type();
  hours.shape.name = "hours";
  hours.shape.expected = "hours such as 09:00-17:00";
  hours.shape.pattern = "[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}";
  Keys<DeclaredCalendar> keys("calendar");
  keys.bound(
          false, "holidays", holidays, "none",
          "Dates, and files in `calendars/`: iCalendar (`.ics`), or YAML with a list of dates or "
          "a mapping of dates to names.",
          [](DeclaredCalendar& calendar, std::vector<Text>&& all, const Node&, Reading& reading) {
            for (auto& one : all) add_holiday(calendar, std::move(one), reading);
          })
      .bound(
          false, "weekend", one_or_list_type(word_type(kWeekdays)), "[sat, sun]",
          "Days of the week that are not worked on; `[]` where there are none.",
          [](DeclaredCalendar& calendar, std::vector<std::string>&& days, const Node&, Reading&) {
            calendar.calendar.weekend.reset();
            for (const auto& day : days)
              calendar.calendar.weekend.set(
                  size_t(std::find(kWeekdays.begin(), kWeekdays.end(), day) - kWeekdays.begin()));
          })
      .bound(false, "hours", hours, "00:00-24:00", "When business days are worked on.",
             [what = hours.shape.expected](DeclaredCalendar& calendar, std::string&& text,
                                           const Node& node, Reading& reading) {
               if (const auto read = read_hours(text))
                 calendar.calendar.hours = *read;
               else
                 reading.expected(node, what);
             })
      .then([](const Node&, Reading& reading, DeclaredCalendar& calendar) {
        calendar.name = calendar.calendar.name = reading.key_text();
        calendar.place = reading.key_place();
        calendar.broken = !reading.problems.empty();
      });
  return apart(keys.type());
}

}  // namespace windrow::project
