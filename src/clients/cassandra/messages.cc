#include "clients/cassandra/messages.h"

namespace windrow::clients::cassandra {

namespace {

constexpr uint32_t kValues = 0x01, kPageSize = 0x04, kPage = 0x08, kSerial = 0x10,
                   kTimestamp = 0x20;
constexpr int32_t kGlobalTable = 0x01, kMorePages = 0x02, kNoMetadata = 0x04, kNewMetadata = 0x08;
constexpr char kUnlogged = 1, kPrepared = 1;

void put_flags(std::string& out, int version, uint32_t flags) {
  if (version >= 5) {
    put_big_endian(out, flags);
  } else {
    out += char(flags);
  }
}

void put_parameters(std::string& out, int version, const Parameters& with) {
  put_big_endian(out, uint16_t(with.consistency));
  const bool values = with.values != nullptr && with.values->count() > 0;
  put_flags(out, version,
            (values ? kValues : 0) | (with.page_rows > 0 ? kPageSize : 0) |
                (with.page.empty() ? 0 : kPage) | (with.serial ? kSerial : 0) |
                (with.timestamp ? kTimestamp : 0));
  if (values) {
    put_big_endian(out, uint16_t(with.values->count()));
    out += with.values->wire();
  }
  if (with.page_rows > 0) put_big_endian(out, int32_t(with.page_rows));
  if (!with.page.empty()) put_bytes(out, with.page);
  if (with.serial) put_big_endian(out, uint16_t(Consistency::serial));
  if (with.timestamp) put_big_endian(out, *with.timestamp);
}

struct Metadata {
  std::vector<Column> columns;
  std::vector<uint16_t> partition;
  std::string page;
};

Metadata read_metadata(WireReader& in, bool of_markers) {
  Metadata out;
  const auto flags = in.number<int32_t>();
  const auto count = in.number<int32_t>();
  if (of_markers) {
    out.partition.resize(size_t(in.number<int32_t>()));
    for (auto& index : out.partition) index = in.number<uint16_t>();
  }
  bool null = false;
  if (flags & kMorePages) out.page = in.bytes(null);
  if (!of_markers && (flags & kNewMetadata)) in.short_bytes();
  if (flags & kNoMetadata) return out;
  std::string keyspace, table;
  if (flags & kGlobalTable) {
    keyspace = in.string();
    table = in.string();
  }
  for (int32_t i = 0; i < count; ++i) {
    Column column{keyspace, table, "", {}};
    if (!(flags & kGlobalTable)) {
      column.keyspace = in.string();
      column.table = in.string();
    }
    column.name = in.string();
    column.type = read_type(in);
    out.columns.push_back(std::move(column));
  }
  return out;
}

}  // namespace

void put_query(std::string& out, int version, std::string_view cql, const Parameters& with) {
  put_long_string(out, cql);
  put_parameters(out, version, with);
}

void put_execute(std::string& out, int version, const Statement& statement,
                 const Parameters& with) {
  put_string(out, statement.id);
  if (version >= 5) put_string(out, statement.result_id);
  put_parameters(out, version, with);
}

void put_batch(std::string& out, int version, const Statement& statement,
               const std::vector<Values>& rows, size_t count, Consistency consistency,
               int64_t timestamp) {
  out += kUnlogged;
  put_big_endian(out, uint16_t(count));
  for (size_t i = 0; i < count; ++i) {
    out += kPrepared;
    put_string(out, statement.id);
    put_big_endian(out, uint16_t(rows[i].count()));
    out += rows[i].wire();
  }
  put_big_endian(out, uint16_t(consistency));
  put_flags(out, version, kTimestamp);
  put_big_endian(out, timestamp);
}

void put_prepare(std::string& out, int version, std::string_view cql) {
  put_long_string(out, cql);
  if (version >= 5) put_big_endian(out, uint32_t(0));
}

ResultKind kind_of(const Envelope& result) {
  if (result.opcode != Opcode::result)
    throw Error(Code::corrupt, "cassandra gave an answer that does not fit");
  return ResultKind(WireReader(result.body).number<int32_t>());
}

Rows read_rows(const Envelope& result) {
  Rows out;
  if (kind_of(result) != ResultKind::rows) return out;
  WireReader in(result.body);
  in.number<int32_t>();
  auto metadata = read_metadata(in, false);
  out.columns = std::move(metadata.columns);
  out.page = std::move(metadata.page);
  out.rows.resize(size_t(in.number<int32_t>()));
  for (auto& row : out.rows) {
    for (size_t i = 0; i < out.columns.size(); ++i) {
      bool null = false;
      const auto bytes = in.bytes(null);
      row.push_back(null ? std::nullopt : std::optional<std::string>(bytes));
    }
  }
  return out;
}

void read_prepared(const Envelope& result, int version, Statement& out) {
  if (kind_of(result) != ResultKind::prepared)
    throw Error(Code::corrupt, "cassandra did not prepare a statement");
  WireReader in(result.body);
  in.number<int32_t>();
  out.id = in.short_bytes();
  if (version >= 5) out.result_id = in.short_bytes();
  auto metadata = read_metadata(in, true);
  out.columns = std::move(metadata.columns);
  out.partition = std::move(metadata.partition);
}

}  // namespace windrow::clients::cassandra
