#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "project/kinds.h"
#include "sources/source.h"

/// What a folder of this room says of the kind of source in it: one value, put together with the
/// others in app/kinds.cc.
namespace windrow::sources {

/// A look at what is outside, which brings nothing in: what was found, in words; Error with a hint
/// where it cannot be used. Ends within about fifteen seconds.
using ConnectionLook =
    std::function<std::string(const project::Project&, const project::Connection&, Cancel&)>;

struct SourceKind {
  project::SourceKind declared;
  /// The types of connection that it reads from.
  std::map<std::string, ConnectionLook> connections;
  /// Its reader. Reads the source's settings and nothing else: Error(configuration) where they are
  /// wrong. Nothing: its sources are streams, which tasks/stream/ reads as they come.
  std::function<std::unique_ptr<Reader>(const project::Source&, const Context&)> open;
  /// That what a source reads is there, and may be read.
  std::function<std::string(const project::Source&, const Context&, Cancel&)> look;
  /// Keys under `from` that say how rows are read, in the order in which a source's definition has
  /// them; the others say from where, when and how many. A definition that changes is told.
  std::vector<std::string> shaping;
  /// Columns that it gives its tables before any that are declared.
  std::vector<Column> columns;
  /// Columns that are not declared come from what it reads, unless all of it is kept as `raw`.
  bool finds_columns = false;

  bool streams() const { return !open; }
};

/// The kinds that there are.
class Kinds {
 public:
  explicit Kinds(std::vector<SourceKind> kinds) : kinds_(std::move(kinds)) {}

  const std::vector<SourceKind>& all() const { return kinds_; }
  /// Nothing where there is no such kind.
  const SourceKind* find(std::string_view name) const;
  /// Of a source whose file was read.
  const SourceKind& of(const project::Source& source) const;
  /// How a connection of the type is looked at; nothing where no source reads from it.
  const ConnectionLook* look_at(const std::string& type) const;

 private:
  std::vector<SourceKind> kinds_;
};

/// What several kinds have under `from`, read into the member of that name.
template <class From>
void add_record_bytes_max(project::Keys<From>& keys) {
  keys.optional("record_bytes_max", &From::record_bytes_max, project::size_type(), "64MB",
                "A longer record is set aside, with its beginning.");
}

}  // namespace windrow::sources
