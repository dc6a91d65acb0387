#pragma once

#include "project/kinds.h"

/// Kinds of connection that sources alone read from.
namespace windrow::sources {

project::ConnectionKind rest_connection();
project::ConnectionKind kafka_connection();

}  // namespace windrow::sources
