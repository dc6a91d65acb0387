#pragma once

/// Names of this room's types, for headers that hand them on and do not look inside.
namespace windrow::project {
struct Project;
struct Source;
struct UnitTest;
}  // namespace windrow::project
