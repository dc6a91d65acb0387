#include "storage/homes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/id.h"
#include "storage/faulty_file_system.h"

namespace windrow::storage {
namespace {

TEST(Homes, SchemesAreWhatStandsBeforeTheSlashes) {
  EXPECT_EQ(scheme_of("s3://bucket/key"), "s3");
  EXPECT_EQ(scheme_of("/a/b"), "");
  EXPECT_EQ(scheme_of("/odd ://name"), "");
  EXPECT_EQ(scheme_of("://x"), "");
  EXPECT_EQ(scheme_of(""), "");
}

TEST(Homes, EachPathGoesToItsHomeWhichIsMadeOnce) {
  const std::string folder =
      (std::filesystem::temp_directory_path() / ("windrow-homes-" + new_uuid())).string();
  const auto local = local_file_system();
  int made = 0;
  Homes homes;
  auto recorder = std::make_shared<FaultyFileSystem>(*local);
  recorder->fail(0, Fault::before, Code::unavailable, true);
  homes.add({"one", "uno"}, [&] {
    ++made;
    return recorder;
  });
  homes.put(folder + "/f", "x");
  EXPECT_EQ(homes.read(folder + "/f"), "x");
  EXPECT_EQ(made, 0);
  EXPECT_THROW(homes.read("one://a/b"), Error);
  EXPECT_THROW(homes.sync({folder + "/f", "uno://a/b"}), Error);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(recorder->trace(), (std::vector<std::string>{"read one://a/b", "sync uno://a/b"}));
  EXPECT_EQ(homes.prefixes(), (std::vector<std::string>{"one://", "uno://"}));
  std::filesystem::remove_all(folder);
}

TEST(Homes, AnUnknownSchemeIsNoFolder) {
  Homes homes;
  homes.add({"s3"}, [] { return std::shared_ptr<FileSystem>(local_file_system()); });
  try {
    homes.stat("gs://bucket/x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unsupported);
    EXPECT_NE(error.problem().hint.find("s3://"), std::string::npos);
  }
}

}  // namespace
}  // namespace windrow::storage
