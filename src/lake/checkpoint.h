#pragma once

#include <string>

#include "duck/forward.h"
#include "lake/log.h"

/// Checkpoints: the state of a table at one version (PROTOCOL.md, "Checkpoints"). All kinds are
/// read; one Parquet file is written, with the mark of a V2 checkpoint where the table asks for it.
namespace windrow::lake {

struct Snapshot;

/// Its actions as one commit. Error(corrupt) where a file does not read or a sidecar is missing.
Commit read_checkpoint(storage::FileSystem& files, const CheckpointFiles& checkpoint,
                       duck::Connection& connection);

/// Its protocol and metadata alone; nothing of them where finding them takes the whole.
Commit read_checkpoint_head(const CheckpointFiles& checkpoint, duck::Connection& connection);

/// Writes `<version>.checkpoint.parquet` and `_last_checkpoint`. Tombstones older than the table's
/// `delta.deletedFileRetentionDuration` are left out. Writing it twice is harmless.
void write_checkpoint(storage::FileSystem& files, const Snapshot& snapshot, Time now,
                      duck::Connection& connection);

/// True where a checkpoint is due after this version (`delta.checkpointInterval`, 10 where it is
/// not set).
bool checkpoint_due(int64_t version, const Metadata& metadata);

}  // namespace windrow::lake
