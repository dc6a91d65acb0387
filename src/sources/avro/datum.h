#pragma once

#include <string>
#include <string_view>

#include "sources/avro/schema.h"

/// Avro's binary encoding (specification 1.11, "Binary Encoding"). Times become text in ISO form,
/// decimals text with all their digits, records, lists and maps JSON text.
namespace windrow::sources {

/// Bytes of a message, a block or a number, read from the front. Throws BadAvro where they end.
class AvroBytes {
 public:
  explicit AvroBytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }
  std::string_view take(uint64_t size);
  int64_t whole();
  /// A length and so many bytes.
  std::string_view text();
  double real(bool wide);

 private:
  std::string_view rest_;
};

struct AvroDatum {
  enum class Kind { null, truth, number, text, bytes, json } kind = Kind::null;
  bool truth = false;
  /// number: its digits, or nan, inf, -inf; text: as Avro has it, not yet known to be UTF-8.
  std::string text;
};

/// What becomes of strings within JSON text that are not UTF-8.
enum class BadText { refuse, replace };

AvroDatum avro_datum(const AvroSchema& schema, AvroBytes& bytes, BadText bad);
/// The same as JSON: bytes in base64; NaN and infinities as text. Throws BadAvro where it would be
/// longer than `most` bytes: items may take none of the bytes that are read.
std::string avro_text(const AvroSchema& schema, AvroBytes& bytes, BadText bad,
                      uint64_t most = 64 << 20);
/// A JSON string.
std::string json_quoted(std::string_view text, BadText bad);

}  // namespace windrow::sources
