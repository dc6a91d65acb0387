#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windrow::project {

/// A name of a table, layer, column of ours, variable: a letter or underscore, then letters,
/// digits, underscores.
bool is_identifier(std::string_view text);
/// A name of an environment variable: the same rule.
inline bool is_variable_name(std::string_view text) { return is_identifier(text); }
/// A name of a project, environment, connection, publication, task: an identifier that may hold
/// hyphens.
bool is_label(std::string_view text);
/// `layer.table`.
bool is_table_name(std::string_view text);
/// The user's text as messages show it: in quotes, one line, not endless.
std::string in_quotes(std::string_view text);
/// `a, b and c`, with ` and ` as `last`.
std::string listed(const std::vector<std::string>& names, std::string_view last);

}  // namespace windrow::project
