#include <algorithm>

#include "project/declarations/task_body.h"
#include "project/names.h"

namespace windrow::project {
namespace {

constexpr int kRowsAtMost = 100'000;

/// An exit code or a status of HTTP.
Type<int> code_type(int least, int most, const char* what) {
  Type<int> out = integer_type(least);
  out.read = [read = out.read, least, most, what](const Node& node, Reading& reading, int& code) {
    if (!read(node, reading, code)) return false;
    if (code >= least && code <= most) return true;
    reading.expected(node, what);
    return false;
  };
  return out;
}

Type<int> exit_code_type() { return code_type(1, 255, "an exit code from 1 to 255"); }
Type<int> status_type() { return code_type(100, 599, "a status from 100 to 599"); }

struct Exit {
  std::vector<int> skip, retry;
};

struct Limits {
  uint64_t memory = 0;
  std::optional<Duration> cpu;
};

void check_command(const Node& node, Reading& reading, std::vector<Text>& words) {
  if (words.empty() || words.front().value.empty()) {
    reading.expected(node, "a program and its arguments");
  } else if (words.size() == 1 &&
             words[0].value.find_first_of(" \t\n|&;<>$`\"'") != std::string::npos) {
    reading.problem(node,
                    "\"command\": " + in_quotes(words[0].shown()) + " is the name of a program",
                    "write its arguments as a list: [program, argument]; a line of the shell is "
                    "[sh, -c, \"…\"]");
  }
}

}  // namespace

Keys<Task> command_keys() {
  Keys<Task> keys;
  keys.bound(false, "command", one_or_list_type(placed_text_type()), "",
             "A program and its arguments, run in the project's folder. No shell is between.",
             [](Task& task, std::vector<Text>&& words, const Node& node, Reading& reading) {
               check_command(node, reading, words);
               task.command.words = std::move(words);
             })
      .bound(false, "env", keyed_type(placed_text_type(), "variable", is_variable_name), "",
             "Of a command: variables beside PATH, HOME, LANG, TZ and those of the run. Secrets "
             "reach it here alone.",
             [](Task& task, auto&& pairs, const Node&, Reading&) {
               task.command.environment = std::move(pairs);
             })
      .bound(false, "folder", text_type(), "the project's", "Of a command: where it runs.",
             [](Task& task, std::string&& folder, const Node&, Reading&) {
               task.command.folder = std::move(folder);
             })
      .bound(false, "exit",
             Keys<Exit>("exit codes")
                 .optional("skip", &Exit::skip, one_or_list_type(exit_code_type()), "",
                           "Codes that say there is nothing to do: it is passed over.")
                 .optional("retry", &Exit::retry, one_or_list_type(exit_code_type()), "",
                           "Codes of failures that may pass.")
                 .type(),
             "", "Of a command: what its exit codes say beside 0, which is success.",
             [](Task& task, Exit&& exit, const Node&, Reading&) {
               task.command.skip = std::move(exit.skip);
               task.command.retry = std::move(exit.retry);
             })
      .bound(false, "limits",
             Keys<Limits>("limits")
                 .optional("memory", &Limits::memory, size_type(), "none",
                           "Address space of each of its processes.")
                 .optional("cpu", &Limits::cpu, duration_type(), "none",
                           "Processor time of each of its processes.")
                 .type(),
             "", "Of a command: what the system lets it have.",
             [](Task& task, Limits&& limits, const Node&, Reading&) {
               task.command.memory = limits.memory;
               task.command.cpu = limits.cpu;
             })
      .bound(false, "grace", duration_type(), "10s",
             "Of a command that is to stop: between SIGTERM and SIGKILL.",
             [](Task& task, Duration grace, const Node&, Reading&) { task.command.grace = grace; });
  return keys;
}

Type<Text> url_type() {
  auto out = placed_text_type();
  out.read = [read = out.read](const Node& node, Reading& reading, Text& value) {
    if (!read(node, reading, value)) return false;
    const auto& url = value.value;
    if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://"))
      reading.problem(node, "\"url\": expected a URL that begins with http:// or https://",
                      "found " + in_quotes(value.shown()));
    return true;
  };
  return out;
}

Type<HttpBody> http_type() {
  Keys<HttpBody> keys("request");
  keys.required("url", &HttpBody::url, url_type(), "Where it goes.")
      .optional("method", &HttpBody::method,
                word_type({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
                "GET; with a body POST", "The method.")
      .optional("headers", &HttpBody::headers, keyed_type(placed_text_type(), "header"), "",
                "Headers.")
      .optional("body", &HttpBody::body, placed_text_type(), "none", "The body as it is sent.")
      .optional("json", &HttpBody::json, anything_type(), "none",
                "The body as a value, sent as JSON.")
      .optional("expect", &HttpBody::expect, one_or_list_type(status_type()), "200 to 299",
                "Statuses that are success.")
      .optional("retry", &HttpBody::retry, one_or_list_type(status_type()),
                "408, 425, 429, 500, 502, 503, 504", "Statuses of failures that may pass.")
      .optional("timeout", &HttpBody::timeout, duration_type(), "1m",
                "The whole exchange takes no longer.")
      .then([](const Node& node, Reading& reading, HttpBody& http) {
        if (!http.body.empty() && !http.json.is_null())
          reading.problem(node, "a request has \"body\" or \"json\", not both");
      });
  return single_or_mapping_type("URL, or request", "a URL or a mapping", url_type(), keys.type(),
                                [](HttpBody& http, Text&& url) { http.url = std::move(url); });
}

Type<RunBody> run_type() {
  const auto full =
      Keys<RunBody>("run")
          .optional("project", &RunBody::project, placed_text_type(), "this one",
                    "The folder of another project, relative to this one.")
          .optional("select", &RunBody::select, placed_text_type(), "everything", "A selector.")
          .optional("environment", &RunBody::environment, placed_text_type(), "this run's",
                    "The environment.")
          .optional("vars", &RunBody::vars, map_type(placed_text_type(), "variable", is_identifier),
                    "", "Values of variables.")
          .optional("wait", &RunBody::wait, boolean_type(), "true",
                    "Whether the task ends with that run; else it ends once that has begun.")
          .type();
  auto out = single_or_mapping_type(
      "selector, or run", "a selector or a mapping", placed_text_type(), full,
      [](RunBody& run, Text&& select) { run.select = std::move(select); });
  out.read = [read = out.read](const Node& node, Reading& reading, RunBody& run) {
    run.place = reading.place(node);
    return read(node, reading, run);
  };
  return out;
}

Type<ForEach> for_each_type() {
  struct Rows {
    Look look;
    int max = 1000;
  };
  const auto full =
      Keys<Rows>("rows")
          .bound(
              true, "sql", sql_type(), "", "The SELECT.",
              [](Rows& rows, Text&& sql, const Node&, Reading&) { rows.look.sql = std::move(sql); })
          .bound(false, "on", placed_text_type(), "the lake", "A connection.",
                 [](Rows& rows, Text&& on, const Node&, Reading&) { rows.look.on = std::move(on); })
          .optional("max", &Rows::max, code_type(1, kRowsAtMost, "a number from 1 to 100000"),
                    "1000", "More rows are an error.")
          .type();
  const auto either =
      single_or_mapping_type("SQL, or rows", "a SELECT or a mapping", sql_type(), full,
                             [](Rows& rows, Text&& sql) { rows.look.sql = std::move(sql); });
  return mapped_type<std::vector<std::pair<Text, Rows>>, ForEach>(
      keyed_type(either, "variable", is_identifier),
      [](const Node& node, Reading& reading, auto&& all, ForEach& out) {
        if (all.size() != 1) {
          reading.expected(node, "one variable and its SELECT");
          return false;
        }
        out = {std::move(all[0].first), std::move(all[0].second.look), all[0].second.max};
        return true;
      });
}

Type<RepeatUntil> repeat_until_type() {
  return Keys<RepeatUntil>("loop")
      .bound(true, "sql", sql_type(), "", "A SELECT of one boolean; the loop ends when it is true.",
             [](RepeatUntil& loop, Text&& sql, const Node&, Reading&) {
               loop.look.sql = std::move(sql);
             })
      .bound(
          false, "on", placed_text_type(), "the lake", "A connection.",
          [](RepeatUntil& loop, Text&& on, const Node&, Reading&) { loop.look.on = std::move(on); })
      .required("max", &RepeatUntil::times, integer_type(1),
                "The bound: where it is not true after so many times, the task fails.")
      .optional("delay", &RepeatUntil::delay, duration_type(true), "0s",
                "The wait between two times; it holds no worker.")
      .type();
}

}  // namespace windrow::project
