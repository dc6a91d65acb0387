#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lake/schema.h"

/// How file names and partition values are written in the log (PROTOCOL.md, "Add File and Remove
/// File" and "Partition Value Serialization").
namespace windrow::lake {

/// A relative path as a URI: everything but letters, digits and `-._~/=` percent-encoded, byte by
/// byte.
std::string uri_encoded(std::string_view path);
/// The reverse; a `%` that begins no code stays as it is.
std::string uri_decoded(std::string_view text);
/// True for `s3://…`, `file:/…`, `/…`: a file outside of the table's folder.
bool is_absolute_path(std::string_view log_path);
/// The path in the file system of a path in the log.
std::string resolved_path(const std::string& table_path, const std::string& log_path);

/// DuckDB's text of a value → the log's. The empty text becomes null, as the protocol demands.
std::optional<std::string> partition_value_for_log(const Type& type,
                                                   const std::optional<std::string>& duck_text);
/// The log's value as an SQL literal of the type, for DuckDB.
std::string partition_literal(const Type& type, const std::optional<std::string>& log_value);

}  // namespace windrow::lake
