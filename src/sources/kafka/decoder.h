#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"
#include "duck/row_buffer.h"
#include "project/source.h"
#include "sources/kafka/messages.h"

namespace windrow::sources {

/// Why a record is set aside, or stops the source.
struct BadRecord {
  std::string why;
  bool stops = false;  ///< the contract says: stop
};

/// A field of a record as it was found.
struct Scalar {
  enum class Kind { null, truth, number, text, json } kind = Kind::null;
  bool truth = false;
  std::string_view text;  ///< number: its digits; text: unescaped; json: an object or a list
  std::string_view raw;   ///< text: as JSON, with quotes; empty: has to be made
};

/// Turns messages into rows of the table. Columns are the table's, those declared, and new ones as
/// the contract allows; the type of a column that nobody has declared is that of its first value.
/// Deterministic: the same messages and the same table give the same rows.
class Decoder {
 public:
  /// A record's field and the column that it goes to.
  struct Slot {
    std::string field;
    size_t column = 0;
    duck::BufferKind kind = duck::BufferKind::text;
    bool json = false;      ///< text as JSON
    bool inferred = false;  ///< the type is a guess that a later value may change
    bool fresh = false;     ///< the table has no such column yet
    int64_t min = INT64_MIN, max = INT64_MAX;
    std::string cast;  ///< SQL type that the text is cast to; empty: as it is
    enum class Bad { reject, null, stop } bad = Bad::reject;
  };
  struct Rejected {
    size_t message = 0;
    std::string why;
  };
  /// Reads one message; gives its rows to the decoder.
  class Format {
   public:
    virtual ~Format() = default;
    /// Throws BadRecord.
    virtual void read(const Messages::Message& message, Messages& memory, Decoder& rows) = 0;
    /// Slots that were given before are no more.
    virtual void forget() {}
  };

  Decoder(const project::Source& source, std::unique_ptr<Format> format);

  /// What the table has now; nothing: it is not there yet.
  void set_table(const std::vector<Column>& columns);
  /// Decodes all of them anew. `connection` judges what only SQL can cast. Throws Error(data) where
  /// the contract says stop.
  void decode(Messages& messages, duck::Connection& connection);

  const duck::RowBuffer& rows() const { return *rows_; }
  /// How many rows `select` has to give: those that are not set aside.
  int64_t good_rows() const;
  const std::vector<Rejected>& rejected() const { return rejected_; }
  /// SELECT of the table's columns over `rows()`.
  std::string select(const std::string& from) const;
  bool needs_headers() const { return kafka_[4].has_value(); }

  // --- for formats -----------------------------------------------------------------------------
  size_t begin_row();
  /// Takes back the rows of this message from `row` on.
  void drop_rows(size_t row);
  /// Another row of the same message, with all that `row` has.
  size_t repeat_row(size_t row);
  /// Nothing where the field is not kept. Throws BadRecord where the contract refuses it.
  const Slot* slot(std::string_view field, const Scalar& first);
  void put(const Slot& slot, size_t row, const Scalar& value);
  const Slot* raw() const { return raw_; }
  const project::Source& source() const { return source_; }

 private:
  struct KindChange {
    std::string field;
    duck::BufferKind kind;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void build();
  Slot& add_slot(const std::string& field, const std::string& type, bool inferred);
  void set_type(Slot& slot, const std::string& type) const;
  Slot::Bad bad_of(const std::string& field) const;
  void decode_once(Messages& messages);
  void put_kafka(const Messages::Message& message, const Messages& messages, size_t row);
  void check_casts(duck::Connection& connection);
  void bad(const Slot& slot, const Scalar& value) const;
  void change_kind(const Slot& slot, duck::BufferKind kind) const;
  std::string value_of(const Slot& slot) const;

  const project::Source& source_;
  std::unique_ptr<Format> format_;
  const uint64_t record_bytes_max_;
  std::vector<Column> table_;
  bool table_known_ = false;
  std::set<std::string> named_;     ///< identifiers in SQL of the source
  std::set<std::string> computed_;  ///< columns that have SQL
  std::unique_ptr<duck::RowBuffer> rows_;
  std::deque<Slot> slots_;
  std::unordered_map<std::string, Slot*, Hash, std::equal_to<>> by_field_;  ///< nullptr: not kept
  std::map<std::string, duck::BufferKind> guessed_;  ///< kinds that a batch's values asked for
  Slot* raw_ = nullptr;
  std::optional<size_t> kafka_[6];  ///< columns: topic, partition, offset, key, headers, time
  std::optional<size_t> row_number_, bad_row_;
  std::vector<uint32_t> message_of_row_;
  size_t message_ = 0;
  std::vector<Rejected> rejected_;
};

/// The format that the source names. `registry` is asked for Avro schemas by their id.
using SchemaOf = std::function<std::string(int32_t id)>;
std::unique_ptr<Decoder::Format> record_format(const project::Source& source, SchemaOf schema_of);
std::unique_ptr<Decoder::Format> json_format(const project::Source& source);
std::unique_ptr<Decoder::Format> csv_format(const project::Source& source);
std::unique_ptr<Decoder::Format> bytes_format(const project::Source& source);
std::unique_ptr<Decoder::Format> avro_format(const project::Source& source, SchemaOf schema_of);

/// Whether the bytes are UTF-8.
bool is_utf8(std::string_view bytes);

}  // namespace windrow::sources
