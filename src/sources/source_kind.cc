#include "sources/source_kind.h"

#include <algorithm>

namespace windrow::sources {

const SourceKind* Kinds::find(std::string_view name) const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const auto& each) { return each.declared.name == name; });
  return found == kinds_.end() ? nullptr : &*found;
}

const SourceKind& Kinds::of(const project::Source& source) const {
  if (const auto* kind = find(source.kind)) return *kind;
  throw Error(Code::internal, "there is no kind of source \"" + source.kind + "\"");
}

const ConnectionLook* Kinds::look_at(const std::string& type) const {
  for (const auto& kind : kinds_) {
    const auto found = kind.connections.find(type);
    if (found != kind.connections.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace windrow::sources
