#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/session.h"

/// Private to cli/: the tree of verbs and options, the one declaration that parsing, --help,
/// completion and the test of docs/cli.md go by.
namespace windrow::cli {

std::unique_ptr<CLI::App> make_parser(Arguments& arguments);
/// The options of `why`, beside what they do.
void why_options(CLI::App& why, Arguments& arguments);
/// What is wrong with words that the parser refused, with the name that was most likely meant.
Problem usage_problem(const CLI::ParseError& error, const CLI::App& parser);

}  // namespace windrow::cli
