#include "storage/aws_signature.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <map>

#include "base/hash.h"
#include "base/url.h"

namespace windrow::storage {

namespace {

/// `20150830T123600Z`
std::string basic_time(Time now) {
  const time_t seconds = time_t(micros(now) / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

/// Blanks around it off, those inside it one at a time.
std::string without_blanks(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// By name in small letters; values of the same name are joined by commas in their order.
std::map<std::string, std::string> canonical_headers(const clients::HttpHeaders& headers) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : headers) {
    std::string lower = name;
    for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
    const auto [at, is_new] = out.try_emplace(lower, without_blanks(value));
    if (!is_new) at->second += "," + without_blanks(value);
  }
  return out;
}

}  // namespace

std::string query_text(const Query& query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(percent_encoded(name), percent_encoded(value));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

clients::HttpHeaders signing_headers(const AwsRequest& request, const AwsCredentials& credentials,
                                     std::string_view region, std::string_view service, Time now) {
  const std::string time = basic_time(now), date = time.substr(0, 8);
  clients::HttpHeaders added = {{"x-amz-date", time}};
  if (!credentials.session_token.empty())
    added.emplace_back("x-amz-security-token", credentials.session_token);
  clients::HttpHeaders all = request.headers;
  all.insert(all.end(), added.begin(), added.end());

  std::string lines, names;
  for (const auto& [name, value] : canonical_headers(all)) {
    lines += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical = request.method + "\n" + request.path + "\n" +
                                query_text(request.query) + "\n" + lines + "\n" + names + "\n" +
                                request.body_hash;
  const std::string scope =
      date + "/" + std::string(region) + "/" + std::string(service) + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256(canonical);
  std::string key = hmac_sha256("AWS4" + credentials.secret_key, date);
  key = hmac_sha256(key, region);
  key = hmac_sha256(key, service);
  key = hmac_sha256(key, "aws4_request");
  added.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key +
                                          "/" + scope + ", SignedHeaders=" + names +
                                          ", Signature=" + hexadecimal(hmac_sha256(key, to_sign)));
  return added;
}

}  // namespace windrow::storage
