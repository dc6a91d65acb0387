#include "sources/kafka/options.h"

#include <gtest/gtest.h>

namespace windrow::sources {
namespace {

using project::Text;
using project::Value;

project::Connection connection(const std::vector<std::pair<std::string, std::string>>& keys,
                               const std::vector<std::pair<std::string, std::string>>& more = {}) {
  const auto map_of = [](const auto& pairs) {
    Value::Map map;
    for (const auto& [key, value] : pairs) {
      Value one;
      one.data = value;
      map.emplace_back(Text{key}, one);
    }
    Value out;
    out.data = std::move(map);
    return out;
  };
  project::Connection out{"events", "kafka", map_of(keys)};
  if (!more.empty())
    std::get<Value::Map>(out.settings.data).emplace_back(Text{"settings"}, map_of(more));
  return out;
}

std::string protocol(const std::vector<std::pair<std::string, std::string>>& keys) {
  return kafka_settings(connection(keys)).at("security.protocol");
}

TEST(KafkaTransport, IsVerifiedToAnyOtherMachineUnlessLessIsSpelledOut) {
  EXPECT_EQ(protocol({{"brokers", "localhost:9092,127.0.0.1:9093"}}), "plaintext");
  EXPECT_EQ(protocol({{"brokers", "localhost:9092,k.example:9092"}}), "ssl");
  EXPECT_EQ(protocol({{"brokers", "k:1"}, {"user", "u"}}), "sasl_ssl");
  EXPECT_EQ(protocol({{"brokers", "k:1"}, {"user", "u"}, {"tls", "off"}}), "sasl_plaintext");
  const auto unverified = kafka_settings(connection({{"brokers", "k:1"}, {"tls", "unverified"}}));
  EXPECT_EQ(unverified.at("security.protocol"), "ssl");
  EXPECT_EQ(unverified.at("enable.ssl.certificate.verification"), "false");
  EXPECT_THROW(protocol({{"brokers", "k:1"}, {"tls", "maybe"}}), Error);
}

TEST(KafkaTransport, IsNotWeakenedBySettings) {
  const auto with = [](const char* key, const char* value, const char* tls) {
    return kafka_settings(connection({{"brokers", "k:1"}, {"tls", tls}}, {{key, value}}));
  };
  EXPECT_THROW(with("security.protocol", "PLAINTEXT", "verified"), Error);
  EXPECT_THROW(with("security.protocol", "sasl_plaintext", "unverified"), Error);
  EXPECT_THROW(with("enable.ssl.certificate.verification", "false", "verified"), Error);
  EXPECT_THROW(with("ssl.endpoint.identification.algorithm", "none", "verified"), Error);
  EXPECT_EQ(with("security.protocol", "SASL_SSL", "verified").at("security.protocol"), "SASL_SSL");
  EXPECT_NO_THROW(with("security.protocol", "plaintext", "off"));
  EXPECT_NO_THROW(with("ssl.endpoint.identification.algorithm", "none", "unverified"));
}

}  // namespace
}  // namespace windrow::sources
