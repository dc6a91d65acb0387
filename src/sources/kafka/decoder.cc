#include "sources/kafka/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "sources/files/json_fit.h"
#include "sources/kafka/kind.h"
#include "sources/record_rows.h"

namespace windrow::sources {
namespace {

using duck::BufferKind;
using duck::quote_name;

constexpr const char* kKafkaColumns[] = {"kafka_topic", "kafka_partition", "kafka_offset",
                                         "kafka_key",   "kafka_headers",   "kafka_time"};
constexpr const char* kRowNumber = "windrow row";
constexpr const char* kBadRow = "windrow bad";
constexpr size_t kTextShown = 60;
constexpr int kRestartsMax = 10'000;  // each makes one column's type wider: far fewer in truth

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Every word in SQL that may name a column.
void add_names(const std::string& sql, std::set<std::string>& names) {
  for (size_t i = 0; i < sql.size();) {
    const auto c = static_cast<unsigned char>(sql[i]);
    if (c == '"') {
      std::string name;
      for (++i; i < sql.size(); ++i) {
        if (sql[i] == '"' && (i + 1 == sql.size() || sql[i + 1] != '"')) break;
        if (sql[i] == '"') ++i;
        name += sql[i];
      }
      ++i;
      names.insert(name);
    } else if (std::isalpha(c) || c == '_' || c >= 0x80) {
      const size_t from = i;
      while (i < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[i])) || sql[i] == '_' ||
                                uint8_t(sql[i]) >= 0x80))
        ++i;
      names.insert(sql.substr(from, i - from));
    } else {
      ++i;
    }
  }
}

bool integer_of(std::string_view text, int64_t& out) {
  const char* const end = text.data() + text.size();
  const auto exact = std::from_chars(text.data(), end, out);
  if (exact.ec == std::errc() && exact.ptr == end) return true;
  double real = 0;  // 17.0, 1e3
  const auto rough = std::from_chars(text.data(), end, real);
  if (rough.ec != std::errc() || rough.ptr != end) return false;
  if (real != std::floor(real) || std::abs(real) >= 9.2e18) return false;
  out = int64_t(real);
  return true;
}

bool real_of(std::string_view text, double& out) {
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, out);
  return result.ec == std::errc() && result.ptr == end;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

BufferKind kind_of(const Scalar& value) {
  switch (value.kind) {
    case Scalar::Kind::truth: return BufferKind::truth;
    case Scalar::Kind::number: {
      int64_t whole = 0;
      const auto* end = value.text.data() + value.text.size();
      const auto result = std::from_chars(value.text.data(), end, whole);
      return result.ec == std::errc() && result.ptr == end ? BufferKind::integer : BufferKind::real;
    }
    default: return BufferKind::text;
  }
}

}  // namespace

bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const size_t length = utf8_character(s, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

Decoder::Decoder(const project::Source& source, std::unique_ptr<Format> format)
    : source_(source),
      format_(std::move(format)),
      record_bytes_max_(project::own_or_default<KafkaFrom>(source).record_bytes_max) {
  for (const auto& column : source.columns) {
    if (column.value.empty()) continue;
    computed_.insert(lower(column.name));
    add_names(column.value, named_);
  }
  for (const auto& [column, expression] : source.partition_by) {
    if (!expression.empty()) computed_.insert(lower(column));
    add_names(expression, named_);
  }
  build();
}

void Decoder::set_table(const std::vector<Column>& columns) {
  if (table_known_ && columns == table_) return;
  table_ = columns;
  table_known_ = true;
  guessed_.clear();
  build();
}

Decoder::Slot::Bad Decoder::bad_of(const std::string& field) const {
  std::string say = source_.on_bad_value;
  for (const auto& column : source_.columns) {
    if (column.name == field && !column.on_bad_value.empty()) say = column.on_bad_value;
  }
  return say == "null" ? Slot::Bad::null : say == "stop" ? Slot::Bad::stop : Slot::Bad::reject;
}

void Decoder::set_type(Slot& slot, const std::string& type) const {
  const std::string name = lower(type);
  const auto is = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* each) { return name == each; });
  };
  if (is({"bigint", "long", "int8"})) {
    slot.kind = BufferKind::integer;
  } else if (is({"integer", "int", "int4", "signed"})) {
    slot.kind = BufferKind::integer;
    slot.min = INT32_MIN, slot.max = INT32_MAX, slot.cast = "INTEGER";
  } else if (is({"smallint", "int2", "short"})) {
    slot.kind = BufferKind::integer;
    slot.min = INT16_MIN, slot.max = INT16_MAX, slot.cast = "SMALLINT";
  } else if (is({"tinyint", "int1"})) {
    slot.kind = BufferKind::integer;
    slot.min = INT8_MIN, slot.max = INT8_MAX, slot.cast = "TINYINT";
  } else if (is({"double", "float8", "double precision"})) {
    slot.kind = BufferKind::real;
  } else if (is({"float", "real", "float4"})) {
    slot.kind = BufferKind::real;
    slot.cast = "FLOAT";
  } else if (is({"boolean", "bool", "logical"})) {
    slot.kind = BufferKind::truth;
  } else if (is({"blob", "bytea", "binary", "varbinary"})) {
    slot.kind = BufferKind::bytes;
  } else if (is({"json"})) {
    slot.json = true;
  } else if (!is({"varchar", "text", "string", "char"}) && !name.empty()) {
    slot.cast = type;
    slot.json = name.find_first_of("[(") != std::string::npos && !name.starts_with("decimal") &&
                !name.starts_with("numeric") && !name.starts_with("varchar");
  }
}

