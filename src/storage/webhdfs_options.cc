#include "storage/webhdfs_options.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "storage/xml.h"

namespace windrow::storage {

namespace {

using Settings = std::map<std::string, std::string>;

/// Elements between commas, without blanks around them and without empty ones.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view piece = text.substr(0, comma);
    const size_t begin = piece.find_first_not_of(" \t\r\n");
    if (begin != std::string_view::npos)
      out.emplace_back(piece.substr(begin, piece.find_last_not_of(" \t\r\n") - begin + 1));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return out;
}

void read_site(const std::string& path, Settings& into) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Xml root;
  try {
    root = parse_xml(text);
  } catch (const Error& error) {
    throw Error(Code::configuration,
                "Hadoop's configuration does not read: " + error.problem().message, {}, {path});
  }
  for (const Xml& property : root.children) {
    const auto value = property.child_text("value");
    // Values made of others are Hadoop's own business; none that we ask for is.
    if (property.name == "property" && value.find("${") == std::string::npos)
      into[std::string(property.child_text("name"))] = value;
  }
}

std::string at(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found == settings.end() ? "" : found->second;
}

/// A size as Hadoop writes it: `134217728`, `128m`.
uint64_t size_of(const std::string& text, const std::string& name) {
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  const size_t shift = unit.empty() ? 0 : std::string_view("kmgt").find(char(unit[0] | 0x20)) + 1;
  if (problem != std::errc() || unit.size() > 1 || shift > 4 || (number << (10 * shift)) == 0) {
    throw Error(Code::configuration, name + " is \"" + text + "\", which is no size",
                "write it as 134217728 or 128m");
  }
  return number << (10 * shift);
}

void take_clusters(const Settings& settings, WebHdfsOptions& out) {
  const bool secure = at(settings, "dfs.http.policy") == "HTTPS_ONLY";
  const std::string origin = secure ? "https://" : "http://";
  const std::string key = secure ? "dfs.namenode.https-address" : "dfs.namenode.http-address";
  const std::string default_fs = at(settings, "fs.defaultFS");
  if (const size_t scheme = default_fs.find("://"); scheme != std::string::npos) {
    const size_t begin = scheme + 3;
    out.default_cluster = default_fs.substr(begin, default_fs.find('/', begin) - begin);
    if (const auto address = at(settings, key); !address.empty() && !out.default_cluster.empty())
      out.name_nodes[out.default_cluster] = {origin + address};
  }
  for (const auto& service : split(at(settings, "dfs.nameservices"))) {
    std::vector<std::string> addresses;
    for (const auto& node : split(at(settings, "dfs.ha.namenodes." + service))) {
      if (const auto address = at(settings, key + "." + service + "." + node); !address.empty())
        addresses.push_back(origin + address);
    }
    if (const auto address = at(settings, key + "." + service);
        addresses.empty() && !address.empty())
      addresses.push_back(origin + address);
    if (!addresses.empty()) out.name_nodes[service] = addresses;
  }
}

std::string process_user() {
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return found->pw_name;
  return {};
}

}  // namespace

WebHdfsOptions webhdfs_options(const Environment& environment) {
  WebHdfsOptions out;
  Settings settings;
  if (const auto folder = environment("HADOOP_CONF_DIR")) {
    read_site(*folder + "/core-site.xml", settings);
    read_site(*folder + "/hdfs-site.xml", settings);
  }
  take_clusters(settings, out);
  const auto text = [&](const char* variable, const char* key) {
    return environment(variable).value_or(at(settings, key));
  };
  for (auto address : split(environment("WINDROW_HDFS_HTTP").value_or(""))) {
    if (address.find("://") == std::string::npos) address.insert(0, "http://");
    while (address.ends_with('/')) address.pop_back();
    out.name_nodes[""].push_back(address);
  }
  out.user = environment("HADOOP_USER_NAME").value_or("");
  if (out.user.empty()) out.user = process_user();
  out.delegation_token = environment("WINDROW_HDFS_TOKEN").value_or("");
  const std::string kerberos = text("WINDROW_HDFS_KERBEROS", "hadoop.security.authentication");
  out.kerberos = kerberos == "true" || kerberos == "kerberos";
  out.ca_file = environment("WINDROW_HDFS_CA").value_or("");
  if (const auto value = text("WINDROW_HDFS_REPLICATION", "dfs.replication"); !value.empty())
    out.replication = int(std::min<uint64_t>(size_of(value, "HDFS's replication"), 512));
  if (const auto value = text("WINDROW_HDFS_BLOCK_SIZE", "dfs.blocksize"); !value.empty())
    out.block_bytes = size_of(value, "HDFS's block size");
  return out;
}

WebHdfsPath parse_webhdfs_path(const std::string& path) {
  WebHdfsPath out;
  const size_t scheme = path.find("://");
  if (scheme == std::string::npos)
    throw Error(Code::usage, "\"" + path + "\" is no path on HDFS", "it is hdfs://cluster/path");
  out.scheme = path.substr(0, scheme);
  const size_t slash = path.find('/', scheme + 3);
  out.cluster = path.substr(scheme + 3, slash == std::string::npos ? slash : slash - scheme - 3);
  std::string_view rest(path);
  rest.remove_prefix(slash == std::string::npos ? path.size() : slash);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name == "." || name == "..") {
      throw Error(Code::usage, "\"" + path + "\" holds \"" + std::string(name) + "\"",
                  "HDFS knows no such names: write the path without it");
    }
    if (!name.empty()) out.path.append("/").append(name);
    rest.remove_prefix(name.size());
  }
  if (out.path.empty()) out.path = "/";
  return out;
}

std::vector<std::string> name_nodes_of(const WebHdfsOptions& options, const WebHdfsPath& path) {
  const std::string& cluster = path.cluster.empty() ? options.default_cluster : path.cluster;
  if (const auto found = options.name_nodes.find(cluster); found != options.name_nodes.end())
    return found->second;
  const bool secure = path.scheme == "swebhdfs", native = path.scheme == "hdfs";
  if (const auto any = options.name_nodes.find(""); native && any != options.name_nodes.end())
    return any->second;
  std::vector<std::string> out;
  for (std::string host : split(cluster)) {
    const size_t colon = host.rfind(':');
    const bool has_port = colon != std::string::npos && host.back() != ']';
    // The port of `hdfs://` is the one of Hadoop's own protocol, which we do not speak.
    if (native && has_port) host.resize(colon);
    if (native || !has_port) host += secure ? ":9871" : ":9870";
    out.push_back((secure ? "https://" : "http://") + host);
  }
  if (out.empty()) {
    throw Error(
        Code::configuration, "\"" + path.text() + "\" names no cluster",
        "write hdfs://cluster/path, or set HADOOP_CONF_DIR to the folder with core-site.xml");
  }
  return out;
}

}  // namespace windrow::storage
