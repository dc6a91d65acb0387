#include "tasks/stream/stream.h"

#include <algorithm>

#include "base/clock.h"
#include "sources/kafka/registry.h"
#include "tasks/audit.h"
#include "tasks/source_definition.h"

namespace windrow::tasks {

Stream::Stream(const Context& c, const project::Source& s, Cancel& cancel, Report& r)
    : context(c),
      source(s),
      options(sources::kafka_options(c.project, s)),
      decoder(s, sources::record_format(s, sources::schema_registry(options))),
      session(c.inside.open_inside({}, cancel, {}, r.meter)),
      report(r) {
  if (r.meter) r.meter->reads_outside();
  for (const auto& [column, expression] : s.partition_by) partition_by.push_back(column);
}

std::string Stream::app_id(const clients::KafkaPartition& partition) const {
  return sources::kafka_app_id(source.name, cluster, partition);
}

lake::Txn Stream::txn(const clients::KafkaPartition& partition, int64_t offset) const {
  return {app_id(partition), offset, micros(context.clock.now()) / 1000};
}

Parameters Stream::parameters() const {
  return {{"extracted_at", {iso(context.clock.now()), "TIMESTAMP"}}};
}

bool Stream::has_checks() const {
  return !source.checks.empty() ||
         std::any_of(source.columns.begin(), source.columns.end(),
                     [](const auto& column) { return !column.checks.empty(); });
}

lake::Provenance Stream::record() const {
  auto out = record_of(context, source.name, "source");
  name_definition(context, source, out);
  return out;
}

void Stream::too_many_conflicts() const {
  throw Error(Code::conflict, "\"" + source.name + "\" was changed by others each time",
              "run again");
}

}  // namespace windrow::tasks
