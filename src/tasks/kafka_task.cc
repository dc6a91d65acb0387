#include <fmt/format.h>

#include "sources/source_kind.h"
#include "tasks/context.h"
#include "tasks/ingest.h"
#include "tasks/stream/archiver.h"

namespace windrow::tasks {

void ingest_stream(const Context& context, const project::Source& source,
                   const IngestLimits& limits, Cancel& cancel, const IngestSink& sink,
                   Report& report) {
  if (!context.sources->of(source).streams()) {
    throw Error(Code::usage,
                fmt::format("source \"{}\" is of the kind \"{}\", and `ingest` is for streams",
                            source.name, source.kind),
                "`windrow run` reads it", source.place);
  }
  Archiver(context, source, limits, Reading::member, clients::kafka_consumer, cancel, sink, report)
      .run();
}

void ingest_waiting(const Context& context, const project::Source& source, Cancel& cancel,
                    const ProgressSink& progress, Report& report) {
  IngestLimits limits;
  limits.until_caught_up = true;
  const IngestSink sink = [&](const observe::StreamStatus& status) {
    if (progress) progress({source.name, status.phase, -1, status.rows});
  };
  Archiver(context, source, limits, Reading::alone, clients::kafka_consumer, cancel, sink, report)
      .run();
  if (report.rejected > 0) {
    const bool one = report.rejected == 1;
    report.warnings.push_back(fmt::format("{} message{} could not be read: {} in {}_rejected",
                                          report.rejected, one ? "" : "s",
                                          one ? "it is" : "they are", source.name));
  }
}

std::optional<std::string> pending_stream(const Context& context, const project::Source& source) {
  Cancel cancel;
  Report report;
  const IngestSink nobody;
  const auto waiting =
      Archiver(context, source, {}, Reading::alone, clients::kafka_consumer, cancel, nobody, report)
          .waiting();
  if (waiting == 0) return {};
  return fmt::format("{} message{}", waiting, waiting == 1 ? "" : "s");
}

}  // namespace windrow::tasks
