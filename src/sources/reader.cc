#include "sources/source.h"

namespace windrow::sources {

std::unique_ptr<Reader> reader(const project::Source& source, const Context& context) {
  if (source.kind == "files") return files_reader(source, context);
  if (source.kind == "rest") return rest_reader(source, context);
  if (source.kind == "database") return database_reader(source, context);
  if (source.kind == "sse") return sse_reader(source, context);
  return nullptr;
}

}  // namespace windrow::sources