Decoder::Slot& Decoder::add_slot(const std::string& field, const std::string& type, bool inferred) {
  Slot slot;
  slot.field = field;
  slot.inferred = inferred;
  slot.bad = bad_of(field);
  if (!inferred) set_type(slot, type);
  if (const auto guess = guessed_.find(field); inferred && guess != guessed_.end())
    slot.kind = guess->second;
  slot.column = rows_->add_column(field, slot.kind);
  slots_.push_back(std::move(slot));
  by_field_[field] = &slots_.back();
  return slots_.back();
}

void Decoder::build() {
  rows_ = std::make_unique<duck::RowBuffer>();
  slots_.clear();
  by_field_.clear();
  raw_ = nullptr;
  for (auto& column : kafka_) column.reset();
  row_number_.reset();
  bad_row_.reset();
  format_->forget();
  const auto kafka = [&](const std::string& name) {
    return std::find(std::begin(kKafkaColumns), std::end(kKafkaColumns), name);
  };
  const auto add = [&](const std::string& name, const std::string& type) {
    if (by_field_.count(name) || computed_.count(lower(name))) return;
    auto& slot = add_slot(name, type, false);
    if (name == source_.raw) raw_ = &slot;
  };
  const auto add_kafka = [&](const std::string& name, const std::string& type) {
    const auto which = kafka(name) - std::begin(kKafkaColumns);
    if (kafka_[which]) return;
    const bool bytes = which == 3 && lower(type) == "blob";
    kafka_[which] = rows_->add_column(name, which == 1 || which == 2 ? BufferKind::integer
                                            : which == 5             ? BufferKind::time
                                            : bytes                  ? BufferKind::bytes
                                                                     : BufferKind::text);
  };
  std::string raw = source_.raw;
  if (raw.empty() && source_.format == "bytes") raw = "value";
  if (!raw.empty()) {
    auto& slot = add_slot(raw, source_.format == "bytes" ? "BLOB" : "VARCHAR", false);
    raw_ = &slot;
    by_field_.erase(raw);  // not a field of the record
  }
  const auto give = [&](const std::string& name, const std::string& type) {
    if (name == raw) return;
    if (kafka(name) != std::end(kKafkaColumns)) {
      if (!computed_.count(lower(name))) add_kafka(name, type);
    } else {
      add(name, type);
    }
  };
  for (const auto& column : source_.columns) {
    if (!column.value.empty()) continue;
    std::string type = column.type;
    if (type.empty()) {
      for (const auto& has : table_) {
        if (has.name == column.name) type = has.type;
      }
      // Declared without a type and not there yet: as its first value.
      if (type.empty() && kafka(column.name) == std::end(kKafkaColumns)) continue;
    }
    give(column.name, type);
  }
  for (const auto& column : table_) give(column.name, column.type);
  for (const auto& name : named_) {
    if (kafka(name) != std::end(kKafkaColumns)) add_kafka(name, "");
  }
  const bool casts = std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return !slot.cast.empty() && slot.kind == BufferKind::text;
  });
  if (casts) {
    row_number_ = rows_->add_column(kRowNumber, BufferKind::integer);
    bad_row_ = rows_->add_column(kBadRow, BufferKind::truth);
  }
}

