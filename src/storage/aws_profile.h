#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace windrow::storage {

/// Looks up an environment variable; nothing where it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
/// The process's own.
Environment process_environment();

using Section = std::map<std::string, std::string>;
/// Reads `[section]` and `key = value` lines as the AWS tools write them; lines begun with `#` or
/// `;` and nested (indented) lines are passed over. The section `profile x` is called `x`.
std::map<std::string, Section> parse_profiles(std::string_view text);

/// What `~/.aws/config` and `~/.aws/credentials` (or the files that AWS_CONFIG_FILE and
/// AWS_SHARED_CREDENTIALS_FILE name) say of the profile AWS_PROFILE (or `default`); where both say
/// it, the second. Empty where there is neither file. Throws Error(configuration) where AWS_PROFILE
/// names a profile that is in none of them.
Section aws_profile(const Environment& environment);

}  // namespace windrow::storage
