#pragma once

namespace windrow::cli {

struct Session;

/// `query --compiled MODEL`: the model's SELECT as it is run.
int show_compiled(Session& session);

}  // namespace windrow::cli
