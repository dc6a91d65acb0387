#include "sources/files/parquet_footer.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sources/files/remote_files.h"

/// A Parquet file ends with its FileMetaData, the length of that in four bytes, and "PAR1"
/// (parquet.thrift, "FileMetaData", "SchemaElement"). It is written in Thrift's compact protocol
/// (thrift-compact-protocol.md): a field is a byte of type and step of its number; numbers are
/// varints, in zigzag; a list is a byte of type and count, a count from 15 on a varint behind it.
namespace windrow::sources {

namespace {

enum Type {
  kTrue = 1,
  kFalse,
  kByte,
  kI16,
  kI32,
  kI64,
  kDouble,
  kBinary,
  kList,
  kSet,
  kMap,
  kStruct
};
constexpr int kNestedMax = 32;  ///< structs and lists in each other; Parquet's own have 8

[[noreturn]] void refuse(const std::string& why) { throw Error(Code::corrupt, why); }

class Compact {
 public:
  explicit Compact(std::string_view bytes) : bytes_(bytes) {}

  /// Calls `each(number, type)`, which is to read or skip the field's value.
  template <typename F>
  void fields(F&& each) {
    if (++nested_ > kNestedMax) refuse("broken Parquet: its footer is nested too deeply");
    for (int64_t number = 0;;) {
      const uint8_t head = byte();
      if (head == 0) break;
      number = (head >> 4) != 0 ? number + (head >> 4) : zigzag();
      each(number, head & 15);
    }
    --nested_;
  }

  struct List {
    uint64_t count;
    int type;
  };
  /// Each thing in a list takes a byte at least.
  List list() {
    const uint8_t head = byte();
    const List out{(head >> 4) < 15 ? uint64_t(head >> 4) : varint(), head & 15};
    if (out.count > bytes_.size() - at_)
      refuse(fmt::format("broken Parquet: its footer tells of {} things in {} bytes", out.count,
                         bytes_.size() - at_));
    return out;
  }

  int64_t zigzag() {
    const uint64_t value = varint();
    return int64_t(value >> 1) ^ -int64_t(value & 1);
  }

  void skip(int type) {
    switch (type) {
      case kTrue:
      case kFalse: return;
      case kByte: byte(); return;
      case kI16:
      case kI32:
      case kI64: varint(); return;
      case kDouble: pass(8); return;
      case kBinary: pass(varint()); return;
      case kStruct: fields([&](int64_t, int field) { skip(field); }); return;
      case kList:
      case kSet: {
        if (++nested_ > kNestedMax) refuse("broken Parquet: its footer is nested too deeply");
        const auto all = list();
        // Here a truth value has a byte of its own.
        for (uint64_t i = 0; i < all.count; ++i) skip(all.type <= kFalse ? int(kByte) : all.type);
        --nested_;
        return;
      }
      default: refuse("broken Parquet: its footer cannot be read");
    }
  }

 private:
  uint8_t byte() {
    if (at_ >= bytes_.size()) refuse("broken Parquet: its footer ends too early");
    return uint8_t(bytes_[at_++]);
  }
  void pass(uint64_t count) {
    if (count > bytes_.size() - at_) refuse("broken Parquet: its footer ends too early");
    at_ += count;
  }
  uint64_t varint() {
    uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t b = byte();
      out |= uint64_t(b & 127) << shift;
      if ((b & 128) == 0) return out;
    }
    refuse("broken Parquet: a number in its footer");
  }

  std::string_view bytes_;
  size_t at_ = 0;
  int nested_ = 0;
};

/// The schema is a tree written down from its root on: each element says how many follow below it.
class Schema {
 public:
  explicit Schema(const FooterBounds& bounds) : bounds_(bounds) {}

  void add(int64_t children) {
    if (root_) {
      if (children > bounds_.columns)
        refuse(fmt::format("it has {} columns; {} are the most", children, bounds_.columns));
      root_ = false;
    } else {
      while (!open_.empty() && open_.back() == 0) open_.pop_back();
      if (!open_.empty()) --open_.back();
      if (++elements_ > bounds_.leaves)
        refuse(fmt::format("it has more than {} fields", bounds_.leaves));
    }
    if (children <= 0) return;
    open_.push_back(children);
    if (open_.size() > bounds_.levels)
      refuse(fmt::format("its columns are nested more than {} levels deep", bounds_.levels));
  }

 private:
  const FooterBounds& bounds_;
  bool root_ = true;
  int64_t elements_ = 0;
  std::vector<int64_t> open_;  ///< of each level: how many are still to come
};

std::string read_at(const FoundFile& file, const Outside& outside, uint64_t at, uint64_t count) {
  if (in_storage(file.path) && outside.storage != nullptr)
    return outside.storage->read_range(file.path, at, count);
  std::string out(count, '\0');
  std::ifstream in(file.path, std::ios::binary);
  in.seekg(std::streamoff(at));
  in.read(out.data(), std::streamsize(count));
  out.resize(size_t(std::max<std::streamsize>(in.gcount(), 0)));
  return out;
}

constexpr uint64_t kTail = 8;

}  // namespace

void look_at_footer(const FoundFile& file, const Outside& outside, const FooterBounds& bounds) {
  if (file.size < 2 * kTail) return;
  const std::string tail = read_at(file, outside, file.size - kTail, kTail);
  if (tail.size() < kTail || tail.substr(4) != "PAR1") return;
  uint64_t length = 0;
  for (int i = 3; i >= 0; --i) length = length << 8 | uint8_t(tail[size_t(i)]);
  if (length > file.size - kTail) return;
  if (length > bounds.bytes)
    refuse(fmt::format("its footer has {} bytes; {} are the most", length, bounds.bytes));
  const std::string footer = read_at(file, outside, file.size - kTail - length, length);
  Compact in(footer);
  Schema schema(bounds);
  in.fields([&](int64_t number, int type) {
    if (number == 2 && type == kList) {
      const auto elements = in.list();
      for (uint64_t i = 0; i < elements.count; ++i) {
        if (elements.type != kStruct) refuse("broken Parquet: its footer cannot be read");
        int64_t children = 0;
        in.fields([&](int64_t of_element, int field) {
          if (of_element == 5 && field == kI32)
            children = in.zigzag();
          else
            in.skip(field);
        });
        schema.add(children);
      }
    } else if (number == 3 && type == kI64) {
      const int64_t rows = in.zigzag();
      if (rows < 0 || uint64_t(rows) > bounds.rows)
        refuse(
            fmt::format("it tells of {} rows; {} are the most of a file of its size "
                        "(unpacked_bytes_max)",
                        rows, bounds.rows));
    } else {
      in.skip(type);
    }
  });
}

}  // namespace windrow::sources
