#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/session.h"

/// Private to cli/parser*.cc: what several verbs have in common.
namespace windrow::cli {

inline constexpr const char* kLook = "Look";
inline constexpr const char* kWork = "Work";

CLI::App* verb(CLI::App& parent, const char* group, const std::string& name,
               const std::string& what, const std::string& examples);
CLI::Option* repeatable(CLI::Option* option);
void limit(CLI::App* to, Arguments& a, const std::string& what);
void rows(CLI::App* to, Arguments& a);
void version_or_time(CLI::App* to, Arguments& a);
void dry_run(CLI::App* to, Arguments& a);

/// `backfill`, which is given, and `backfills`.
CLI::App& backfill_verbs(CLI::App& app, Arguments& a);
/// `serve`, and what is asked of a server.
void serving_verbs(CLI::App& app, Arguments& a);
/// The verbs of `table`.
void table_verbs(CLI::App& app, Arguments& a);

}  // namespace windrow::cli
