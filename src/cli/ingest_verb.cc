#include <fmt/format.h>
#include <malloc.h>

#include "app/app.h"
#include "base/clock.h"
#include "cli/json_text.h"
#include "cli/session.h"

// ingest.
namespace windrow::cli {

namespace {

std::string status_line(const observe::StreamStatus& s, double seconds) {
  std::string out = fmt::format("  {}  {}", s.phase, counted(s.rows, "row"));
  if (seconds > 0) out += fmt::format(", {}/s", count_text(int64_t(double(s.rows) / seconds)));
  out += fmt::format("  {}", counted(s.commits, "commit"));
  if (s.lag >= 0) out += fmt::format("  lag {}", count_text(s.lag));
  if (s.rejected > 0) out += fmt::format("  {} rejected", count_text(s.rejected));
  if (s.waiting > 0) out += fmt::format("  {} waiting", count_text(s.waiting));
  if (!s.problem.empty()) out += "  " + s.problem;
  return out;
}

/// On a terminal one line that is written over; elsewhere a line where it begins or ends to wait.
/// With --json a document a line, a second apart.
class IngestView {
 public:
  IngestView(const Out& out, const Clock& clock)
      : out_(out), clock_(clock), begun_(clock.steady()) {}
  ~IngestView() {
    if (drawn_) out_.raw_error("\r\033[K");
  }
  void show(const observe::StreamStatus& status) {
    const auto now = clock_.steady();
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const bool trouble = status.problem != problem_;
    problem_ = status.problem;
    if (out_.json()) {
      if (!trouble && now - shown_ < std::chrono::seconds(1)) return;
      shown_ = now;
      out_.write(dumped_line(json_of(status)));
    } else if (out_.quiet()) {
      return;
    } else if (out_.error_terminal()) {
      out_.raw_error("\r\033[K" + clipped(status_line(status, seconds), out_.error_width() - 1));
      drawn_ = true;
    } else if (trouble) {
      out_.raw_error(status_line(status, seconds) + "\n");
    }
  }

 private:
  const Out& out_;
  const Clock& clock_;
  std::chrono::steady_clock::time_point begun_, shown_;
  std::string problem_;
  bool drawn_ = false;
};

/// Each flush takes and gives back the same few large blocks. By default the C library hands them
/// to the kernel and back, which has to clear them anew each time. Of the whole process, so this is
/// the program's to say.
void keep_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

}  // namespace

int ingest_verb(Session& session) {
  const auto& a = session.arguments;
  app::IngestOptions options;
  options.source = a.source;
  options.limits.batches = a.batches;
  options.limits.until_caught_up = a.until_caught_up;
  options.command = session.secrets.redact(session.command);
  options.metrics_file = a.metrics_file;
  if (!a.duration.empty()) {
    options.limits.duration = parse_duration(a.duration);
    if (!options.limits.duration) {
      throw Error(Code::usage, "--for takes a duration, but \"" + a.duration + "\" is none",
                  "write 30s, 10m or 1h30m");
    }
  }
  keep_memory();
  const auto app = open_app(session);
  app::RunResult result;
  {
    IngestView view(session.out, session.clock);
    const auto run = app->ingest(options, [&](const observe::Event& event) {
      if (const auto* moved = std::get_if<observe::StreamMoved>(&event.what))
        view.show(moved->status);
    });
    result = run->wait(session.interrupts.cancel());
  }
  const auto s = result.stream.value_or(observe::StreamStatus{});
  if (session.out.json()) {
    Json out = json_of(s);
    out["run"] = result.run;
    out["seconds"] = double(result.elapsed.count()) / 1e6;
    out["warnings"] = result.warnings;
    if (auto usage = json_of(result.usage); !usage.empty()) out["usage"] = std::move(usage);
    session.out.write(dumped_line(out));
    return kDone;
  }
  for (const auto& warning : result.warnings)
    session.out.note(session.out.error_style().yellow("warning:") + " " + warning);
  session.out.print(fmt::format("{} in {}, {} in {}, {} rejected{}", counted(s.rows, "row"),
                                counted(s.commits, "commit"), bytes_text(s.file_bytes),
                                counted(s.files, "file"), count_text(s.rejected),
                                s.rejected > 0 ? ": they are in " + a.source + "_rejected" : ""));
  return kDone;
}

}  // namespace windrow::cli
