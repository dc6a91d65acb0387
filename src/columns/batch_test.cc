#include "columns/batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace windrow::columns {
namespace {

using Kind = Type::Kind;

Schema every_plain_type() {
  Schema out;
  for (const auto kind : {Kind::string, Kind::long_, Kind::integer, Kind::short_, Kind::byte,
                          Kind::float_, Kind::double_, Kind::boolean, Kind::binary, Kind::date,
                          Kind::timestamp, Kind::timestamp_ntz}) {
    out.fields.push_back({Type{kind}.text(), Type{kind}});
  }
  return out;
}

/// One row of each column, then NULLs, then other values; `turns` times.
void fill(BatchBuilder& builder, const Schema& schema, int turns) {
  for (size_t c = 0; c < schema.fields.size(); ++c) {
    for (int turn = 0; turn < turns; ++turn) {
      for (const bool first : {true, false}) {
        switch (schema.fields[c].type.kind) {
          case Kind::string:
          case Kind::binary: builder.text(c, first ? "é, and more than a few" : ""); break;
          case Kind::boolean: builder.truth(c, first); break;
          case Kind::float_:
          case Kind::double_: builder.real(c, first ? -0.5 : 1e30); break;
          default: builder.integer(c, first ? -7 : 100);
        }
        if (first) builder.null(c);
      }
    }
  }
}

TEST(Batch, HoldsWhatWasPutIn) {
  const auto layout = std::make_shared<const Layout>(every_plain_type());
  BatchBuilder builder(layout);
  fill(builder, layout->schema(), 5);
  const Batch batch = builder.finish();
  ASSERT_EQ(batch.rows(), 15);
  for (size_t c = 0; c < batch.schema().fields.size(); ++c) {
    const auto column = batch.column(c);
    for (int64_t row = 0; row < batch.rows(); row += 3) {
      EXPECT_FALSE(column.null(row) || column.null(row + 2));
      EXPECT_TRUE(column.null(row + 1));
      switch (batch.schema().fields[c].type.kind) {
        case Kind::string:
        case Kind::binary:
          EXPECT_EQ(column.text(row), "é, and more than a few");
          EXPECT_EQ(column.text(row + 2), "");
          break;
        case Kind::boolean: EXPECT_TRUE(column.truth(row) && !column.truth(row + 2)); break;
        case Kind::float_: EXPECT_EQ(column.real(row + 2), double(1e30f)); break;
        case Kind::double_:
          EXPECT_EQ(column.real(row), -0.5);
          EXPECT_EQ(column.real(row + 2), 1e30);
          break;
        default: EXPECT_EQ(column.integer(row), -7); EXPECT_EQ(column.integer(row + 2), 100);
      }
    }
  }
  EXPECT_EQ(builder.finish().rows(), 0);
}

TEST(Batch, ValuesOutliveWhoGaveThem) {
  const auto layout = std::make_shared<const Layout>(every_plain_type());
  ArrowArray given{};
  {
    BatchBuilder builder(layout);
    fill(builder, layout->schema(), 1);
    const Batch batch = builder.finish();
    batch.share_with(given);
  }
  // Who takes it may move a column out of the struct before ending that.
  ArrowArray column = *given.children[0];
  given.children[0]->release = nullptr;
  given.release(&given);
  EXPECT_EQ(Column(column, "U").text(0), "é, and more than a few");
  column.release(&column);
}

TEST(Batch, ColumnsOfTwoStandBesideEachOther) {
  const auto a = std::make_shared<const Layout>(Schema{{{"a", Type{Kind::long_}}}});
  const auto b = std::make_shared<const Layout>(Schema{{{"b", Type{Kind::string}}}});
  const auto both = Layout::joined(*a, *b);
  BatchBuilder left(a), right(b);
  left.integer(0, std::numeric_limits<int64_t>::min());
  right.text(0, "x");
  const Batch batch = left.finish().beside(right.finish(), both);
  EXPECT_EQ(batch.column(0).integer(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(batch.column(1).text(0), "x");
}

TEST(Layout, SpeaksArrowBothWays) {
  Schema schema = every_plain_type();
  const Field text{"element", Type{Kind::string}};
  schema.fields.push_back({"decimal", Type{Kind::decimal, 38, 10}});
  schema.fields.push_back({"list", Type{Kind::array, 0, 0, {text}}});
  schema.fields.push_back({"struct", Type{Kind::struct_, 0, 0, {{"x", Type{Kind::long_}, false}}}});
  schema.fields.push_back(
      {"map",
       Type{Kind::map, 0, 0, {{"key", Type{Kind::string}, false}, {"value", Type{Kind::date}}}}});
  const Layout layout(schema);
  ArrowSchema copy{};
  layout.copy_to(copy);
  const Layout again(copy);
  EXPECT_EQ(copy.release, nullptr);
  EXPECT_EQ(again.schema(), schema);
}

TEST(Layout, NamesAColumnThatHasNoTypeHere) {
  const Layout layout(Schema{{{"s", Type{Kind::struct_, 0, 0, {{"x", Type{Kind::long_}}}}}}});
  for (const char* format : {"tDu", "d:50,3", "d:3", "w:16", "e", "+v", ""}) {
    ArrowSchema arrow{};
    layout.copy_to(arrow);
    arrow.children[0]->children[0]->format = format;
    try {
      const Layout refused(arrow);
      ADD_FAILURE() << format;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::unsupported);
      EXPECT_NE(error.problem().message.find("\"s.x\""), std::string::npos);
    }
    EXPECT_EQ(arrow.release, nullptr);  // it was taken over, and given back
  }
}

TEST(Batch, RefusesWhatIsNotLaidOutAsItSays) {
  const auto two =
      std::make_shared<const Layout>(Schema{{{"a", Type{Kind::long_}}, {"b", Type{Kind::long_}}}});
  const auto one = std::make_shared<const Layout>(Schema{{{"a", Type{Kind::long_}}}});
  BatchBuilder builder(one);
  builder.integer(0, 1);
  ArrowArray array{};
  builder.finish().share_with(array);
  EXPECT_THROW(Batch(two, array), Error);
  builder.integer(0, 1);
  builder.finish().share_with(array);
  array.length = 2;
  EXPECT_THROW(Batch(one, array), Error);
}

}  // namespace
}  // namespace windrow::columns
