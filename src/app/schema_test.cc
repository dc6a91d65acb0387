#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/kinds.h"
#include "project/project.h"
#include "project/shape.h"

namespace windrow::app {
namespace {

using project::documented_keys;
using project::schema_kinds;
using Json = nlohmann::json;

std::string json_schema(std::string_view kind) {
  return project::json_schema(kind, kinds().declared);
}
std::string reference_markdown(std::string_view kind) {
  return project::reference_markdown(kind, kinds().declared);
}

void expect_closed(const Json& schema, const std::string& path, const std::set<std::string>& open) {
  if (schema.is_object()) {
    if (schema.contains("properties")) {
      EXPECT_EQ(schema.at("additionalProperties"), open.contains(path)) << path;
      for (const auto& [key, property] : schema.at("properties").items()) {
        EXPECT_FALSE(property.at("description").get<std::string>().empty()) << path << "." << key;
        expect_closed(property, path + "." + key, open);
      }
    }
    if (schema.contains("additionalProperties"))
      expect_closed(schema["additionalProperties"], path + ".*", open);
    if (schema.contains("items")) expect_closed(schema["items"], path + "[]", open);
    if (schema.contains("anyOf") && !path.ends_with(".from")) {
      for (const auto& part : schema["anyOf"]) expect_closed(part, path, open);
    }
  }
}

TEST(JsonSchema, IsClosedAndDescribed) {
  const std::set<std::string> open = {"project.connections.*", "project.alerts[]",
                                      "model.operator",        "test.given.*[]",
                                      "test[].given.*[]",      "project.schedules.*.needs",
                                      "schedule.needs",        "schedule[].needs",
                                      "test.expect[]",         "test[].expect[]"};
  ASSERT_EQ(schema_kinds(),
            (std::vector<std::string>{"project", "source", "model", "seed", "publish", "task",
                                      "test", "schedule", "sensor"}));
  for (const auto& kind : schema_kinds()) {
    const Json schema = Json::parse(json_schema(kind));
    EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
    expect_closed(schema, kind, open);
  }
  EXPECT_THROW(json_schema("modle"), Error);
}

TEST(JsonSchema, SaysWhatTheParserSays) {
  const Json project = Json::parse(json_schema("project"));
  EXPECT_EQ(project["required"], Json::array({"project"}));
  const Json& layer = project["properties"]["layers"]["additionalProperties"];
  EXPECT_EQ(layer["properties"]["retention"]["pattern"], "^(([0-9]+(us|ms|s|m|h|d|w))+)$|\\$\\{");
  const Json source = Json::parse(json_schema("source"));
  EXPECT_EQ(source["properties"]["on_new_column"]["anyOf"][0]["enum"],
            Json::array({"add", "ignore", "reject", "stop"}));
  const Json model = Json::parse(json_schema("model"));
  const Json& build = model["properties"]["build"]["anyOf"];
  EXPECT_EQ(build[0]["anyOf"][0]["enum"], Json::array({"table", "view", "append"}));
  EXPECT_EQ(build[1]["properties"]["interval"]["required"], Json::array({"column", "grain"}));
  EXPECT_EQ(build[1]["maxProperties"], 1);
}

std::string begin_mark(const std::string& kind) {
  return "<!-- keys of " + kind + ", generated -->\n";
}
constexpr const char* kEndMark = "<!-- end -->\n";

/// docs/project.md holds the generated table of every kind, word for word. With WINDROW_REWRITE=1
/// in the environment the tables are written anew.
TEST(Documentation, HoldsEveryKeyAndNoOther) {
  const std::string path = std::string(WINDROW_SOURCE_DIR) + "/docs/project.md";
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  std::string text = content.str();
  ASSERT_FALSE(text.empty()) << path;
  for (const auto& kind : schema_kinds()) {
    const size_t begin = text.find(begin_mark(kind));
    ASSERT_NE(begin, std::string::npos) << kind;
    const size_t table = begin + begin_mark(kind).size();
    const size_t end = text.find(kEndMark, table);
    ASSERT_NE(end, std::string::npos) << kind;
    if (::getenv("WINDROW_REWRITE")) {
      text.replace(table, end - table, reference_markdown(kind));
    } else {
      EXPECT_EQ(text.substr(table, end - table), reference_markdown(kind))
          << "run app_test with WINDROW_REWRITE=1 to write docs/project.md anew";
    }
  }
  if (::getenv("WINDROW_REWRITE")) std::ofstream(path) << text;
}

TEST(Documentation, DescribesEveryKey) {
  for (const auto& kind : schema_kinds()) {
    std::set<std::string> seen;
    for (const auto& key : documented_keys(kind, kinds().declared)) {
      EXPECT_TRUE(seen.insert(key.path).second) << kind << " " << key.path;
      EXPECT_FALSE(key.type.empty()) << kind << " " << key.path;
      EXPECT_TRUE(key.sentence.ends_with(".")) << kind << " " << key.path;
    }
  }
}

}  // namespace
}  // namespace windrow::app
