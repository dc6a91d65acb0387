#include <cmath>

#include "project/project_fixture.h"
#include "project/types.h"

/// Files that are read, and what stands in them.
namespace windrow::project {
namespace {

using Load = ProjectFixture;

TEST_F(Load, PassesOverFilesThatAreNotItsOwn) {
  write("windrow.yml", "project: a\nenvironments: {dev: {lake: models/lake}}\n");
  model("silver.a");
  write("models/silver/.a.sql.swp", "x");
  write("models/silver/a.sql~", "x");
  write("models/silver/#a.sql#", "x");
  write("models/.hidden/b.sql", "x");
  write("models/lake/silver/c.sql", "x");
  write("models/README.md", "x");
  write("models/silver/a.py", "x");
  write("sources/a.yml", "source: b.s\nfrom: {files: a}\n");
  write("seeds/deep/a.csv", "x");
  write("model/x.sql", "x");
  std::filesystem::create_directory_symlink(root_ + "/models/silver", root_ + "/models/gold");
  EXPECT_EQ(notices(),
            "model: folder \"model\" is not read\n"
            "models/gold: a link to a folder is not followed\n"
            "models/silver/a.py: file is not read: in models/ files end in .sql\n"
            "seeds/deep: folders inside of seeds/ are not read\n");
  EXPECT_EQ(load_project().models.size(), 1u);
  EXPECT_EQ(load_project().sources.size(), 1u);
}

TEST_F(Load, ReadsManyFilesInParallelAndReportsAllInOrder) {
  write("windrow.yaml", "project: a\n");
  std::string want;
  for (int i = 100; i < 400; ++i) {
    const std::string name = "m" + std::to_string(i);
    model("silver." + name, i % 3 ? "SELECT 1" : "/* windrow\ntag: x */ SELECT 1");
    if (i % 3 == 0)
      want += "models/silver/" + name + ".sql:2:1: unknown key \"tag\" -- did you mean \"tags\"?\n";
  }
  EXPECT_EQ(problems(), want);
}

TEST(ParseSize, KnowsDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000u);
  EXPECT_EQ(parse_size("1GiB"), 1'073'741'824u);
  EXPECT_EQ(parse_size("1.5 kb"), 1500u);
  EXPECT_EQ(parse_size("17B"), 17u);
  for (const char* wrong :
       {"", "GB", "2", "2G", "-2GB", "0GB", "2XB", "2GiBB", "nanGB", "1e999GB", "2 GB "}) {
    EXPECT_FALSE(parse_size(wrong)) << wrong;
  }
}

TEST(TypedScalar, FollowsYamlWithoutLosingAnything) {
  EXPECT_EQ(std::get<int64_t>(typed_scalar("-12", {}).data), -12);
  EXPECT_EQ(typed_scalar("+5", {}).text(), "+5");
  EXPECT_EQ(typed_scalar("1.10", {}).text(), "1.10");
  EXPECT_EQ(std::get<double>(typed_scalar("-0.0", {}).data), 0.0);
  EXPECT_TRUE(std::signbit(std::get<double>(typed_scalar("-0.0", {}).data)));
  EXPECT_EQ(std::get<double>(typed_scalar("1e3", {}).data), 1000.0);
  EXPECT_TRUE(std::isnan(std::get<double>(typed_scalar(".nan", {}).data)));
  for (const char* text :
       {"01234", "12345678901234567890", "1.2.3", "e5", "-", "yes", "0x1F", "2025-01-01", "."}) {
    EXPECT_EQ(std::get<std::string>(typed_scalar(text, {}).data), text);
  }
}

}  // namespace
}  // namespace windrow::project
