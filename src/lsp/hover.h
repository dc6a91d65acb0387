#pragma once

#include <optional>
#include <string>

#include "lsp/target.h"

namespace windrow::lsp {

/// What is known of a word, as Markdown; nothing where nothing is. Not masked.
std::optional<std::string> hover_text(const View& view, const Spot& spot, const Target& target);

}  // namespace windrow::lsp
