#include "storage/block_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/id.h"
#include "storage/faulty_file_system.h"

namespace windrow::storage {
namespace {

BlockCache::Block block(const std::string& bytes) {
  return std::make_shared<const std::string>(bytes);
}

TEST(BlockCache, TheLeastRecentlyUsedGoesFirst) {
  BlockCache cache(10, 4);
  cache.insert("a", 0, block("1234"));
  cache.insert("a", 1, block("5678"));
  EXPECT_TRUE(cache.find("a", 0));
  cache.insert("b", 0, block("9abc"));
  EXPECT_TRUE(cache.find("a", 0));
  EXPECT_FALSE(cache.find("a", 1));
  EXPECT_EQ(*cache.find("b", 0), "9abc");
  EXPECT_EQ(cache.bytes(), 8u);
  cache.insert("c", 0, block("longer than all"));
  EXPECT_EQ(cache.bytes(), 0u);
}

class RandomReaderTest : public ::testing::Test {
 protected:
  RandomReaderTest() {
    std::minstd_rand chance(7);
    for (int i = 0; i < 10'003; ++i) bytes_ += char(chance());
    real_->put(path_, bytes_);
  }
  ~RandomReaderTest() override { std::filesystem::remove_all(folder_); }
  std::string read(RandomReader& reader, uint64_t offset, uint64_t length) {
    std::string out(length, '\0');
    out.resize(reader.read(offset, out.data(), length));
    return out;
  }
  size_t reads() const {
    size_t out = 0;
    for (const auto& line : files_.trace()) out += line.starts_with("read_range");
    return out;
  }

  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow-blocks-" + new_uuid())).string();
  std::string path_ = folder_ + "/f", bytes_;
  std::unique_ptr<FileSystem> real_ = local_file_system();
  FaultyFileSystem files_{*real_};
};

TEST_F(RandomReaderTest, GivesTheBytesOfAnyRangeWhateverTheCacheHolds) {
  for (const uint64_t cache_bytes : {64u, 640u, 100'000u}) {
    BlockCache cache(cache_bytes, 64);
    RandomReader reader(files_, cache, *real_->stat(path_));
    std::minstd_rand chance(3);
    for (int i = 0; i < 2000; ++i) {
      const uint64_t offset = chance() % 10'100, length = chance() % (i % 10 ? 200 : 3000);
      const auto expected = offset < bytes_.size() ? bytes_.substr(offset, length) : "";
      ASSERT_EQ(read(reader, offset, length), expected) << offset << " " << length;
      ASSERT_LE(cache.bytes(), cache_bytes);
    }
  }
}

TEST_F(RandomReaderTest, ASecondReadAsksNobody) {
  BlockCache cache(100'000, 64);
  RandomReader reader(files_, cache, *real_->stat(path_));
  read(reader, 5000, 100);
  EXPECT_EQ(reads(), 1u);
  read(reader, 5010, 50);
  RandomReader other(files_, cache, *real_->stat(path_));
  read(other, 5000, 100);
  EXPECT_EQ(reads(), 1u);
}

TEST_F(RandomReaderTest, AFileThatWasReplacedIsAnother) {
  BlockCache cache(100'000, 64);
  RandomReader before(files_, cache, *real_->stat(path_));
  read(before, 0, 10);
  real_->put(path_, "something else");
  RandomReader after(files_, cache, *real_->stat(path_));
  EXPECT_EQ(read(after, 0, 9), "something");
}

TEST_F(RandomReaderTest, ReadsInARowFetchAheadInFewPieces) {
  BlockCache cache(100'000, 64);
  RandomReader reader(files_, cache, *real_->stat(path_));
  for (uint64_t at = 0; at < bytes_.size(); at += 32)
    ASSERT_EQ(read(reader, at, 32), bytes_.substr(at, 32));
  EXPECT_LT(reads(), 40u) << "157 blocks";
}

TEST_F(RandomReaderTest, AFailureAheadIsMetByWhoWantsTheBytes) {
  BlockCache cache(100'000, 64);
  RandomReader reader(files_, cache, *real_->stat(path_));
  read(reader, 0, 64);
  files_.fail(0, Fault::before, Code::unavailable, true);
  const auto rest = [&] {
    for (uint64_t at = 64; at < 1000; at += 64) read(reader, at, 64);
  };
  EXPECT_THROW(rest(), Error);
  files_.heal();
  EXPECT_EQ(read(reader, 64, 64), bytes_.substr(64, 64));
}

TEST_F(RandomReaderTest, AFileThatBecameShorterIsNoData) {
  BlockCache cache(100'000, 64);
  RandomReader reader(files_, cache, *real_->stat(path_));
  real_->put(path_, "short");
  EXPECT_THROW(read(reader, 0, 64), Error);
}

}  // namespace
}  // namespace windrow::storage
