#include "duck/row_buffer.h"

#include <algorithm>
#include <atomic>

#include "duck/keyed.h"

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

namespace {

constexpr const char* kRowFunction = "windrow_row_buffer";

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

duckdb::unique_ptr<duckdb::FunctionData> bind_rows(duckdb::ClientContext&,
                                                   duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<duckdb::LogicalType>& types,
                                                   duckdb::vector<duckdb::string>& names) {
  const RowBuffer& rows = Keyed<const RowBuffer>::named(input);
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

duckdb::TableFunction row_function() {
  duckdb::TableFunction out(kRowFunction, {duckdb::LogicalType::BIGINT}, next, bind_rows, begin);
  out.projection_pushdown = true;
  out.cardinality = cardinality;
  return out;
}

}  // namespace

BufferTable::BufferTable(Connection& connection, const RowBuffer& rows) {
  guarded([&] {
    catalog_ = Keyed<const RowBuffer>::of(connection, row_function());
    key_ = catalog_->add(rows);
  });
  sql_ = call_of(kRowFunction, key_);
}

BufferTable::~BufferTable() {
  if (catalog_) catalog_->remove(key_);
}

}  // namespace windrow::duck
