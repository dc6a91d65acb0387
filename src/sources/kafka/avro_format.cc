#include "sources/kafka/decoder.h"

namespace windrow::sources {

std::unique_ptr<Decoder::Format> avro_format(const project::Source& source, SchemaOf) {
  throw Error(Code::unsupported, "Avro messages are not read yet", "", source.place);
}

}  // namespace windrow::sources
