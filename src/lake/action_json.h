#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lake/actions.h"

/// Actions as JSON text: one object a line, as PROTOCOL.md writes them.
namespace windrow::lake {

/// Everything in one version's file. `where` names the file in messages. Unknown actions and fields
/// are passed over, as the protocol asks of readers. Throws Error(corrupt).
Commit commit_from_json(std::string_view text, int64_t version, std::string_view where);

/// Reads single actions into the same commit, one line after the other; keeps its buffers between
/// lines.
class ActionReader {
 public:
  ActionReader();
  ~ActionReader();
  ActionReader(const ActionReader&) = delete;
  ActionReader& operator=(const ActionReader&) = delete;
  void read(const std::string& line, Commit& into, std::string_view where);
  /// Of the JSON of this field alone.
  DeletionVector deletion_vector(const std::string& json, std::string_view where);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The lines of a version's file, each ended by a line break: commitInfo first where there is one.
std::string to_json_lines(const Commit& commit);

std::string to_json(const Add& add);
std::string to_json(const Remove& remove);
std::string to_json(const Metadata& metadata);
std::string to_json(const Protocol& protocol);
std::string to_json(const Txn& txn);
std::string to_json(const DomainMetadata& domain);
std::string to_json(const Cdc& cdc);

}  // namespace windrow::lake
