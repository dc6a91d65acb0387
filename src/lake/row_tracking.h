#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/actions.h"
#include "lake/schema.h"

/// Private to lake/: ids of rows that outlive a rewrite (PROTOCOL.md, "Row Tracking"). A row has
/// the id that its file and its place in there give it, until it is copied: from then on it carries
/// its id, and the version that it is of, in two columns of the files that no schema names. In the
/// SELECTs of rows to be written again these are kRowId and kRowCommitVersion; both are NULL where
/// the new file and its commit shall decide.
namespace windrow::lake {

struct Snapshot;

inline constexpr const char* kRowTrackingFeature = "rowTracking";
inline constexpr const char* kRowTrackingDomain = "delta.rowTracking";
inline constexpr const char* kEnableRowTracking = "delta.enableRowTracking";
inline constexpr const char* kRowTrackingSuspended = "delta.rowTrackingSuspended";

inline constexpr const char* kRowId = "windrow row id";
inline constexpr const char* kRowCommitVersion = "windrow row commit version";

/// What the files call the two columns.
struct RowTracking {
  std::string id, commit_version;
  bool operator==(const RowTracking&) const = default;
};
/// Nothing where ids need not outlive a rewrite. Error(corrupt) where they have to, and the table
/// does not say in which columns.
std::optional<RowTracking> row_tracking(const Protocol& protocol, const Metadata& metadata);
/// The names, and that no column of the schema has one of them.
void check_row_tracking(const Protocol& protocol, const Metadata& metadata, const Schema& schema);

/// Names for the two columns where the table has none yet. They are the table's for ever.
void give_row_tracking_names(Metadata& metadata);
/// The names of `from`, and those alone: what they name is the table's own, whatever else of its
/// metadata comes from another table or version.
void take_row_tracking_names(const Metadata& from, Metadata& metadata);
bool is_row_tracking_name(const std::string& property);

/// `, "windrow row id", "windrow row commit version"` where the table keeps ids, else nothing.
std::string row_id_columns(const Snapshot& snapshot);
/// The same of rows that are changed: they keep their ids. `changed` is SQL.
std::string row_id_columns_of_changed(const Snapshot& snapshot, const std::string& changed);
/// The table's columns as its files have them, with the two where the table keeps ids.
Schema schema_with_row_ids(const Snapshot& snapshot);

}  // namespace windrow::lake
