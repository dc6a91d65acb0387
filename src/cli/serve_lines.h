#pragma once

#include <string>

#include "cli/text.h"
#include "server/told.h"

/// How what a server says of itself looks.
namespace windrow::cli {

/// A line, and those of its problems: `2026-11-29 21:30:00 CET  nightly  fires, due 21:30, run
/// 01a2287b-b491`. `several`: with the project's name.
std::string told_text(const server::Told& told, bool several, const Style& style);
/// It is said also where only what is wrong is.
bool is_trouble(const server::Told& told);

}  // namespace windrow::cli
