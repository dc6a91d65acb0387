#include "lake/deletion_vector.h"

#include <roaring/roaring.h>
#include <zlib.h>

#include <charconv>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/id.h"
#include "lake/partition_path.h"

namespace windrow::lake {
namespace {

constexpr uint32_t kMagic = 1681511377;  // "RoaringBitmapArray" in portable format
constexpr int64_t kBytesMost = int64_t(1) << 31;
constexpr char kFileFormat = 1;        // the first byte of a file
constexpr size_t kInlineBytes = 1024;  // of a commit's vectors together
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

[[noreturn]] void broken(const std::string& what) {
  throw Error(Code::corrupt, "a deletion vector does not read: " + what,
              "restore its file from a copy, or read an older version of the table");
}

uint32_t big_endian(std::string_view four) {
  uint32_t value = 0;
  for (const char c : four.substr(0, 4)) value = value << 8 | uint8_t(c);
  return value;
}

template <typename Integer>
Integer take(std::string_view& bytes) {
  if (bytes.size() < sizeof(Integer)) broken("it is too short");
  Integer value = 0;
  for (size_t i = sizeof(Integer); i-- > 0;) value = Integer(value << 8) | uint8_t(bytes[i]);
  bytes.remove_prefix(sizeof(Integer));
  return value;
}

/// Z85 (ZeroMQ RFC 32): five characters for four bytes.
std::string z85_decoded(std::string_view text) {
  if (text.size() % 5 != 0) broken("its text is not Z85");
  std::string out;
  for (size_t i = 0; i < text.size(); i += 5) {
    uint64_t value = 0;
    for (size_t j = i; j < i + 5; ++j) {
      const size_t digit = kZ85.find(text[j]);
      if (digit == std::string_view::npos) broken("its text is not Z85");
      value = value * 85 + digit;
    }
    if (value > UINT32_MAX) broken("its text is not Z85");
    for (int shift = 24; shift >= 0; shift -= 8) out += char(value >> shift & 0xFF);
  }
  return out;
}

/// Bytes are filled up to four with zeros.
std::string z85_encoded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4, '\0');
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t value = big_endian(std::string_view(bytes).substr(i));
    char digits[5];
    for (size_t j = 5; j-- > 0; value /= 85) digits[j] = kZ85[value % 85];
    out.append(digits, 5);
  }
  return out;
}

void put_big_endian(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += char(value >> shift & 0xFF);
}

template <typename Integer>
void put(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i, value = Integer(value >> 8)) out += char(value);
}

uint32_t checksum(std::string_view bytes) {
  return uint32_t(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), uInt(bytes.size())));
}

/// The 16 bytes of a UUID's text.
std::string uuid_bytes(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '-');
  WINDROW_INVARIANT(digits.size() == 32);
  std::string out;
  for (size_t i = 0; i < 32; i += 2)
    out += char(std::strtol(digits.substr(i, 2).c_str(), nullptr, 16));
  return out;
}

std::string uuid_text(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kDigits[uint8_t(bytes[i]) >> 4];
    out += kDigits[uint8_t(bytes[i]) & 15];
  }
  return out;
}

/// 64-bit numbers as one 32-bit bitmap for each upper half.
class Bitmaps final : public duck::RowSet {
 public:
  ~Bitmaps() override {
    for (auto& [upper, bitmap] : bitmaps_) roaring_bitmap_free(bitmap);
  }
  bool contains(uint64_t row) const override {
    const auto found = bitmaps_.find(uint32_t(row >> 32));
    return found != bitmaps_.end() && roaring_bitmap_contains(found->second, uint32_t(row));
  }
  void put(uint32_t upper, roaring_bitmap_t* bitmap) {
    if (!bitmaps_.emplace(upper, bitmap).second) {
      roaring_bitmap_free(bitmap);
      broken("it has two bitmaps of one key");
    }
  }
  uint64_t cardinality() const {
    uint64_t rows = 0;
    for (const auto& [upper, bitmap] : bitmaps_) rows += roaring_bitmap_get_cardinality(bitmap);
    return rows;
  }
  const std::map<uint32_t, roaring_bitmap_t*>& parts() const { return bitmaps_; }

