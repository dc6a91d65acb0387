#pragma once

/// Names of this room's types, for headers that hand them on and do not look inside.
namespace windrow::columns {
class BatchReader;
struct OperatorUse;
struct WriteOptions;
struct WrittenFile;
}  // namespace windrow::columns