const Decoder::Slot* Decoder::slot(std::string_view field, const Scalar& first) {
  if (const auto found = by_field_.find(field); found != by_field_.end()) return found->second;
  if (first.kind == Scalar::Kind::null) return nullptr;  // says nothing; looked at again
  const std::string name(field);
  const bool declared =
      std::any_of(source_.columns.begin(), source_.columns.end(),
                  [&](const auto& c) { return c.name == name && c.value.empty(); });
  const bool named = named_.count(name) > 0;
  if (!declared && !named) {
    for (const auto& [other, slot] : by_field_) {
      if (slot && lower(other) == lower(name))
        throw BadRecord{fmt::format("field \"{}\" differs from \"{}\" only by case", name, other)};
    }
    const auto& contract = source_.on_new_column;
    if (contract == "ignore" || computed_.count(lower(name)) || name == source_.raw) {
      by_field_[name] = nullptr;
      return nullptr;
    }
    if (contract == "reject" || contract == "stop")
      throw BadRecord{fmt::format("field \"{}\" is not a column of the table", name),
                      contract == "stop"};
  }
  if (!guessed_.count(name)) guessed_[name] = kind_of(first);
  auto& slot = add_slot(name, "", true);
  // A field that only SQL reads does not become a column.
  slot.fresh = declared || (source_.on_new_column == "add" && !computed_.count(lower(name)));
  return &slot;
}

size_t Decoder::begin_row() {
  const size_t row = rows_->add_row();
  message_of_row_.push_back(uint32_t(message_));
  return row;
}

void Decoder::drop_rows(size_t row) {
  while (rows_->rows() > row) rows_->drop_row();
  message_of_row_.resize(row);
}

size_t Decoder::repeat_row(size_t row) {
  const size_t fresh = begin_row();
  for (size_t i = 0; i < rows_->columns(); ++i) rows_->column(i).copy(row, fresh);
  return fresh;
}

void Decoder::bad(const Slot& slot, const Scalar& value) const {
  if (slot.bad == Slot::Bad::null) return;
  std::string shown(value.kind == Scalar::Kind::truth ? (value.truth ? "true" : "false")
                                                      : value.text.substr(0, kTextShown));
  if (value.text.size() > kTextShown) shown += "…";
  throw BadRecord{
      fmt::format("field \"{}\" has {}, which is not {}", slot.field,
                  value.kind == Scalar::Kind::text ? "\"" + shown + "\"" : shown,
                  slot.cast.empty() ? lower(rows_->column(slot.column).type()) : slot.cast),
      slot.bad == Slot::Bad::stop};
}

void Decoder::change_kind(const Slot& slot, BufferKind kind) const {
  throw KindChange{slot.field, kind};
}

void Decoder::put(const Slot& slot, size_t row, const Scalar& value) {
  auto& column = rows_->column(slot.column);
  if (value.kind == Scalar::Kind::null) return;
  switch (slot.kind) {
    case BufferKind::text:
    case BufferKind::bytes:
      if (slot.json && !value.raw.empty()) return column.set_text(row, value.raw);
      if (value.kind == Scalar::Kind::truth)
        return column.set_text(row, value.truth ? "true" : "false");
      return column.set_text(row, value.text);
    case BufferKind::integer: {
      int64_t whole = 0;
      const bool number = value.kind == Scalar::Kind::number;
      if (slot.inferred) {
        const auto kind = kind_of(value);
        if (kind != BufferKind::integer)
          change_kind(slot, kind == BufferKind::real ? kind : BufferKind::text);
      }
      if ((!number && value.kind != Scalar::Kind::text) ||
          !integer_of(number ? value.text : trimmed(value.text), whole) || whole < slot.min ||
          whole > slot.max)
        return bad(slot, value);
      return column.set_integer(row, whole);
    }
    case BufferKind::real: {
      double real = 0;
      const bool number = value.kind == Scalar::Kind::number;
      if (slot.inferred && !number) change_kind(slot, BufferKind::text);
      if ((!number && value.kind != Scalar::Kind::text) ||
          !real_of(number ? value.text : trimmed(value.text), real))
        return bad(slot, value);
      return column.set_real(row, real);
    }
    case BufferKind::truth:
      if (value.kind == Scalar::Kind::truth) return column.set_truth(row, value.truth);
      if (slot.inferred) change_kind(slot, BufferKind::text);
      if (value.text == "true" || value.text == "1") return column.set_truth(row, true);
      if (value.text == "false" || value.text == "0") return column.set_truth(row, false);
      return bad(slot, value);
    case BufferKind::time: return bad(slot, value);
  }
}

