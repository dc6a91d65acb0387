#include <filesystem>
#include <fstream>

#include "cli/server_channel.h"
#include "cli/session.h"

// logs.
namespace windrow::cli {

namespace {

constexpr auto kLookForLines = std::chrono::milliseconds(200);
/// So many looks between two at the history, which says that a run was interrupted.
constexpr int kLooksForEnd = 10;

/// `2025-10-17T14:05:09Z  task.finished  asset gold.top, status done`.
std::string log_text(const Json& line, const Style& style) {
  const auto level = line.value("level", "");
  auto event = line.value("event", "");
  if (level == "error") event = style.red(event);
  if (level == "warn") event = style.yellow(event);
  std::string fields;
  for (const auto& [name, value] : line.items()) {
    if (name == "ts" || name == "level" || name == "event") continue;
    const auto text = value_text(value);
    if (text.empty() || text == "-1") continue;  // of what there is none
    fields += (fields.empty() ? "" : ", ") + name + " " + text;
  }
  return style.dim(line.value("ts", "")) + "  " + event + (fields.empty() ? "" : "  " + fields);
}

/// The lines of a file that grows.
class Lines {
 public:
  explicit Lines(std::string path) : path_(std::move(path)) {}
  std::vector<std::string> fresh() {
    std::vector<std::string> out;
    std::ifstream file(path_, std::ios::binary);
    file.seekg(std::streamoff(at_));
    std::string line;
    while (std::getline(file, line) && !file.eof()) {  // what has no end yet is still written
      at_ += line.size() + 1;
      out.push_back(line);
    }
    return out;
  }

 private:
  const std::string path_;
  size_t at_ = 0;
};

}  // namespace

int logs_verb(Session& session) {
  const auto state =
      project_root(session) + "/.windrow";  // also of a project whose files are broken
  const history::History history(state + "/history.db");
  const auto run = run_named(history, session.arguments.run);
  const auto path = state + "/logs/" + run + ".jsonl";
  if (!std::filesystem::exists(path)) {
    throw Error(Code::not_found, "there is no log of run " + run,
                "logs may be removed at any time; `windrow runs " + run + "` shows what is known");
  }
  Lines lines(path);
  const auto& out = session.out;
  for (int look = 1;; ++look) {
    bool ended = false;
    for (const auto& text : lines.fresh()) {
      const auto line = app::parsed(text);
      ended = ended || (line.is_object() && line.value("event", "") == "run.ended");
      if (out.json())
        out.write(text + "\n");
      else if (line.is_object())
        out.print(log_text(line, out.style()));
    }
    out.finish();
    if (!session.arguments.follow || ended) return kDone;
    if (look % kLooksForEnd == 0) {
      const auto now = history.run(run);
      if (!now || now->ended) return kDone;
    }
    if (session.interrupts.cancel().wait_for(kLookForLines)) return kStopped;
  }
}

}  // namespace windrow::cli
