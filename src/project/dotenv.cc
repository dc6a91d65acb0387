#include "project/dotenv.h"

#include <optional>

#include "project/names.h"

namespace windrow::project {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// True where nothing or only a comment is left.
bool only_comment(std::string_view rest) {
  rest = trimmed(rest);
  return rest.empty() || rest.front() == '#';
}

std::optional<std::string> double_quoted(std::string_view text) {
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      return only_comment(text.substr(i + 1)) ? std::optional(out) : std::nullopt;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      if (next == 'n')
        out += '\n';
      else if (next == 't')
        out += '\t';
      else if (next == '"' || next == '\\' || next == '$')
        out += next;
      else
        (out += '\\') += next;
    } else {
      out += text[i];
    }
  }
  return std::nullopt;
}

/// Nothing where a quote is not closed or is followed by something else.
std::optional<std::string> value_of(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return "";
  if (text.front() == '"') return double_quoted(text);
  if (text.front() == '\'') {
    const size_t end = text.find('\'', 1);
    if (end == std::string_view::npos || !only_comment(text.substr(end + 1))) return std::nullopt;
    return std::string(text.substr(1, end - 1));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || kBlanks.find(text[i - 1]) != std::string_view::npos)) {
      return std::string(trimmed(text.substr(0, i)));
    }
  }
  return std::string(text);
}

void read_line(std::string_view line, const Place& place, std::map<std::string, std::string>& out,
               Problems& problems) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return;
  if (line.starts_with("export ") || line.starts_with("export\t")) line = trimmed(line.substr(7));
  const size_t equals = line.find('=');
  const auto key = trimmed(line.substr(0, equals));
  if (equals == std::string_view::npos || !is_variable_name(key)) {
    problems.add(Code::configuration, "expected KEY=VALUE",
                 "a key has letters, digits and underscores; a comment begins with #", place);
    return;
  }
  auto value = value_of(line.substr(equals + 1));
  if (!value) {
    problems.add(Code::configuration,
                 "the quotes around the value of \"" + std::string(key) + "\" are not closed",
                 "a value of several lines can lie in a file: ${file:PATH}", place);
    return;
  }
  out[std::string(key)] = std::move(*value);
}

}  // namespace

std::map<std::string, std::string> read_dotenv(std::string_view text, const std::string& file,
                                               Problems& problems) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::map<std::string, std::string> out;
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    read_line(text.substr(0, end), {file, line, 1}, out, problems);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace windrow::project