 private:
  std::map<uint32_t, roaring_bitmap_t*> bitmaps_;
};

/// `d|1|34|6|…`: storage, offset, size, cardinality, and the path or the data.
struct Key {
  bool is_inline = false;
  int64_t offset = 0, size = 0, cardinality = 0;
  std::string_view place;
};

Key key_from(std::string_view text) {
  Key key;
  key.is_inline = text.starts_with("i|");
  text.remove_prefix(2);
  for (int64_t* field : {&key.offset, &key.size, &key.cardinality}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *field);
    WINDROW_INVARIANT(error == std::errc() && end < text.data() + text.size() && *end == '|');
    text.remove_prefix(size_t(end - text.data()) + 1);
  }
  key.place = text;
  return key;
}

/// In a file the bytes stand between their size and their checksum, both with the high byte first.
std::string bytes_in_file(storage::FileSystem& files, const Key& key) {
  const std::string path(key.place);
  const std::string all =
      files.read_range(path, uint64_t(key.offset), uint64_t(key.size) + 2 * sizeof(uint32_t));
  if (all.size() != size_t(key.size) + 8) broken("\"" + path + "\" is too short");
  if (big_endian(all) != uint64_t(key.size))
    broken("\"" + path + "\" has another size at byte " + std::to_string(key.offset));
  std::string bytes = all.substr(4, size_t(key.size));
  if (checksum(bytes) != big_endian(std::string_view(all).substr(4 + bytes.size())))
    broken("the checksum of \"" + path + "\" is wrong");
  return bytes;
}

std::shared_ptr<const Bitmaps> parsed(std::string_view bytes, uint64_t cardinality) {
  if (take<uint32_t>(bytes) != kMagic) broken("it is not a RoaringBitmapArray");
  const auto count = take<uint64_t>(bytes);
  auto out = std::make_shared<Bitmaps>();
  for (uint64_t i = 0; i < count; ++i) {
    const auto upper = take<uint32_t>(bytes);
    auto* bitmap = roaring_bitmap_portable_deserialize_safe(bytes.data(), bytes.size());
    if (bitmap == nullptr) broken("one of its bitmaps is broken");
    const size_t size = roaring_bitmap_portable_size_in_bytes(bitmap);
    out->put(upper, bitmap);
    if (size > bytes.size()) broken("one of its bitmaps is broken");
    bytes.remove_prefix(size);
  }
  if (out->cardinality() != cardinality)
    broken("it has " + std::to_string(out->cardinality()) + " rows, the log says " +
           std::to_string(cardinality));
  return out;
}

std::shared_ptr<const Bitmaps> bitmaps_of(storage::FileSystem& files, std::string_view text) {
  const Key key = key_from(text);
  if (!key.is_inline) return parsed(bytes_in_file(files, key), uint64_t(key.cardinality));
  std::string bytes = z85_decoded(key.place);
  if (bytes.size() < size_t(key.size)) broken("its text is too short");
  bytes.resize(size_t(key.size));  // Z85 fills up to four bytes
  return parsed(bytes, uint64_t(key.cardinality));
}

}  // namespace

std::string vector_path(const std::string& table_path, const DeletionVector& vector) {
  if (vector.storage_type == "i") return {};
  if (vector.storage_type == "p") return resolved_path(table_path, vector.path_or_inline);
  if (vector.storage_type != "u") broken("its storage type is \"" + vector.storage_type + "\"");
  constexpr size_t kUuidLetters = 20;
  const std::string& text = vector.path_or_inline;
  if (text.size() < kUuidLetters) broken("\"" + text + "\" is not a UUID");
  const std::string prefix = text.substr(0, text.size() - kUuidLetters);
  if (prefix.find("..") != std::string::npos || prefix.find('/') != std::string::npos)
    broken("\"" + prefix + "\" climbs out of the table");
  return table_path + "/" + (prefix.empty() ? "" : prefix + "/") + "deletion_vector_" +
         uuid_text(z85_decoded(text.substr(prefix.size()))) + ".bin";
}

