#include "project/interpolation.h"

#include <algorithm>

#include "base/error.h"
#include "base/secret_text.h"
#include "base/url.h"
#include "project/names.h"
#include "project/text_file.h"

namespace windrow::project {

namespace {

/// The part of a URL, as it is written, that a reference stands in.
enum class Within { text, user, whole_user, host, path, parameter };

bool is_encoded(std::string_view scheme) {
  return scheme == "http" || scheme == "https" || scheme == "postgres" || scheme == "postgresql" ||
         scheme.starts_with("mongodb");
}

std::string_view scheme_of(std::string_view written) {
  const auto url = split_url(written);
  return url ? url->scheme : std::string_view();
}

Within within(std::string_view written, size_t at) {
  const auto scheme = scheme_of(written);
  if (scheme.empty() || at < scheme.size() + 3) return Within::text;
  size_t user_end = 0, hosts_end = written.size(), query = written.size(), equals = 0;
  bool colon = false;
  for (size_t i = scheme.size() + 3; i < written.size(); ++i) {
    if (written.substr(i).starts_with("${")) {  // what a default holds is no part of the URL's form
      i = std::min(written.find('}', i), written.size() - 1);
      continue;
    }
    const char c = written[i];
    const bool in_hosts = hosts_end == written.size();
    if (c == '@' && in_hosts) user_end = i;
    if (c == ':' && in_hosts && user_end == 0) colon = true;
    if ((c == '/' || c == '?' || c == '#') && in_hosts) hosts_end = i;
    if (c == '?' && query == written.size()) query = i;
    if (c == '=' && i + 1 == at) equals = i;
  }
  // A colon of `host:port` says nothing of a user, but where there is none either there is none.
  if (at < user_end) return colon ? Within::user : Within::whole_user;
  if (at < hosts_end) return Within::host;
  if (at < query) return Within::path;
  return equals > query ? Within::parameter : Within::text;
}

bool fits_host(std::string_view value, std::string_view scheme) {
  const bool slash = !is_encoded(scheme) || scheme.starts_with("http");
  return std::none_of(value.begin(), value.end(), [&](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '@' || c == '?' || c == '#' ||
           c == '\\' || c == '"' || c == '\'' || c == '%' || (c == '/' && !slash);
  });
}

}  // namespace

struct Interpolation::Reference {
  std::string_view written;  ///< the text that it stands in
  size_t at = 0;             ///< where it begins
  std::string_view whole;    ///< `${…}`
  std::string_view inside;   ///< without `${`, `secret:` and `}`
  bool secret = false;       ///< declared one
};

Interpolation::Interpolation(std::string root, const std::map<std::string, std::string>& process,
                             std::map<std::string, std::string> dotenv, Secrets& secrets)
    : root_(std::move(root)), process_(process), dotenv_(std::move(dotenv)), secrets_(secrets) {
  for (const auto& [name, value] : dotenv_) {
    if (names_secret(name)) secrets_.learn(value);
    learn_url(secrets_, value);
  }
}

const std::string* Interpolation::find(const std::string& name) const {
  if (auto found = process_.find(name); found != process_.end()) return &found->second;
  if (auto found = dotenv_.find(name); found != dotenv_.end()) return &found->second;
  return nullptr;
}

Interpolation::Result Interpolation::resolve(std::string_view written,
                                             const std::set<std::string>& left) const {
  Result result;
  size_t at = 0;
  while (true) {
    const size_t dollar = written.find("${", at);
    if (dollar == std::string_view::npos) break;
    result.text += written.substr(at, dollar - at);
    const size_t end = written.find('}', dollar);
    if (!result.text.empty() && dollar > at && written[dollar - 1] == '$') {
      result.text += '{';  // `$${`: the first dollar is already there
      at = dollar + 2;
      continue;
    }
    if (end == std::string_view::npos) {
      result.problem = "\"${\" without a closing \"}\"";
      result.hint = "a plain \"${\" is written \"$${\"";
      return result;
    }
    Reference reference{written, dollar, written.substr(dollar, end - dollar + 1),
                        written.substr(dollar + 2, end - dollar - 2)};
    if (reference.inside.starts_with("secret:")) {
      reference.secret = true;
      reference.inside.remove_prefix(7);
    }
    fill(reference, left, result);
    if (!result.problem.empty()) return result;
    at = end + 1;
  }
  result.text += written.substr(at);
  learn_url(secrets_, result.text);
  return result;
}

void Interpolation::fill(const Reference& reference, const std::set<std::string>& left,
                         Result& result) const {
  const auto inside = reference.inside;
  if (inside.starts_with("file:")) return fill_file(reference, result);
  const size_t dash = inside.find(":-");
  const std::string name(inside.substr(0, dash));
  if (left.contains(name.substr(0, name.find('.')))) {
    result.text += reference.whole;
    return;
  }
  if (!is_variable_name(name)) {
    result.problem = "cannot read " + in_quotes(reference.whole);
    result.hint =
        "${NAME}, ${NAME:-default} and ${file:PATH} are filled in, and the same with `secret:` "
        "before them; a plain \"${\" is written \"$${\"";
    return;
  }
  result.changed = true;
  const std::string* value = find(name);
  const bool has_default = dash != std::string_view::npos;
  if (has_default && (value == nullptr || value->empty())) {
    const auto text = inside.substr(dash + 2);
    if (reference.secret) secrets_.learn(text);
    result.text += text;
  } else if (value != nullptr) {
    if (reference.secret || names_secret(name)) secrets_.learn(*value);
    put(reference, *value, result);
  } else {
    result.undefined = name;
    result.problem = "environment variable \"" + name + "\" is not set";
    result.hint = "export " + name + "=…, add it to the file .env of the project, or write ${" +
                  name + ":-default}";
  }
}

void Interpolation::fill_file(const Reference& reference, Result& result) const {
  result.changed = true;
  const auto path = reference.inside.substr(5);
  const std::string full =
      path.starts_with("/") ? std::string(path) : root_ + "/" + std::string(path);
  try {
    std::string content = path.empty() ? "" : read_text_file(full);
    if (path.empty()) throw Error(Code::configuration, "${file:} names no file");
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    // `/run/secrets/db`, `api-token`: a folder's name counts as the file's own. An ending does not.
    const bool named = names_secret(path.substr(0, path.rfind('.')));
    if (reference.secret || named) secrets_.learn(content);
    put(reference, content, result);
  } catch (const Error& error) {
    result.problem = error.problem().message;
    result.hint = "a path in ${file:…} begins at the project's folder";
  }
}

void Interpolation::put(const Reference& reference, const std::string& value,
                        Result& result) const {
  const auto scheme = scheme_of(reference.written);
  const auto part = within(reference.written, reference.at);
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    result.problem = "the value of " + in_quotes(reference.whole) + " " + why;
    result.hint = hint;
  };
  switch (part) {
    case Within::text: result.text += value; return;
    case Within::whole_user:
      if (value.find(':') != std::string::npos && is_encoded(scheme))
        return refuse("holds a colon, and stands for a user in a URL",
                      "write the user and the password apart: ${USER}:${PASSWORD}@…");
      [[fallthrough]];
    case Within::user: result.text += percent_encoded(value); return;
    case Within::host:
      if (!fits_host(value, scheme))
        return refuse(
            "holds characters that no host has, and stands for one in a URL",
            "a whole URL stands alone in its variable, with special characters of the "
            "user and the password percent-encoded; or write ${USER}:${PASSWORD}@${HOST}");
      result.text += value;
      return;
    case Within::path:
      result.text +=
          is_encoded(scheme) ? percent_encoded(value, scheme.starts_with("http")) : value;
      return;
    case Within::parameter:
      result.text += is_encoded(scheme) ? percent_encoded(value) : value;
      return;
  }
}

}  // namespace windrow::project
