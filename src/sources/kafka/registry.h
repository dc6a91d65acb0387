#pragma once

#include "sources/kafka/decoder.h"
#include "sources/kafka/options.h"

namespace windrow::sources {

/// Asks a schema registry (`GET /schemas/ids/ID`) and remembers: a schema's id never means another.
/// Where the connection names none, each question is an Error(configuration).
SchemaOf schema_registry(const KafkaOptions& options);

}  // namespace windrow::sources
