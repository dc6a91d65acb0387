#include "storage/faulty_file_system.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/id.h"

namespace windrow::storage {
namespace {

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  ~FaultyFileSystemTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow-faulty-" + new_uuid())).string();
  std::unique_ptr<FileSystem> real_ = local_file_system();
  FaultyFileSystem files_{*real_};
};

TEST_F(FaultyFileSystemTest, FailsTheNthOperationOnly) {
  files_.fail(1, Fault::before, Code::full);
  files_.put(folder_ + "/a", "1");
  EXPECT_THROW(files_.put(folder_ + "/b", "1"), Error);
  files_.put(folder_ + "/c", "1");
  EXPECT_FALSE(real_->stat(folder_ + "/b"));
  EXPECT_TRUE(real_->stat(folder_ + "/c"));
  EXPECT_EQ(files_.operations(), 3u);
  EXPECT_EQ(files_.trace()[1], "put " + folder_ + "/b");
}

TEST_F(FaultyFileSystemTest, MayFailAfterTheEffect) {
  files_.fail(0, Fault::after);
  EXPECT_EQ(files_.put_if_absent(folder_ + "/a", "1"), PutOutcome::unknown);
  EXPECT_EQ(real_->read(folder_ + "/a"), "1");
}

TEST_F(FaultyFileSystemTest, MayLandLate) {
  for (const char* name : {"/a", "/b"}) {
    files_.fail(0, Fault::late);
    EXPECT_EQ(files_.put_if_absent(folder_ + name, "late"), PutOutcome::unknown);
    EXPECT_FALSE(files_.stat(folder_ + name));
  }
  files_.heal();
  EXPECT_EQ(files_.put_if_absent(folder_ + "/a", "first"), PutOutcome::created);
  EXPECT_EQ(files_.land_late(), 1u);
  EXPECT_EQ(real_->read(folder_ + "/a"), "first");
  EXPECT_EQ(real_->read(folder_ + "/b"), "late");
  EXPECT_EQ(files_.land_late(), 0u);
}

TEST_F(FaultyFileSystemTest, StaysDownUntilHealed) {
  files_.fail(0, Fault::before, Code::unavailable, true);
  EXPECT_THROW(files_.list(folder_, "", true), Error);
  EXPECT_THROW(files_.stat(folder_), Error);
  files_.heal();
  EXPECT_FALSE(files_.stat(folder_));
}

TEST_F(FaultyFileSystemTest, ATornWriteLeavesOnlyATemporaryFile) {
  files_.fail(0, Fault::torn);
  EXPECT_THROW(files_.put(folder_ + "/a", "1234"), Error);
  const auto left = real_->list(folder_);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_NE(left[0].path.find("/.tmp-"), std::string::npos);
}

TEST_F(FaultyFileSystemTest, EveryStepOfAWriterMayFail) {
  for (size_t step = 0; step < 3; ++step) {
    files_.fail(step, Fault::before);
    const auto write = [&] {
      const auto writer = files_.writer(folder_ + "/w");
      writer->write("1");
      writer->finish();
    };
    EXPECT_THROW(write(), Error);
    EXPECT_FALSE(real_->stat(folder_ + "/w"));
    files_.heal();
  }
  files_.fail(2, Fault::after);
  const auto writer = files_.writer(folder_ + "/w");
  writer->write("1");
  EXPECT_THROW(writer->finish(), Error);
  EXPECT_EQ(real_->read(folder_ + "/w"), "1");
}

}  // namespace
}  // namespace windrow::storage
