#include "storage/s3_lifecycle.h"

#include "base/clock.h"
#include "base/hash.h"
#include "storage/s3_client.h"
#include "storage/xml.h"

namespace windrow::storage {
namespace {

std::string element(const std::string& name, const std::string& inside) {
  return "<" + name + ">" + inside + "</" + name + ">";
}

std::string transition(const std::optional<int>& days, const char* storage_class) {
  if (!days) return {};
  return element("Transition",
                 element("Days", std::to_string(*days)) + element("StorageClass", storage_class));
}

std::string rule_text(const LifecycleRule& rule) {
  std::string out = element("ID", xml_escaped(rule.id)) +
                    element("Filter", element("Prefix", xml_escaped(rule.prefix))) +
                    element("Status", "Enabled") + transition(rule.infrequent, "STANDARD_IA") +
                    transition(rule.archive, "GLACIER_IR");
  if (rule.remove) out += element("Expiration", element("Days", std::to_string(*rule.remove)));
  // In the rules of the files, not in one of its own: MinIO refuses a rule that only does this.
  out += element("AbortIncompleteMultipartUpload", element("DaysAfterInitiation", "7"));
  return element("Rule", out);
}

/// The texts `<Rule>…</Rule>` of a document, as they stand: what we do not know of them is kept.
std::vector<std::string> rules_in(std::string_view document) {
  constexpr std::string_view kBegin = "<Rule>", kEnd = "</Rule>";
  std::vector<std::string> out;
  for (size_t begin = 0; (begin = document.find(kBegin, begin)) != std::string_view::npos;) {
    const size_t end = document.find(kEnd, begin);
    if (end == std::string_view::npos) break;
    out.emplace_back(document.substr(begin, end + kEnd.size() - begin));
    begin = end;
  }
  return out;
}

}  // namespace

std::string lifecycle_document(const std::vector<LifecycleRule>& rules, std::string_view document,
                               std::string_view own) {
  std::string out;
  for (const auto& text : rules_in(document)) {
    if (!parse_xml(text).child_text("ID").starts_with(own)) out += text;
  }
  for (const auto& rule : rules) out += rule_text(rule);
  return element("LifecycleConfiguration", out);
}

std::string write_lifecycle(S3Options options, Environment environment, clients::HttpClient& http,
                            const Clock& clock, const std::string& bucket,
                            const std::vector<LifecycleRule>& rules, const std::string& own) {
  AwsCredentialsChain credentials(std::move(environment), http, clock, options.region, {});
  S3Client client(std::move(options), credentials, http, clock);
  S3Call read;
  read.bucket = bucket;
  read.query = {{"lifecycle", ""}};
  read.expected = {404};  // there are none
  const auto there = client.call(read).response;
  const std::string document =
      lifecycle_document(rules, there.status == 404 ? std::string_view() : there.body, own);
  S3Call write;
  write.method = "PUT";
  write.bucket = bucket;
  write.query = {{"lifecycle", ""}};
  write.body = document;
  write.headers = {{"x-amz-sdk-checksum-algorithm", "SHA256"},
                   {"x-amz-checksum-sha256", base64(sha256_bytes(document))}};
  client.call(write);
  return document;
}

}  // namespace windrow::storage
