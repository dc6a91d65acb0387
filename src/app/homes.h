#pragma once

#include <memory>

#include "base/secrets.h"
#include "storage/aws_profile.h"
#include "storage/homes.h"

namespace windrow::app {

/// Every home of files that this version knows, set up from the environment: local disk, `s3://`
/// (also as `s3a://`, as Spark writes it), `hdfs://` and `webhdfs://`. Nothing is asked for before
/// it is used. The secrets have to outlive it.
std::unique_ptr<storage::Homes> all_homes(storage::Environment environment, Secrets& secrets);

}  // namespace windrow::app
