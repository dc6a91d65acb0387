#include "duck/row_buffer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>

#include "duck/impl.h"

namespace windrow::duck {

static_assert(sizeof(duckdb::string_t) == 16, "set_text writes a string_t");
static_assert(duckdb::string_t::INLINE_LENGTH == 12, "set_text writes a string_t");

BufferColumn::BufferColumn(std::string name, BufferKind kind)
    : name_(std::move(name)), kind_(kind) {}

const char* BufferColumn::type() const {
  switch (kind_) {
    case BufferKind::text: return "VARCHAR";
    case BufferKind::bytes: return "BLOB";
    case BufferKind::integer: return "BIGINT";
    case BufferKind::real: return "DOUBLE";
    case BufferKind::truth: return "BOOLEAN";
    case BufferKind::time: return "TIMESTAMP WITH TIME ZONE";
  }
  broken_invariant("kind of column", __FILE__, __LINE__);
}

size_t BufferColumn::width() const {
  if (kind_ == BufferKind::truth) return 1;
  return kind_ == BufferKind::text || kind_ == BufferKind::bytes ? sizeof(Text) : 8;
}

std::string_view BufferColumn::text(size_t row) const {
  const Text& found = reinterpret_cast<const Text*>(data_.get())[row];
  if (found.length <= sizeof(found.inlined)) return {found.inlined, found.length};
  const char* data = nullptr;
  std::memcpy(&data, found.inlined + 4, sizeof(data));
  return {data, found.length};
}

void BufferColumn::copy(size_t from, size_t to) {
  if (!is_set(from)) return clear(to);
  std::memcpy(data_.get() + to * width(), data_.get() + from * width(), width());
  set(to);
}

void BufferColumn::reserve(size_t rows) {
  if (rows > capacity_) {
    std::unique_ptr<char[]> more(new char[rows * width()]);  // not zeroed: NULL says so
    if (data_) std::memcpy(more.get(), data_.get(), capacity_ * width());
    data_ = std::move(more);
    capacity_ = rows;
  }
  // Whole vectors of DuckDB, so that each has its own words.
  valid_.resize((rows + 63) / 64, 0);
}

void BufferColumn::reset(size_t rows) {
  std::fill_n(valid_.begin(), std::min(valid_.size(), (rows + 63) / 64), 0);
}

size_t RowBuffer::add_column(std::string name, BufferKind kind) {
  columns_.emplace_back(std::move(name), kind);
  columns_.back().reserve(capacity_);
  return columns_.size() - 1;
}

void RowBuffer::drop_row() {
  --rows_;
  for (auto& column : columns_) column.clear(rows_);
}

void RowBuffer::clear() {
  for (auto& column : columns_) column.reset(rows_);
  rows_ = 0;
}

void RowBuffer::grow() {
  capacity_ = std::max<size_t>(capacity_ * 2, 4 * STANDARD_VECTOR_SIZE);
  for (auto& column : columns_) column.reserve(capacity_);
}

/// Buffers by the key that their SQL names. Held by the table function of one database.
struct BufferTable::Catalog {
  std::mutex mutex;
  std::map<uint64_t, const RowBuffer*> buffers;
  uint64_t next = 1;
};

namespace {

constexpr const char* kFunction = "windrow_row_buffer";

struct Info final : duckdb::TableFunctionInfo {
  std::shared_ptr<BufferTable::Catalog> catalog = std::make_shared<BufferTable::Catalog>();
};

struct BoundRows final : duckdb::TableFunctionData {
  explicit BoundRows(const RowBuffer* buffer) : rows(buffer) {}
  const RowBuffer* rows;
};

/// Vectors of the buffer are dealt out in order.
struct Scan final : duckdb::GlobalTableFunctionState {
  std::atomic<size_t> next{0};
  std::vector<duckdb::column_t> columns;
  duckdb::idx_t MaxThreads() const override { return 1; }
};

duckdb::LogicalType type_of(BufferKind kind) {
  switch (kind) {
    case BufferKind::text: return duckdb::LogicalType::VARCHAR;
    case BufferKind::bytes: return duckdb::LogicalType::BLOB;
    case BufferKind::integer: return duckdb::LogicalType::BIGINT;
    case BufferKind::real: return duckdb::LogicalType::DOUBLE;
    case BufferKind::truth: return duckdb::LogicalType::BOOLEAN;
    case BufferKind::time: return duckdb::LogicalType::TIMESTAMP_TZ;
  }
  broken_invariant("kind of column", __FILE__, __LINE__);
}

duckdb::unique_ptr<duckdb::FunctionData> bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  auto& catalog = *input.info->Cast<Info>().catalog;
  const auto key = uint64_t(input.inputs[0].GetValue<int64_t>());
  std::lock_guard lock(catalog.mutex);
  const auto found = catalog.buffers.find(key);
  if (found == catalog.buffers.end()) throw duckdb::BinderException("there is no such row buffer");
  const RowBuffer& rows = *found->second;
  for (size_t i = 0; i < rows.columns(); ++i) {
    types.push_back(type_of(rows.column(i).kind()));
    names.push_back(rows.column(i).name());
  }
  return duckdb::make_uniq<BoundRows>(&rows);
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> begin(duckdb::ClientContext&,
                                                           duckdb::TableFunctionInitInput& input) {
  auto out = duckdb::make_uniq<Scan>();
  out->columns.assign(input.column_ids.begin(), input.column_ids.end());
  return out;
}

void next(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& out) {
  const RowBuffer& rows = *input.bind_data->Cast<BoundRows>().rows;
  auto& scan = input.global_state->Cast<Scan>();
  const size_t at = scan.next.fetch_add(STANDARD_VECTOR_SIZE);
  if (at >= rows.rows()) {
    out.SetCardinality(0);
    return;
  }
  const size_t count = std::min<size_t>(STANDARD_VECTOR_SIZE, rows.rows() - at);
  for (size_t i = 0; i < scan.columns.size(); ++i) {
    if (scan.columns[i] >= rows.columns()) continue;  // only the number of rows is asked for
    const auto& column = rows.column(scan.columns[i]);
    auto& vector = out.data[i];
    // DuckDB does not write into vectors that a table function gives out.
    auto* data = const_cast<char*>(column.data()) + at * column.width();  // NOLINT
    auto* valid = const_cast<uint64_t*>(column.valid()) + at / 64;        // NOLINT
    duckdb::FlatVector::SetData(vector, duckdb::data_ptr_cast(data));
    duckdb::FlatVector::SetValidity(vector, duckdb::ValidityMask(valid, STANDARD_VECTOR_SIZE));
  }
  out.SetCardinality(count);
}

duckdb::unique_ptr<duckdb::NodeStatistics> cardinality(duckdb::ClientContext&,
                                                       const duckdb::FunctionData* data) {
  const auto rows = data->Cast<BoundRows>().rows->rows();
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

/// The database's function, made the first time.
std::shared_ptr<BufferTable::Catalog> catalog_of(duckdb::DatabaseInstance& instance) {
  auto& system = duckdb::Catalog::GetSystemCatalog(instance);
  const auto transaction = duckdb::CatalogTransaction::GetSystemTransaction(instance);
  auto& schema = system.GetSchema(transaction, DEFAULT_SCHEMA);
  static std::mutex making;  // two connections may come at once
  std::lock_guard lock(making);
  if (auto found =
          schema.GetEntry(transaction, duckdb::CatalogType::TABLE_FUNCTION_ENTRY, kFunction)) {
    auto& entry = found->Cast<duckdb::TableFunctionCatalogEntry>();
    return entry.functions.functions[0].function_info->Cast<Info>().catalog;
  }
  duckdb::TableFunction function(kFunction, {duckdb::LogicalType::BIGINT}, next, bind, begin);
  function.projection_pushdown = true;
  function.cardinality = cardinality;
  auto info = duckdb::make_shared_ptr<Info>();
  auto catalog = info->catalog;
  function.function_info = std::move(info);
  duckdb::CreateTableFunctionInfo create(std::move(function));
  create.on_conflict = duckdb::OnCreateConflict::IGNORE_ON_CONFLICT;
  system.CreateTableFunction(transaction, create);
  return catalog;
}

}  // namespace

BufferTable::BufferTable(Connection& connection, const RowBuffer& rows) {
  guarded([&] {
    catalog_ = catalog_of(*connection.impl().connection.context->db);
    std::lock_guard lock(catalog_->mutex);
    key_ = catalog_->next++;
    catalog_->buffers[key_] = &rows;
  });
  sql_ = std::string(kFunction) + "(" + std::to_string(key_) + ")";
}

BufferTable::~BufferTable() {
  if (!catalog_) return;
  std::lock_guard lock(catalog_->mutex);
  catalog_->buffers.erase(key_);
}

}  // namespace windrow::duck
