#include "base/secrets.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/secret_text.h"
#include "base/text.h"
#include "base/url.h"

namespace windrow {

namespace {

/// Shorter lines of a secret with several lines (a private key) are part of many texts.
constexpr size_t kLineMin = 12;
/// A shorter beginning of a secret tells nothing.
constexpr size_t kPrefixMin = 4;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

/// Words that stand in texts whatever anybody's password is, and that are nobody's secret where
/// they are one.
bool is_common(std::string_view value) {
  static const std::set<std::string, std::less<>> words = {
      "true",       "false",      "null",          "none",        "default",    "empty",
      "changeme",   "admin",      "administrator", "root",        "user",       "users",
      "guest",      "public",     "private",       "test",        "tests",      "testing",
      "demo",       "example",    "sample",        "local",       "localhost",  "prod",
      "production", "stage",      "staging",       "development", "debug",      "secret",
      "secrets",    "password",   "passwd",        "pass",        "token",      "tokens",
      "postgres",   "postgresql", "mongo",         "mongodb",     "cassandra",  "kafka",
      "sqlite",     "duckdb",     "windrow",       "minio",       "minioadmin", "data",
      "database",   "table",      "tables",        "value",       "values",     "name",
      "names",      "column",     "columns",       "rows",        "file",       "files",
      "time",       "date",       "hour",          "year",        "month",      "key",
      "keys",       "text",       "json",          "yaml",        "bearer",     "basic",
      "http",       "https",      "error",         "warning",     "info",       "done",
      "failed",     "skipped",    "bronze",        "silver",      "gold",       "source",
      "model",      "publish",    "append",        "merge",       "replace",    "enabled",
      "disabled",   "enable",     "disable",       "required",    "optional",   "unknown"};
  return words.contains(lower(value));
}

/// A mask over it would hide more than the secret.
bool is_maskable(std::string_view value) {
  if (value.size() < 4 || is_common(value)) return false;
  const bool number = std::all_of(value.begin(), value.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '-';
  });
  return !number || value.size() >= 6;
}

/// Every way in which a text may stand in another.
std::vector<std::string> forms_of(const std::string& value) {
  std::vector<std::string> out = {value, json_escaped(value)};
  for (const bool keep_slash : {false, true}) {
    const std::string encoded = percent_encoded(value, keep_slash);
    std::string small = encoded;
    for (size_t i = 0; i < small.size(); ++i) {
      if (small[i] != '%') continue;
      small[i + 1] = char(std::tolower(small[i + 1]));
      small[i + 2] = char(std::tolower(small[i + 2]));
    }
    for (const auto& one : {encoded, small}) {
      out.push_back(one);
      out.push_back(replaced(one, "%20", "+"));  // as forms write a blank
    }
  }
  out.push_back(replaced(json_escaped(value), "/", "\\/"));
  out.push_back(replaced(value, "'", "''"));                           // SQL's texts
  out.push_back(replaced(value, "\"", "\"\""));                        // SQL's names, CSV
  out.push_back(replaced(replaced(value, "\\", "\\\\"), "'", "\\'"));  // libpq's settings
  return out;
}

/// Long texts are shown up to a "…": what stands before it may be the beginning of a secret.
void mask_cut(std::string& text, const std::vector<std::string>& forms) {
  static constexpr std::string_view kCut = "…";
  for (size_t at = text.find(kCut); at != std::string::npos;
       at = text.find(kCut, at + kCut.size())) {
    size_t longest = 0;
    for (const auto& form : forms) {
      for (size_t length = std::min(form.size(), at); length >= kPrefixMin && length > longest;
           --length) {
        if (text.compare(at - length, length, form, 0, length) == 0) longest = length;
      }
    }
    if (longest == 0) continue;
    text.replace(at - longest, longest, "***");
    at = at - longest + 3;
  }
}

}  // namespace

void Secrets::learn(std::string_view value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
  std::lock_guard lock(mutex_);
  if (!is_maskable(value)) return;
  std::set<std::string> forms(values_.begin(), values_.end());
  if (forms.contains(std::string(value))) return;
  for (auto& form : forms_of(std::string(value))) forms.insert(std::move(form));
  for (size_t at = 0; value.find('\n') != std::string_view::npos && at < value.size();) {
    const size_t end = std::min(value.find('\n', at), value.size());
    const auto line = value.substr(at, end - at);
    if (line.size() >= kLineMin && !line.starts_with("-----")) forms.emplace(line);
    at = end + 1;
  }
  values_.assign(forms.begin(), forms.end());
  std::stable_sort(values_.begin(), values_.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Secrets::redact(std::string_view text) const {
  std::lock_guard lock(mutex_);
  std::string out(text);
  for (const auto& form : values_) {
    for (size_t at = out.find(form); at != std::string::npos; at = out.find(form, at + 3)) {
      out.replace(at, form.size(), "***");
    }
  }
  mask_cut(out, values_);
  return out;
}

}  // namespace windrow