void Decoder::put_kafka(const Messages::Message& message, const Messages& messages, size_t row) {
  const auto& from = messages.partitions()[message.from];
  if (kafka_[0]) rows_->column(*kafka_[0]).set_text(row, from.topic);
  if (kafka_[1]) rows_->column(*kafka_[1]).set_integer(row, from.partition);
  if (kafka_[2]) rows_->column(*kafka_[2]).set_integer(row, message.offset);
  if (kafka_[3] && message.key) {
    if (rows_->column(*kafka_[3]).kind() == BufferKind::text && !is_utf8(*message.key))
      throw BadRecord{"the key is not UTF-8 text: declare kafka_key as blob"};
    rows_->column(*kafka_[3]).set_text(row, *message.key);
  }
  if (kafka_[4] && !message.headers.empty())
    rows_->column(*kafka_[4]).set_text(row, message.headers);
  if (kafka_[5] && message.timestamp_ms >= 0)
    rows_->column(*kafka_[5]).set_integer(row, message.timestamp_ms * 1000);
}

void Decoder::decode_once(Messages& messages) {
  rows_->clear();
  message_of_row_.clear();
  rejected_.clear();
  const bool any_kafka = std::any_of(std::begin(kafka_), std::end(kafka_),
                                     [](const auto& column) { return column.has_value(); });
  const auto& all = messages.all();
  for (message_ = 0; message_ < all.size(); ++message_) {
    const size_t first = rows_->rows();
    try {
      const auto& value = all[message_].value;
      if (value && value->size() > record_bytes_max_)
        throw BadRecord{too_long_words(value->size(), record_bytes_max_)};
      format_->read(all[message_], messages, *this);
      for (size_t row = first; any_kafka && row < rows_->rows(); ++row)
        put_kafka(all[message_], messages, row);
    } catch (const BadRecord& bad) {
      drop_rows(first);
      if (bad.stops) {
        const auto& from = messages.partitions()[all[message_].from];
        throw Error(Code::data,
                    fmt::format("source \"{}\": message {} of {}/{}: {}", source_.name,
                                all[message_].offset, from.topic, from.partition, bad.why),
                    "the contract of the source says stop: change it, or declare the column",
                    source_.place);
      }
      rejected_.push_back({message_, bad.why});
    }
  }
}

void Decoder::decode(Messages& messages, duck::Connection& connection) {
  for (int restarts = 0;; ++restarts) {
    try {
      decode_once(messages);
      break;
    } catch (const KindChange& change) {
      WINDROW_INVARIANT(restarts < kRestartsMax);
      guessed_[change.field] = change.kind;
      build();
    }
  }
  if (row_number_) check_casts(connection);
}

int64_t Decoder::good_rows() const {
  auto out = int64_t(rows_->rows());
  for (size_t row = 0; bad_row_ && row < rows_->rows(); ++row)
    out -= rows_->column(*bad_row_).is_set(row);
  return out;
}

std::string Decoder::value_of(const Slot& slot) const {
  const std::string name = quote_name(slot.field);
  if (slot.cast.empty()) return name;
  if (slot.kind != BufferKind::text) return "CAST(" + name + " AS " + slot.cast + ")";
  return "TRY_CAST(" + (slot.json ? "TRY_CAST(" + name + " AS JSON)" : name) + " AS " + slot.cast +
         ")";
}

