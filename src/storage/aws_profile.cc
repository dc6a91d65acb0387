#include "storage/aws_profile.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace windrow::storage {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return {};
    return value;
  };
}

namespace {

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

std::map<std::string, Section> profiles_in(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};
  std::ostringstream text;
  text << file.rdbuf();
  return parse_profiles(text.str());
}

}  // namespace

std::map<std::string, Section> parse_profiles(std::string_view text) {
  std::map<std::string, Section> out;
  Section* section = nullptr;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view whole = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string line = trimmed(whole);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      std::string name = trimmed(line.substr(1, line.find(']') - 1));
      if (name.starts_with("profile ")) name = trimmed(name.substr(8));
      section = &out[name];
    } else if (const size_t equals = line.find('=');
               section && equals != std::string::npos && whole[0] != ' ' && whole[0] != '\t') {
      (*section)[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
    }
  }
  return out;
}

Section aws_profile(const Environment& environment) {
  const std::string home = environment("HOME").value_or("");
  const std::string name = environment("AWS_PROFILE").value_or("default");
  Section out;
  bool found = false;
  for (const auto& path :
       {environment("AWS_CONFIG_FILE").value_or(home + "/.aws/config"),
        environment("AWS_SHARED_CREDENTIALS_FILE").value_or(home + "/.aws/credentials")}) {
    const auto profiles = profiles_in(path);
    const auto at = profiles.find(name);
    if (at == profiles.end()) continue;
    found = true;
    for (const auto& [key, value] : at->second) out[key] = value;
  }
  if (!found && environment("AWS_PROFILE")) {
    throw Error(Code::configuration, "AWS profile \"" + name + "\" is in no profile file",
                "look into ~/.aws/config and ~/.aws/credentials, or the files that "
                "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name");
  }
  return out;
}

}  // namespace windrow::storage
