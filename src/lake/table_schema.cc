#include "lake/table_schema.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "duck/duck.h"
#include "lake/checkpoint.h"
#include "lake/log.h"
#include "lake/protocol.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

constexpr int64_t kSmallCommits = 200;
constexpr uint64_t kSmallBytes = 64 << 10;

}  // namespace

Schema schema_at(storage::FileSystem& files, const std::string& table_path, int64_t version,
                 duck::Connection& connection) {
  const LogListing listing = list_log(files, table_path);
  Commit head;  // the newest protocol and metadata
  const auto take = [&](Commit older) {
    if (!head.protocol) head.protocol = std::move(older.protocol);
    if (!head.metadata) head.metadata = std::move(older.metadata);
    return head.protocol && head.metadata;
  };
  const auto checkpoint = std::find_if(listing.checkpoints.rbegin(), listing.checkpoints.rend(),
                                       [&](const auto& each) { return each.version <= version; });
  const int64_t from = checkpoint == listing.checkpoints.rend() ? -1 : checkpoint->version;
  bool found = false;
  int64_t next = version;
  for (; next > from && !found && listing.has_commit(next); --next)
    found = take(read_commit(files, table_path, next));
  // A checkpoint costs as much as hundreds of small commits on a disk do.
  const bool far = table_path.find("://") != std::string::npos;
  for (int64_t older = from;
       !found && !far && next == from && from - older < kSmallCommits && listing.has_commit(older);
       --older) {
    const auto info = files.stat(commit_file(table_path, older));
    if (!info || info->size > kSmallBytes) break;
    found = take(read_commit(files, table_path, older));
  }
  try {
    if (!found && next == from && from >= 0)
      found = take(read_checkpoint_head(*checkpoint, connection));
  } catch (const Error& error) {
    if (error.code() != Code::corrupt) throw;  // else an older one has it
  }
  // Whatever is out of the ordinary, and what is not there.
  if (!found) return Table(files, table_path).snapshot(version, &connection).schema;
  check_readable(*head.protocol, *head.metadata);
  return schema_of(*head.metadata);
}

}  // namespace windrow::lake
