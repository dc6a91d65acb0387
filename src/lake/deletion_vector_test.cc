#include "lake/deletion_vector.h"

#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

/// Rows 3, 4, 7, 11, 18, 29.
const DeletionVector kInline{
    "i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};

class DeletionVectorTest : public TableFixture {
 protected:
  std::shared_ptr<const duck::RowSet> read(const DeletionVector& vector) {
    return read_vector(*files_, vector_key("/t", vector));
  }
};

TEST_F(DeletionVectorTest, ReadsOneThatStandsInTheLog) {
  const auto rows = read(kInline);
  std::vector<int> found;
  for (int row = 0; row < 100; ++row) {
    if (rows->contains(uint64_t(row))) found.push_back(row);
  }
  EXPECT_EQ(found, (std::vector<int>{3, 4, 7, 11, 18, 29}));
  EXPECT_FALSE(rows->contains((uint64_t(1) << 32) + 3));
}

TEST_F(DeletionVectorTest, NamesItsFile) {
  EXPECT_EQ(vector_path("/t", {"u", "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6}),
            "/t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin");
  EXPECT_EQ(vector_path("/t", {"p", "file:///x/deletion%20vector.bin", 4, 40, 6}),
            "/x/deletion vector.bin");
}

TEST_F(DeletionVectorTest, RefusesWhatIsBroken) {
  auto vector = kInline;
  vector.cardinality = 5;
  EXPECT_EQ(problem_of([&] { read(vector); }).code, Code::corrupt);
  vector = kInline;
  for (size_t cut = 0; cut < vector.path_or_inline.size(); ++cut) {
    auto shorter = vector;
    shorter.path_or_inline.resize(cut);
    EXPECT_EQ(problem_of([&] { read(shorter); }).code, Code::corrupt) << cut;
  }
  EXPECT_EQ(problem_of([&] { read({"x", "abc", {}, 4, 1}); }).code, Code::corrupt);
  EXPECT_EQ(problem_of([&] {
              read({"u", "../../../etc/^-aqEH.-t@S}K{vb[*k^", {}, 4, 1});
            }).code,
            Code::corrupt);
  EXPECT_EQ(problem_of([&] { read({"i", "wi5b=", {}, -4, 1}); }).code, Code::corrupt);
}

TEST_F(DeletionVectorTest, FilesAreChecked) {
  std::string bytes = "\1";  // version of the file's format
  bytes += std::string("\0\0\0\4", 4) + "data" + std::string("\xAD\xF3\xF3\x63", 4);
  files_->put(path_ + "/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin", bytes);
  const DeletionVector vector{"u", "^-aqEH.-t@S}K{vb[*k^", 1, 4, 0};
  const auto problem = problem_of([&] { read_vector(*files_, vector_key(path_, vector)); });
  EXPECT_EQ(problem.code, Code::corrupt);
  auto other = vector;
  other.size_in_bytes = 3;
  EXPECT_NE(problem_of([&] {
              read_vector(*files_, vector_key(path_, other));
            }).message.find("another size"),
            std::string::npos);
}

TEST_F(DeletionVectorTest, WhatIsWrittenIsRead) {
  DeletedRows few, many, none;
  for (const int row : {3, 4, 7, 11, 18, 29}) few.add(uint64_t(row));
  std::vector<std::string> written;
  auto vectors = write_vectors(
      *files_, path_,
      [&] {
        std::vector<DeletedRows> out;
        out.push_back(std::move(few));
        return out;
      }(),
      written);
  EXPECT_TRUE(written.empty());
  EXPECT_EQ(vectors[0].cardinality, 6);
  EXPECT_EQ(vectors[0].path_or_inline, kInline.path_or_inline);  // as Spark writes it

  for (uint64_t row = 0; row < 1'000'000; row += 3) many.add(row);
  many.add((uint64_t(1) << 32) + 5);
  many.add(*files_, path_, kInline);
  std::vector<DeletedRows> both;
  both.push_back(std::move(none));
  both.push_back(std::move(many));
  vectors = write_vectors(*files_, path_, both, written);
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0], vector_path(path_, vectors[1]));
  EXPECT_EQ(vectors[0].offset, 1);
  EXPECT_FALSE(read_vector(*files_, vector_key(path_, vectors[0]))->contains(0));
  const auto found = read_vector(*files_, vector_key(path_, vectors[1]));
  for (const uint64_t row : {uint64_t(0), uint64_t(4), uint64_t(999'999), (uint64_t(1) << 32) + 5})
    EXPECT_TRUE(found->contains(row)) << row;
  for (const uint64_t row : {uint64_t(1), uint64_t(5), uint64_t(1) << 32})
    EXPECT_FALSE(found->contains(row)) << row;
}

TEST_F(DeletionVectorTest, DeletedRowsAreNotScanned) {
  attach(database_, *files_);
  auto request = creation("SELECT i, 'x' || i AS t FROM range(32) r(i)");
  ASSERT_EQ(request.adds.size(), 1u);
  request.adds[0].deletion_vector = kInline;
  request.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
  commit(std::move(request));
  const auto snapshot = table().snapshot();
  EXPECT_EQ(snapshot.rows(), 26);
  EXPECT_EQ(rows("SELECT count(*), sum(i), max(t) FROM (" + duck_sql(scan(snapshot)) + ")"),
            Strings{"26|" + std::to_string(31 * 32 / 2 - 72) + "|x9"});
  EXPECT_EQ(
      rows("SELECT i FROM (" + duck_sql(scan(snapshot)) + ") WHERE i BETWEEN 3 AND 7 ORDER BY i"),
      (Strings{"5", "6"}));
}

}  // namespace
}  // namespace windrow::lake
