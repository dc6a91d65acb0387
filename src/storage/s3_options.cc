#include "storage/s3_options.h"

#include "base/error.h"

namespace windrow::storage {

S3Options s3_options(const Environment& environment) {
  S3Options out;
  const Section profile = aws_profile(environment);
  const auto set = [&](std::string& value, std::initializer_list<const char*> variables,
                       const char* key) {
    for (const char* variable : variables) {
      if (const auto found = environment(variable)) {
        value = *found;
        return;
      }
    }
    if (const auto at = profile.find(key); at != profile.end()) value = at->second;
  };
  set(out.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url");
  set(out.region, {"AWS_REGION", "AWS_DEFAULT_REGION"}, "region");
  set(out.ca_file, {"AWS_CA_BUNDLE"}, "ca_bundle");
  set(out.encryption, {"AWS_S3_SERVER_SIDE_ENCRYPTION"}, "");
  set(out.kms_key, {"AWS_S3_KMS_KEY"}, "");
  set(out.storage_class, {"AWS_S3_STORAGE_CLASS"}, "");
  if (const auto found = environment("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"))
    out.path_style = *found != "true";
  out.anonymous = environment("AWS_SKIP_SIGNATURE").value_or("") == "true";
  if (!out.encryption.empty() && out.encryption != "AES256" && out.encryption != "aws:kms") {
    throw Error(Code::configuration, "AWS_S3_SERVER_SIDE_ENCRYPTION is \"" + out.encryption + "\"",
                "it is AES256 or aws:kms");
  }
  while (out.endpoint.ends_with('/')) out.endpoint.pop_back();
  if (!out.endpoint.empty() && !out.endpoint.starts_with("http://") &&
      !out.endpoint.starts_with("https://")) {
    throw Error(Code::configuration, "the endpoint of S3 \"" + out.endpoint + "\" is no URL",
                "write it with http:// or https://");
  }
  return out;
}

S3Address address_of(const S3Options& options, const std::string& bucket) {
  const bool path_style = options.path_style.value_or(!options.endpoint.empty() ||
                                                      bucket.find('.') != std::string::npos);
  std::string scheme = "https://", host;
  if (options.endpoint.empty()) {
    host = "s3." + options.region + ".amazonaws.com" +
           (options.region.starts_with("cn-") ? ".cn" : "");
  } else {
    const size_t end = options.endpoint.find("://") + 3;
    scheme = options.endpoint.substr(0, end);
    host = options.endpoint.substr(end);
  }
  // Ports that the scheme implies are left out of the header by libcurl, and so of the signature.
  const auto strip = [&](const char* implied, const char* port) {
    if (scheme == implied && host.ends_with(port))
      host.resize(host.size() - std::string(port).size());
  };
  strip("https://", ":443");
  strip("http://", ":80");
  if (!path_style) host = bucket + "." + host;
  return {scheme + host, host, path_style ? "/" + bucket : ""};
}

S3Path parse_s3_path(const std::string& path) {
  const size_t scheme = path.find("://");
  const size_t begin = scheme == std::string::npos ? path.size() : scheme + 3;
  const size_t slash = path.find('/', begin);
  S3Path out;
  out.bucket = path.substr(begin, slash == std::string::npos ? slash : slash - begin);
  if (slash != std::string::npos) out.key = path.substr(slash + 1);
  for (const char c : out.bucket) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.' && c != '_')
      out.bucket.clear();
  }
  if (out.bucket.empty())
    throw Error(Code::usage, "\"" + path + "\" names no bucket", "it is s3://bucket/path");
  return out;
}

}  // namespace windrow::storage