std::string vector_key(const std::string& table_path, const DeletionVector& vector) {
  if (vector.size_in_bytes < 0 || vector.size_in_bytes > kBytesMost || vector.cardinality < 0 ||
      vector.offset.value_or(0) < 0)
    broken("it has a size that cannot be");
  const bool is_inline = vector.storage_type == "i";
  return std::string(is_inline ? "i" : "f") + "|" + std::to_string(vector.offset.value_or(0)) +
         "|" + std::to_string(vector.size_in_bytes) + "|" + std::to_string(vector.cardinality) +
         "|" + (is_inline ? vector.path_or_inline : vector_path(table_path, vector));
}

std::shared_ptr<const duck::RowSet> parse_row_set(std::string_view bytes, uint64_t cardinality) {
  return parsed(bytes, cardinality);
}

std::shared_ptr<const duck::RowSet> read_vector(storage::FileSystem& files, std::string_view text) {
  return bitmaps_of(files, text);
}

struct DeletedRows::Bitmaps {
  std::map<uint32_t, roaring_bitmap_t*> by_upper;

  ~Bitmaps() {
    for (auto& [upper, bitmap] : by_upper) roaring_bitmap_free(bitmap);
  }
  roaring_bitmap_t* at(uint32_t upper) {
    auto& bitmap = by_upper[upper];
    if (bitmap == nullptr) bitmap = roaring_bitmap_create();
    return bitmap;
  }
};

DeletedRows::DeletedRows() : bitmaps_(std::make_unique<Bitmaps>()) {}
DeletedRows::~DeletedRows() = default;
DeletedRows::DeletedRows(DeletedRows&&) noexcept = default;
DeletedRows& DeletedRows::operator=(DeletedRows&&) noexcept = default;

void DeletedRows::add(uint64_t row) {
  roaring_bitmap_add(bitmaps_->at(uint32_t(row >> 32)), uint32_t(row));
}

void DeletedRows::add(storage::FileSystem& files, const std::string& table_path,
                      const DeletionVector& vector) {
  const auto there = bitmaps_of(files, vector_key(table_path, vector));
  for (const auto& [upper, bitmap] : there->parts())
    roaring_bitmap_or_inplace(bitmaps_->at(upper), bitmap);
}

uint64_t DeletedRows::count() const {
  uint64_t rows = 0;
  for (const auto& [upper, bitmap] : bitmaps_->by_upper)
    rows += roaring_bitmap_get_cardinality(bitmap);
  return rows;
}

std::string DeletedRows::bytes() const {
  std::string out;
  put(out, kMagic);
  put(out, uint64_t(bitmaps_->by_upper.size()));
  for (const auto& [upper, bitmap] : bitmaps_->by_upper) {
    put(out, upper);
    roaring_bitmap_run_optimize(bitmap);
    const size_t before = out.size();
    out.resize(before + roaring_bitmap_portable_size_in_bytes(bitmap));
    roaring_bitmap_portable_serialize(bitmap, out.data() + before);
  }
  return out;
}

std::vector<DeletionVector> write_vectors(storage::FileSystem& files, const std::string& table_path,
                                          const std::vector<DeletedRows>& rows,
                                          std::vector<std::string>& written) {
  std::vector<std::string> parts;
  size_t size = 0;
  for (const auto& each : rows) size += parts.emplace_back(each.bytes()).size();
  std::vector<DeletionVector> out(rows.size());
  std::string file(1, kFileFormat);
  const bool in_log = size <= kInlineBytes;
  const std::string id = in_log ? "" : new_uuid();
  for (size_t i = 0; i < rows.size(); ++i) {
    auto& vector = out[i];
    vector.size_in_bytes = int64_t(parts[i].size());
    vector.cardinality = int64_t(rows[i].count());
    vector.storage_type = in_log ? "i" : "u";
    vector.path_or_inline = z85_encoded(in_log ? parts[i] : uuid_bytes(id));
    if (in_log) continue;
    vector.offset = int64_t(file.size());
    put_big_endian(file, uint32_t(parts[i].size()));
    file += parts[i];
    put_big_endian(file, checksum(parts[i]));
  }
  if (in_log || rows.empty()) return out;
  if (file.size() > size_t(INT32_MAX)) broken("the vectors of one commit are too large");
  written.push_back(vector_path(table_path, out.front()));
  files.put(written.back(), file);
  return out;
}

}  // namespace windrow::lake
