#pragma once

#include <string>

#include "lake/table.h"

namespace windrow::api {

class Call;

/// A table of the lake of a call's project. Error(not_found) where there is none of the name.
lake::Table table_of(Call& call, const std::string& name);

}  // namespace windrow::api
