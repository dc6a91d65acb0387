#include "project/reading.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/secret_text.h"
#include "base/text.h"
#include "base/url.h"
#include "project/names.h"

namespace windrow::project {
namespace {

std::string found_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a mapping";
    case Node::Kind::scalar: return in_quotes(node.text);
  }
  return "nothing";
}

bool digits(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
bool looks_like_number(std::string_view text) {
  text = without_sign(text);
  if (const size_t exponent = text.find_first_of("eE"); exponent != std::string_view::npos) {
    if (!digits(without_sign(text.substr(exponent + 1)))) return false;
    text = text.substr(0, exponent);
  }
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return digits(text);
  const auto whole = text.substr(0, dot), part = text.substr(dot + 1);
  return (digits(whole) && (part.empty() || digits(part))) || (whole.empty() && digits(part));
}

bool has_leading_zero(std::string_view text) {
  text = without_sign(text);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

std::optional<double> special_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto bare = without_sign(text);
  if (bare == ".inf" || bare == ".Inf" || bare == ".INF") {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  return std::nullopt;
}

}  // namespace

void Reading::problem(const Node& at, std::string message, std::string hint) {
  problems.add(Code::configuration, std::move(message), std::move(hint), place(at));
}

void Reading::notice(const Node& at, std::string message, std::string hint) {
  notices.push_back({Code::unsupported, std::move(message), std::move(hint), place(at)});
}

void Reading::expected(const Node& found, std::string_view what, std::string hint) {
  std::string message = key_ ? in_quotes(key_->text) + ": " : "";
  message += "expected " + std::string(what) + ", found " + found_text(found);
  problem(found, std::move(message), std::move(hint));
}

std::optional<std::string> Reading::text(const Node& node, std::string_view expected_what) {
  if (node.kind != Node::Kind::scalar) {
    expected(node, expected_what);
    return std::nullopt;
  }
  if (node.text.find("${") == std::string::npos) {
    if (node.text.find("://") != std::string::npos) learn_url(interpolation_.secrets(), node.text);
    return node.text;
  }
  auto result = interpolation_.resolve(node.text, left_to_run);
  if (result.problem.empty()) return std::move(result.text);
  if (!(lenient && !result.undefined.empty())) problem(node, result.problem, result.hint);
  return std::nullopt;
}

Value Reading::value(const Node& node) {
  Value out;
  out.place = place(node);
  if (node.kind == Node::Kind::list) {
    Value::List list;
    list.reserve(node.items.size());
    for (const auto& item : node.items) list.push_back(value(item));
    out.data = std::move(list);
  } else if (node.kind == Node::Kind::map) {
    Value::Map map;
    map.reserve(node.entries.size());
    for (const auto& [key, entry] : node.entries) {
      map.emplace_back(Text{key.text, place(key), {}}, value(entry));
    }
    out.data = std::move(map);
  } else if (node.kind == Node::Kind::scalar) {
    auto resolved = text(node, "a value");
    std::string content = resolved ? std::move(*resolved) : node.text;
    if (node.style == Node::Style::plain) {
      out = typed_scalar(std::move(content), out.place);
    } else {
      out.data = std::move(content);
      out.place = content_place(node);
    }
    if (std::holds_alternative<std::string>(out.data) && node.text.find("${") != std::string::npos)
      out.written = node.text;
  }
  return out;
}

namespace {

bool among(std::string_view text, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

/// A key whose value is a secret, whatever it is. `ours`: a key of windrow's own files.
bool hides(const std::string& key, bool ours) {
  const std::string name = lower(key);
  if (ours && among(name, {"key", "primary_key", "certificate_key", "partition_key", "sort_key"}))
    return false;
  return names_secret(key) || is_login_header(key);
}

}  // namespace

Value Reading::settings(const Node& node) {
  Value out = value(node);
  look_at_settings(out, false, false);
  return out;
}

/// `names_of_others`: the keys are names of parameters and headers, as the server calls them.
void Reading::look_at_settings(Value& value, bool all_secret, bool names_of_others) {
  if (auto* list = std::get_if<Value::List>(&value.data)) {
    for (auto& item : *list) look_at_settings(item, all_secret, names_of_others);
  } else if (auto* map = std::get_if<Value::Map>(&value.data)) {
    for (auto& [key, entry] : *map) {
      const bool told =
          among(key.value, {"user", "token_url", "client_id", "scope", "audience", "in_body"});
      const bool secret =
          (all_secret && !told) || key.value == "auth" || hides(key.value, !names_of_others);
      look_at_settings(entry, secret, among(key.value, {"params", "headers", "query"}));
    }
  } else if (!value.is_null()) {
    look_at_setting(value, all_secret);
  }
}

void Reading::look_at_setting(Value& value, bool secret) {
  const std::string text = value.text();
  // `{movies.id}`: a field of another resource.
  const bool reference = text.starts_with('{') && text.ends_with('}') &&
                         text.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_.{}") == std::string::npos;
  if (secret && !reference && !std::holds_alternative<bool>(value.data)) {
    interpolation_.secrets().learn(text);
    // `Bearer abc`: the word before it is none.
    if (const size_t blank = text.rfind(' '); blank != std::string::npos)
      interpolation_.secrets().learn(text.substr(blank + 1));
  }
  const auto url = split_url(text);
  if (!url || among(url->scheme, {"s3", "s3a", "hdfs", "webhdfs", "file"})) return;
  const std::string wrong = url_problem(text);
  if (wrong.empty()) return;
  problems.add(Code::configuration, "this URL does not say what was meant: " + wrong,
               "percent-encode it (@ is %40, / is %2F, : is %3A, a blank %20); a value that is put "
               "in as ${NAME} is encoded by itself",
               value.place);
}

Value typed_scalar(std::string text, Place place) {
  Value out;
  out.place = std::move(place);
  if (text == "true" || text == "True" || text == "TRUE") {
    out.data = true;
  } else if (text == "false" || text == "False" || text == "FALSE") {
    out.data = false;
  } else if (auto special = special_number(text)) {
    out.data = *special;
  } else if (looks_like_number(text) && !has_leading_zero(text)) {
    const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    int64_t whole = 0;
    double number = 0;
    if (digits(without_sign(text))) {
      if (std::from_chars(begin, end, whole).ec == std::errc{}) out.data = whole;
    } else if (std::from_chars(begin, end, number).ec == std::errc{}) {
      out.data = number;
    }
  }
  if (out.is_null())
    out.data = std::move(text);
  else
    out.written = std::move(text);
  return out;
}

}  // namespace windrow::project
