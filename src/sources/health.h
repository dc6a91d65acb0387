#pragma once

#include <string>

#include "base/cancel.h"
#include "project/project.h"
#include "sources/source.h"

/// Looks at what sources read from, and brings nothing in. What was found in words; Error with a
/// hint where it cannot be used. Every look ends within about fifteen seconds.
namespace windrow::sources {

/// A connection of the type rest, kafka, postgres or sqlite.
std::string connection_health(const project::Project& project,
                              const project::Connection& connection, Cancel& cancel);
/// What a source reads: that it is there, and may be read.
std::string source_health(const project::Source& source, const Context& context);

}  // namespace windrow::sources
