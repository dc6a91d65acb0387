#include "project/formatting.h"

#include <algorithm>

#include "project/sql_file.h"
#include "project/yaml_layout.h"
#include "project/yaml_reader.h"

namespace windrow::project {
namespace {

bool same(const Node& a, const Node& b) {
  return a.kind == b.kind && a.style == b.style && a.text == b.text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
                    [](const NodeEntry& x, const NodeEntry& y) {
                      return same(x.key, y.key) && same(x.value, y.value);
                    });
}

std::string with_unix_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r')
      out += text[i];
    else if (i + 1 == text.size() || text[i + 1] != '\n')
      out += '\n';
  }
  return out;
}

std::string with_windows_lines(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

/// `text` without a byte order mark.
std::optional<std::string> formatted_yaml(std::string_view text, const Origin& origin,
                                          Problems& problems) {
  Problems here;
  const auto before = read_yaml(text, origin, here);
  for (const auto& problem : here.all()) problems.add(problem);
  if (!here.empty()) return std::nullopt;
  try {
    const auto first_end = text.find('\n');
    const bool windows =
        first_end != std::string_view::npos && first_end > 0 && text[first_end - 1] == '\r';
    const auto layout = lay_out(with_unix_lines(text), origin);
    const auto after = read_yaml(layout.text, origin, here);
    const bool even = here.empty() && before.has_value() == after.has_value() &&
                      (!before || same(*before, *after));
    const auto again = even ? lay_out(layout.text, origin) : YamlLayout{};
    if (even && again.comments == layout.comments && again.text == layout.text)
      return windows ? with_windows_lines(layout.text) : layout.text;
    problems.add(Code::internal, "laying the file out would change what it says",
                 "it was left as it is; this is a bug: please report it with the file",
                 {origin.file, origin.line, 0});
  } catch (const Error& error) {
    problems.add(error);
  }
  return std::nullopt;
}

std::optional<std::string> formatted_sql(std::string_view text, const std::string& file,
                                         Problems& problems) {
  Problems here;
  const auto parts = split_sql(text, file, here);
  // Of a file that says something else wrong, a header that was found is still one.
  if (!parts.header) {
    for (const auto& problem : here.all()) problems.add(problem);
    return here.empty() ? std::optional(std::string(text)) : std::nullopt;
  }
  auto header = formatted_yaml(*parts.header, parts.header_origin, problems);
  if (!header) return std::nullopt;
  const auto inside = *parts.header;
  while (!header->empty() && (header->back() == '\n' || header->back() == '\r')) header->pop_back();
  const auto begin = size_t(inside.data() - text.data());
  std::string out(text.substr(0, begin));
  if (header->empty()) return std::string(text);
  const bool windows = inside.find("\r\n") != std::string_view::npos;
  if (inside.find('\n') == std::string_view::npos)
    out += " " + *header + " ";
  else
    out += (windows ? "\r\n" : "\n") + *header + (windows ? "\r\n" : "\n");
  out += text.substr(begin + inside.size());
  return out;
}

}  // namespace

std::optional<std::string> formatted(std::string_view text, const std::string& file,
                                     Problems& problems) {
  std::string mark;
  if (text.starts_with(kByteOrderMark)) {
    mark = kByteOrderMark;
    text.remove_prefix(mark.size());
  }
  const auto out = file.ends_with(".sql") ? formatted_sql(text, file, problems)
                                          : formatted_yaml(text, {file, 1, 1}, problems);
  return out ? std::optional(mark + *out) : std::nullopt;
}

}  // namespace windrow::project
