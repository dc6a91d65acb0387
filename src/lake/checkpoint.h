#pragma once

#include <string>

#include "duck/duck.h"
#include "lake/log.h"
#include "lake/table.h"

/// Classic checkpoints: the state of a table at one version, as Parquet (PROTOCOL.md, "Checkpoint
/// Schema").
namespace windrow::lake {

/// Its actions as one commit. Error(corrupt) where the Parquet does not read.
Commit read_checkpoint(const CheckpointFiles& checkpoint, duck::Connection& connection);

/// Writes `<version>.checkpoint.parquet` and `_last_checkpoint`. Tombstones older than the table's
/// `delta.deletedFileRetentionDuration` are left out. Writing it twice is harmless.
void write_checkpoint(storage::FileSystem& files, const Snapshot& snapshot, Time now,
                      duck::Connection& connection);

/// True where a checkpoint is due after this version (`delta.checkpointInterval`, 10 where it is
/// not set).
bool checkpoint_due(int64_t version, const Metadata& metadata);

}  // namespace windrow::lake
