#pragma once

#include <optional>
#include <string>

#include "lake/actions.h"
#include "lake/schema.h"

/// Which tables this program may read and write (PROTOCOL.md, "Table Features"). A feature is added
/// here by naming it in `kReaderFeatures` or `kWriterFeatures` of protocol.cc, once the code that
/// honours it is there.
namespace windrow::lake {

/// Error(unsupported) that names every reader feature of the table that is not known.
void check_readable(const Protocol& protocol, const Metadata& metadata);
/// Error(unsupported) that names every writer feature that is not known or is in use and not
/// enforced by us.
void check_writable(const Protocol& protocol, const Metadata& metadata, const Schema& schema);

/// The least protocol that a table with this schema needs.
Protocol protocol_for(const Schema& schema);
/// What the protocol has to become before `schema` may be written; nothing where it does already.
std::optional<Protocol> upgraded_for(const Protocol& protocol, const Schema& schema);

/// The protocol with one more feature by name.
Protocol with_feature(const Protocol& protocol, const std::string& feature, bool reader_too);

ColumnMapping column_mapping(const Metadata& metadata);
/// The schema as its files have it, column mapping included. Throws as schema_from_json does.
Schema schema_of(const Metadata& metadata);

/// `delta.…` = true
bool switched_on(const Metadata& metadata, const std::string& property);

}  // namespace windrow::lake