void Decoder::check_casts(duck::Connection& connection) {
  for (size_t row = 0; row < rows_->rows(); ++row)
    rows_->column(*row_number_).set_integer(row, int64_t(row));
  const duck::BufferTable table(connection, *rows_);
  std::map<size_t, std::string> wrong;
  for (const auto& slot : slots_) {
    if (slot.cast.empty() || slot.kind != BufferKind::text || slot.bad == Slot::Bad::null) continue;
    std::string lost = value_of(slot) + " IS NULL";
    if (slot.json) {
      const auto type = connection.describe("SELECT CAST(NULL AS " + slot.cast + ") AS it")[0].type;
      lost +=
          " OR coalesce(" +
          loses_sql("TRY_CAST(" + quote_name(slot.field) + " AS JSON)", slot.field, type, false) +
          ", false)";
    }
    const auto found = connection.query(fmt::format(
        "SELECT {}, {} FROM {} WHERE {} IS NOT NULL AND ({}) ORDER BY 1", quote_name(kRowNumber),
        quote_name(slot.field), table.sql(), quote_name(slot.field), lost));
    for (const auto& row : found.rows) {
      Scalar value;
      value.kind = Scalar::Kind::text;
      const std::string text = cell_text(row[1]);
      value.text = text;
      try {
        bad(slot, value);
      } catch (const BadRecord& record) {
        if (record.stops)
          throw Error(Code::data, "source \"" + source_.name + "\": " + record.why,
                      "the contract of the source says stop: change it", source_.place);
        wrong.try_emplace(message_of_row_[size_t(std::get<int64_t>(row[0]))], record.why);
      }
    }
  }
  if (wrong.empty()) return;
  for (size_t row = 0; row < rows_->rows(); ++row) {
    if (wrong.count(message_of_row_[row])) rows_->column(*bad_row_).set_truth(row, true);
  }
  for (const auto& [message, why] : wrong) rejected_.push_back({message, why});
  std::sort(rejected_.begin(), rejected_.end(),
            [](const auto& a, const auto& b) { return a.message < b.message; });
}

std::string Decoder::select(const std::string& from) const {
  std::string list, missing;
  std::set<std::string> done;
  const auto add = [&](const std::string& sql, const std::string& name) {
    if (!done.insert(lower(name)).second) return;
    list += (list.empty() ? "" : ", ") + sql + " AS " + quote_name(name);
  };
  const auto slot_of = [&](const std::string& name) -> const Slot* {
    if (raw_ && raw_->field == name) return raw_;
    const auto found = by_field_.find(name);
    return found == by_field_.end() ? nullptr : found->second;
  };
  const auto add_plain = [&](const std::string& name) {
    if (const auto* slot = slot_of(name)) {
      add(value_of(*slot), name);
      return;
    }
    for (size_t i = 0; i < 6; ++i) {
      if (kafka_[i] && name == kKafkaColumns[i]) add(quote_name(name), name);
    }
  };
  if (raw_) add_plain(raw_->field);
  for (const auto& column : source_.columns) {
    if (column.value.empty()) {
      const bool kafka = std::any_of(std::begin(kKafkaColumns), std::end(kKafkaColumns),
                                     [&](const char* each) { return column.name == each; });
      if (kafka && !column.type.empty()) {
        add("CAST(" + quote_name(column.name) + " AS " + column.type + ")", column.name);
      } else {
        add_plain(column.name);
      }
      continue;
    }
    // On lines of its own: the text may end in a comment.
    const std::string value = "(\n" + column.value + "\n)";
    add(column.type.empty() ? value : "CAST(" + value + " AS " + column.type + ")", column.name);
  }
  for (const auto& column : table_) {
    if (!computed_.count(lower(column.name))) add_plain(column.name);
  }
  for (const auto& slot : slots_) {
    if (!slot.fresh) continue;
    const auto& column = rows_->column(slot.column);
    bool any = false;
    for (size_t word = 0; word * 64 < rows_->rows() && !any; ++word)
      any = column.valid()[word] != 0;
    if (any) add(value_of(slot), slot.field);
  }
  std::set<std::string> there;
  for (size_t i = 0; i < rows_->columns(); ++i) there.insert(lower(rows_->column(i).name()));
  for (const auto& name : named_) {
    if (there.insert(lower(name)).second)
      missing += ", CAST(NULL AS VARCHAR) AS " + quote_name(name);
  }
  std::string rows = from;
  if (!missing.empty()) rows = "(SELECT *" + missing + " FROM " + from + ")";
  if (list.empty()) list = "NULL AS nothing";
  std::string out = "SELECT " + list + " FROM " + rows + " AS record";
  if (bad_row_) out += " WHERE " + quote_name(kBadRow) + " IS NULL";
  std::string partitions;
  for (const auto& [column, expression] : source_.partition_by) {
    if (!expression.empty()) partitions += ", (\n" + expression + "\n) AS " + quote_name(column);
  }
  return partitions.empty() ? out : "SELECT *" + partitions + " FROM (" + out + ") AS record";
}

}  // namespace windrow::sources
