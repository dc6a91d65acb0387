#include "lake/point_in_time.h"

#include "base/error.h"
#include "lake/table.h"

namespace windrow::lake {

int64_t version_at(const Table& table, Time at, const std::string& name) {
  try {
    return table.version_at(at);
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
  }
  // What was cleaned from the log is listed as well.
  const auto entries = table.history();
  if (entries.empty()) throw Error(Code::not_found, "there is no table \"" + name + "\"");
  const auto& first = entries.back();
  if (first.version == 0 && first.timestamp > at) {
    throw Error(Code::not_found,
                "\"" + name + "\" did not exist at " + iso(at) + ": its first version is of " +
                    iso(first.timestamp),
                "ask for that time or a later one");
  }
  int64_t oldest = first.version;
  Time since = first.timestamp;
  for (const auto& entry : entries) {  // newest first; commits that are still there are unbroken
    if (entry.timestamp <= at) break;
    oldest = entry.version;
    since = entry.timestamp;
  }
  throw Error(Code::history_lost,
              "the log of \"" + name + "\" no longer holds its version of " + iso(at) +
                  ": the oldest of later ones that is known is version " + std::to_string(oldest) +
                  ", of " + iso(since),
              "ask for a later time; `windrow table history` lists the versions there are");
}

}  // namespace windrow::lake
