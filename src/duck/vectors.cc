#include "duck/vectors.h"

#include "duck/metering_state.h"

namespace windrow::duck {
namespace {

static_assert(sizeof(duckdb::string_t) == 16);
static_assert(sizeof(IntervalValue) == sizeof(duckdb::interval_t));
static_assert(sizeof(ListEntry) == sizeof(duckdb::list_entry_t));

Physical physical_of(duckdb::PhysicalType type) {
  using duckdb::PhysicalType;
  switch (type) {
    case PhysicalType::BOOL: return Physical::boolean;
    case PhysicalType::INT8: return Physical::int8;
    case PhysicalType::INT16: return Physical::int16;
    case PhysicalType::INT32: return Physical::int32;
    case PhysicalType::INT64: return Physical::int64;
    case PhysicalType::INT128: return Physical::int128;
    case PhysicalType::UINT8: return Physical::uint8;
    case PhysicalType::UINT16: return Physical::uint16;
    case PhysicalType::UINT32: return Physical::uint32;
    case PhysicalType::UINT64: return Physical::uint64;
    case PhysicalType::UINT128: return Physical::uint128;
    case PhysicalType::FLOAT: return Physical::float32;
    case PhysicalType::DOUBLE: return Physical::float64;
    case PhysicalType::VARCHAR: return Physical::text;
    case PhysicalType::INTERVAL: return Physical::interval;
    case PhysicalType::LIST: return Physical::list;
    default: return Physical::other;
  }
}

Vector vector_of(duckdb::Vector& vector, size_t rows) {
  vector.Flatten(rows);
  Vector out;
  out.physical = physical_of(vector.GetType().InternalType());
  out.data = duckdb::FlatVector::GetData(vector);
  out.validity = duckdb::FlatVector::Validity(vector).GetData();
  if (out.physical == Physical::list) {
    out.child = std::make_unique<Vector>(
        vector_of(duckdb::ListVector::GetEntry(vector), duckdb::ListVector::GetListSize(vector)));
  }
  return out;
}

}  // namespace

void stream_vectors(Connection& connection, const std::string& select,
                    const std::function<bool(size_t rows, const std::vector<Vector>&)>& visit) {
  connection.impl().guarded_by_stop(
      [&] {
        auto result = connection.impl().run(select, {}, true);
        std::vector<Vector> vectors;
        while (true) {
          duckdb::unique_ptr<duckdb::DataChunk> chunk;
          duckdb::ErrorData error;
          {
            const StatementTurn turn(*connection.impl().connection.context);
            if (!result->TryFetch(chunk, error)) raise(error, select);
          }
          if (!chunk || chunk->size() == 0) break;
          vectors.clear();
          for (auto& column : chunk->data) vectors.push_back(vector_of(column, chunk->size()));
          if (!visit(chunk->size(), vectors)) break;
        }
      },
      select);
}

}  // namespace windrow::duck
