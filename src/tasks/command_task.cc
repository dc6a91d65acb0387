#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tasks/command/lines.h"
#include "tasks/command/process.h"
#include "tasks/control/task_run.h"

namespace windrow::tasks {

namespace {

using Json = nlohmann::ordered_json;

bool is_among(const std::vector<int>& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// What every command has, and what the task names.
std::vector<std::string> environment_of(TaskWork& work) {
  std::map<std::string, std::string> all{
      {"PATH", work.shared.path.empty() ? "/usr/local/bin:/usr/bin:/bin" : work.shared.path},
      {"LANG", "C.UTF-8"},
      {"TZ", work.shared.zone},
      {"WINDROW_RUN_ID", work.values.named.at("run_id")},
      {"WINDROW_RUN_TIME", work.values.named.at("run_time")},
      {"WINDROW_PROJECT", work.values.named.at("project")},
      {"WINDROW_ENVIRONMENT", work.values.named.at("environment")},
      {"WINDROW_TASK", work.name.substr(5)},
      {"WINDROW_ATTEMPT", std::to_string(work.run.attempt)}};
  if (!work.shared.home.empty()) all["HOME"] = work.shared.home;
  for (const auto& [name, value] : work.task.command.environment) {
    const auto filled = fill(value.value, work.values);
    if (filled.find('\0') != std::string::npos)
      throw Error(Code::data, fmt::format("variable \"{}\" would hold a zero byte", name.value), "",
                  value.place);
    // A command says a key of several lines line by line.
    for (size_t from = 0, end; work.shared.secrets.redact(filled) != filled &&
                               (end = filled.find('\n', from)) != std::string::npos;
         from = end + 1)
      if (end - from >= 8) work.shared.secrets.learn(filled.substr(from, end - from));
    all[name.value] = filled;
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

Command command_of(TaskWork& work) {
  const auto& body = work.task.command;
  Command out;
  for (const auto& word : body.words) {
    out.words.push_back(fill(word.value, work.values));
    if (out.words.back().find('\0') != std::string::npos)
      throw Error(Code::data, "an argument would hold a zero byte", "", word.place);
  }
  out.environment = environment_of(work);
  out.folder = work.shared.root + (body.folder.empty() ? "" : "/" + body.folder);
  out.memory = body.memory;
  out.cpu = body.cpu;
  out.grace = body.grace;
  return out;
}

void take_output(TaskWork& work, const CommandLines& lines) {
  if (work.task.output.empty()) return;
  const auto& last = lines.last_output();
  if (lines.last_output_cut() || last.empty()) {
    throw Error(Code::data,
                last.empty() ? "it was to hand on its last line, and wrote none"
                             : "the last line of its output is too long to be handed on",
                "it hands on what it writes last to its standard output");
  }
  if (work.task.output == "text") {
    work.output = Json(last).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const auto json = Json::parse(last, nullptr, false);
  if (json.is_discarded()) {
    throw Error(Code::data, "the last line of its output is not JSON",
                "output: json reads the last line, as one value; output: text takes it as it is");
  }
  work.output = json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

[[noreturn]] void fail(const TaskWork& work, const CommandEnd& end, const CommandLines& lines) {
  const auto& body = work.task.command;
  std::string said = lines.last_shown();
  if (!said.empty()) said = ": " + said;
  const std::string hint =
      fmt::format("what it wrote: .windrow/logs/{}.jsonl", work.values.named.at("run_id"));
  if (end.signal == SIGXCPU || (end.signal == SIGKILL && body.cpu)) {
    throw Error(Code::timeout,
                fmt::format("it used more than {} of processor time", duration_text(*body.cpu)),
                "allow it more with limits: {cpu: …}");
  }
  if (end.signal != 0) {
    throw Error(
        Code::data,
        fmt::format("it was ended by signal {} ({}){}", end.signal, ::strsignal(end.signal), said),
        hint);
  }
  throw Error(is_among(body.retry, end.code) ? Code::unavailable : Code::data,
              fmt::format("it ended with exit code {}{}", end.code, said), hint);
}

}  // namespace

std::optional<std::string> do_command(TaskWork& work) {
  CommandLines lines(work.shared.secrets, work.shared.clock,
                     [&](bool error, const std::string& text) {
                       work.run.in_turn([&] { work.shared.said(work.name, error, text); });
                     });
  const auto command = command_of(work);
  CommandEnd end;
  try {
    end = run_command(command, work.run.cancel,
                      [&](bool error, std::string_view bytes) { lines.said(error, bytes); });
  } catch (const Error&) {
    lines.end();
    throw;
  }
  lines.end();
  if (end.left > 0) {
    work.warnings.push_back(fmt::format("{} process{} that it left behind {} ended", end.left,
                                        end.left == 1 ? "" : "es", end.left == 1 ? "was" : "were"));
  }
  if (end.signal == 0 && is_among(work.task.command.skip, end.code))
    return fmt::format("it ended with exit code {}", end.code);
  if (end.signal != 0 || end.code != 0) fail(work, end, lines);
  take_output(work, lines);
  return {};
}

}  // namespace windrow::tasks
