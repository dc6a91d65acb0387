#include "lake/lake_removal.h"

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

namespace fs = std::filesystem;

class LakeRemoval : public TableFixture {
 protected:
  std::string root() const { return folder_ + "/lake"; }
  Lake open() { return Lake::open(*files_, root(), "p", "dev", true, clock_.now()); }
  void put(const std::string& path, const std::string& text = "x") const {
    fs::create_directories(fs::path(root() + "/" + path).parent_path());
    std::ofstream(root() + "/" + path) << text;
  }
  /// Two tables as far as a removal looks at them.
  void fill() {
    for (const char* table : {"silver/a", "gold/b"}) {
      for (const char* file : {"/_delta_log/00000000000000000000.json",
                               "/_delta_log/00000000000000000001.json", "/part-1", "/y=1/part-2"})
        put(table + std::string(file));
    }
    open().keep_definition("abc", "SELECT 1");
  }
  Cancel cancel_;
};

TEST_F(LakeRemoval, TakesAllThatIsOfTheLake) {
  open();
  fill();
  const auto lake = open();
  const auto found = contents(*files_, lake);
  ASSERT_EQ(found.tables.size(), 2u);
  EXPECT_EQ(found.tables[0].name, "gold.b");
  EXPECT_EQ(found.files(), 8);
  EXPECT_EQ(found.bytes(), 8);
  EXPECT_TRUE(found.others.empty());
  remove_lake(*files_, lake, found, cancel_);
  EXPECT_FALSE(fs::exists(root()));
}

TEST_F(LakeRemoval, LeavesWhatIsNoTableAndTheIdentityWithIt) {
  open();
  fill();
  put("notes.txt");
  put("gold/export.csv");
  put("raw/folder/file");
  const auto lake = open();
  const auto found = contents(*files_, lake);
  EXPECT_EQ(found.others, (std::vector<std::string>{"gold/export.csv", "notes.txt", "raw/folder"}));
  remove_lake(*files_, lake, found, cancel_);
  EXPECT_TRUE(fs::exists(root() + "/notes.txt") && fs::exists(root() + "/gold/export.csv") &&
              fs::exists(root() + "/raw/folder/file"));
  EXPECT_FALSE(fs::exists(root() + "/silver") || fs::exists(root() + "/gold/b"));
  EXPECT_TRUE(contents(*files_, open()).tables.empty());
}

TEST_F(LakeRemoval, GoesOnWhereverItWasEnded) {
  for (size_t operation = 0;; ++operation) {
    SCOPED_TRACE(operation);
    open();
    fill();
    bool failed = false;
    {
      storage::FaultyFileSystem faulty(*files_);
      const auto lake = open();
      faulty.fail(operation, storage::Fault::before);
      try {
        remove_lake(faulty, lake, contents(faulty, lake), cancel_);
      } catch (const Error&) {
        failed = true;
      }
    }
    if (failed) {
      // A table is whole, or no reader finds it.
      for (const auto& name : open().tables()) {
        const auto path = open().table_path(name);
        EXPECT_TRUE(fs::exists(path + "/part-1") && fs::exists(path + "/y=1/part-2")) << name;
      }
      const auto lake = open();
      remove_lake(*files_, lake, contents(*files_, lake), cancel_);
    }
    // Where an empty folder could not be removed nobody minds it.
    if (fs::exists(root())) {
      for (const auto& entry : fs::recursive_directory_iterator(root()))
        EXPECT_TRUE(entry.is_directory()) << entry.path();
    }
    if (!failed && operation > 60) break;
    fs::remove_all(root());
  }
}

TEST_F(LakeRemoval, StopsBetweenTwoTables) {
  open();
  fill();
  const auto lake = open();
  cancel_.request();
  EXPECT_THROW(remove_lake(*files_, lake, contents(*files_, lake), cancel_), Error);
  EXPECT_EQ(lake.tables().size(), 2u);
}

}  // namespace
}  // namespace windrow::lake
