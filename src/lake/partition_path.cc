#include "lake/partition_path.h"

#include "base/error.h"
#include "base/time.h"
#include "duck/quoting.h"

namespace windrow::lake {
namespace {

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/=").find(c) != std::string_view::npos;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// `2025-10-17 14:00:00[.ffffff]` from what parse_time reads; the text itself where it is out of
/// its range.
std::string log_timestamp(const std::string& text, bool utc) {
  const auto time = parse_time(text);
  if (!time) return text;
  std::string out = iso(*time);  // 2025-10-17T14:00:00[.ffffff]Z
  out.pop_back();
  if (const size_t dot = out.find('.'); dot == std::string::npos) {
    out += ".000000";
  } else {
    out.resize(dot + 7, '0');
  }
  // With a zone every reader means the same moment, whatever its session's time zone is.
  if (utc) return out + "Z";
  out[out.find('T')] = ' ';
  return out;
}

}  // namespace

std::string uri_encoded(std::string_view path) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (plain(c)) {
      out += c;
    } else {
      out += '%';
      out += kDigits[uint8_t(c) >> 4];
      out += kDigits[uint8_t(c) & 15];
    }
  }
  return out;
}

std::string uri_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (text[i] == '%' && high >= 0 && low >= 0) {
      out += char(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_absolute_path(std::string_view log_path) {
  if (log_path.starts_with('/')) return true;
  const size_t colon = log_path.find(':');
  return colon != std::string_view::npos &&
         log_path.substr(0, colon).find('/') == std::string_view::npos;
}

std::string resolved_path(const std::string& table_path, const std::string& log_path) {
  if (!is_absolute_path(log_path)) {
    const std::string relative = uri_decoded(log_path);
    if (("/" + relative + "/").find("/../") != std::string::npos) {
      throw Error(Code::corrupt, "the log of \"" + table_path +
                                     "\" names a file outside of it: \"" + relative + "\"");
    }
    return table_path + "/" + relative;
  }
  std::string_view rest = log_path;
  if (!rest.starts_with("file:")) return uri_decoded(rest);
  rest.remove_prefix(5);
  while (rest.starts_with("//")) rest.remove_prefix(1);
  return uri_decoded(rest);
}

std::optional<std::string> partition_value_for_log(const Type& type,
                                                   const std::optional<std::string>& duck_text) {
  if (!duck_text || duck_text->empty()) return {};
  if (type.kind == Type::Kind::timestamp) return log_timestamp(*duck_text, true);
  if (type.kind == Type::Kind::timestamp_ntz) return log_timestamp(*duck_text, false);
  return duck_text;
}

std::string partition_literal(const Type& type, const std::optional<std::string>& log_value) {
  const std::string name = duck_type(type);
  if (!log_value || log_value->empty()) return "CAST(NULL AS " + name + ")";
  std::string text = *log_value;
  if (type.kind == Type::Kind::binary) {
    // The log has the bytes as text; a literal has each as \xHH.
    constexpr char kDigits[] = "0123456789ABCDEF";
    text.clear();
    for (const char c : *log_value)
      (text += "\\x") += {kDigits[uint8_t(c) >> 4], kDigits[uint8_t(c) & 15]};
  }
  if (type.kind == Type::Kind::timestamp) {
    // Without a zone the session's would be taken; the log means UTC.
    if (const auto time = parse_time(text)) text = iso(*time);
  }
  return "CAST(" + duck::quote_text(text) + " AS " + name + ")";
}

}  // namespace windrow::lake
