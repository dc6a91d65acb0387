#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "clients/deflate.h"
#include "sources/avro/datum.h"
#include "sources/files/conversion.h"

/// Avro object container files (Apache Avro 1.11 specification, "Object Container Files"), as JSON
/// lines.
///
///   "Obj\1", a map of metadata (avro.schema, avro.codec), a marker of 16 bytes, then blocks:
///   number of records, length in bytes, the records packed by the codec, the marker again.
namespace windrow::sources {

namespace {

/// Records that take no bytes can be told of in any number.
constexpr int64_t kEmptyRecordsMax = 1'000'000;

[[noreturn]] void broken(const std::string& what) {
  throw Error(Code::corrupt, "broken Avro: " + what);
}

/// The format_description.txt of Snappy; Avro puts a CRC of four bytes behind it.
std::string unsnapped(std::string_view packed, uint64_t most) {
  if (packed.size() < 4) broken("a snappy block is too short");
  packed.remove_suffix(4);
  size_t at = 0;
  const auto byte = [&]() -> unsigned {
    if (at >= packed.size()) broken("a snappy block ends too early");
    return static_cast<unsigned char>(packed[at++]);
  };
  uint64_t length = 0;
  for (int shift = 0;; shift += 7) {
    const unsigned b = byte();
    length |= uint64_t(b & 0x7f) << shift;
    if ((b & 0x80) == 0) break;
    if (shift > 28) broken("a snappy block's length");
  }
  if (length > most) broken("a block is longer than record_bytes_max");
  std::string out;
  out.reserve(length);
  while (at < packed.size()) {
    const unsigned tag = byte();
    uint64_t count = 0, back = 0;
    if ((tag & 3) == 0) {
      count = (tag >> 2) + 1;
      if (count > 60) {
        const uint64_t bytes = count - 60;
        count = 0;
        for (uint64_t i = 0; i < bytes; ++i) count |= uint64_t(byte()) << (8 * i);
        ++count;
      }
      if (count > packed.size() - at) broken("a snappy block ends too early");
      out.append(packed.substr(at, count));
      at += count;
      continue;
    }
    if ((tag & 3) == 1) {
      count = ((tag >> 2) & 7) + 4;
      back = uint64_t(tag >> 5) << 8 | byte();
    } else {
      count = (tag >> 2) + 1;
      const int bytes = (tag & 3) == 2 ? 2 : 4;
      for (int i = 0; i < bytes; ++i) back |= uint64_t(byte()) << (8 * i);
    }
    if (back == 0 || back > out.size() || out.size() + count > length)
      broken("a snappy block points outside of itself");
    for (uint64_t i = 0; i < count; ++i) out += out[out.size() - back];
  }
  if (out.size() != length) broken("a snappy block has another length than it says");
  return out;
}

class Container {
 public:
  Container(const std::string& path, const ConversionBounds& bounds)
      : in_(path, std::ios::binary), block_max_(bounds.record_bytes) {
    if (!in_) throw Error(Code::permission, "cannot read file \"" + path + "\"");
    left_ = std::filesystem::file_size(path);
    if (bytes(4) != std::string("Obj\1", 4)) broken("it does not begin as an Avro file");
    for (int64_t count = number(); count != 0; count = number()) {
      if (count < 0) {
        count = count == INT64_MIN ? INT64_MAX : -count;
        number();
      }
      for (int64_t i = 0; i < count; ++i) {
        const std::string key = bytes(length());
        meta_[key] = bytes(length());
      }
    }
    marker_ = bytes(16);
  }

  const std::string& meta(const std::string& key) { return meta_[key]; }

  /// The next block, unpacked, and how many records it holds.
  bool next(std::string& block, int64_t& records) {
    if (in_.peek() == std::ifstream::traits_type::eof()) return false;
    records = number();
    std::string packed = bytes(length());
    if (bytes(16) != marker_) broken("a block does not end with the file's marker");
    const std::string& codec = meta_["avro.codec"];
    if (codec.empty() || codec == "null")
      block = std::move(packed);
    else if (codec == "deflate")
      block = clients::inflated(packed, block_max_);
    else if (codec == "snappy")
      block = unsnapped(packed, block_max_);
    else
      broken("it is packed by \"" + codec + "\", and null, deflate and snappy are read");
    return true;
  }

 private:
  std::string bytes(uint64_t count) {
    // Before there is room for them.
    if (count > left_) broken("it ends too early");
    if (count > block_max_) broken("a block is longer than record_bytes_max");
    left_ -= count;
    std::string out(count, '\0');
    in_.read(out.data(), std::streamsize(count));
    if (uint64_t(in_.gcount()) != count) broken("it ends too early");
    return out;
  }
  int64_t number() {
    std::string all;
    do {
      all += bytes(1);
    } while ((all.back() & 0x80) != 0 && all.size() < 10);
    return AvroBytes(all).whole();
  }
  uint64_t length() {
    const int64_t out = number();
    if (out < 0) broken("a length is negative");
    return uint64_t(out);
  }

  std::ifstream in_;
  const uint64_t block_max_;
  uint64_t left_ = 0;  ///< bytes of the file that are not read yet
  std::map<std::string, std::string> meta_;
  std::string marker_;
};

}  // namespace

Converted avro_to_json_lines(const std::string& from, const std::string& to,
                             const ConversionBounds& bounds) {
  try {
    Container file(from, bounds);
    const AvroSchemas schemas(file.meta("avro.schema"));
    const auto& schema = schemas.root();
    if (schema.parts.size() > bounds.columns)
      broken(fmt::format("it has {} fields; {} are the most", schema.parts.size(), bounds.columns));
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    std::string block;
    int64_t records = 0, empty = 0;
    uint64_t written = 0;
    while (file.next(block, records)) {
      AvroBytes bytes(block);
      for (int64_t i = 0; i < records; ++i) {
        const size_t before = bytes.size();
        const auto record = avro_text(schema, bytes, BadText::replace, bounds.record_bytes);
        if (bytes.size() == before && ++empty > kEmptyRecordsMax)
          broken(fmt::format("it tells of more than {} records without a byte", kEmptyRecordsMax));
        written += record.size() + 1;
        if (written > bounds.unpacked_bytes)
          broken("its records are longer than unpacked_bytes_max");
        if (record.starts_with('{'))
          out << record << '\n';
        else
          out << "{\"value\":" << record << "}\n";
      }
      if (!bytes.empty()) broken("a block is longer than its records");
    }
    out.close();
    if (!out) throw system_error(errno, "write", to);
    Converted found;
    for (size_t i = 0; schema.kind == AvroSchema::Kind::record && i < schema.parts.size(); ++i) {
      found.columns.push_back(schema.names[i]);
      if (auto type = sql_type(*schema.parts[i]); !type.empty())
        found.types[schema.names[i]] = type;
    }
    return found;
  } catch (const BadAvro& bad) {
    broken(bad.why);
  }
}

}  // namespace windrow::sources
