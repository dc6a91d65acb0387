#include "duck/chunks.h"

#include "duck/impl.h"

namespace windrow::duck {
namespace {

class FlatChunk final : public Chunk {
 public:
  explicit FlatChunk(duckdb::DataChunk& data) : data_(data) { data_.Flatten(); }
  size_t rows() const override { return data_.size(); }
  bool null(size_t column, size_t row) const override {
    return !duckdb::FlatVector::Validity(data_.data[column]).RowIsValid(row);
  }
  std::string_view text(size_t column, size_t row) const override {
    const auto& value = duckdb::FlatVector::GetData<duckdb::string_t>(data_.data[column])[row];
    return {value.GetData(), value.GetSize()};
  }
  int64_t integer(size_t column, size_t row) const override {
    return duckdb::FlatVector::GetData<int64_t>(data_.data[column])[row];
  }
  bool truth(size_t column, size_t row) const override {
    return duckdb::FlatVector::GetData<bool>(data_.data[column])[row];
  }

 private:
  duckdb::DataChunk& data_;
};

}  // namespace

void for_each_chunk(Connection& connection, const std::string& select,
                    const std::function<void(const Chunk&)>& visit) {
  connection.impl().guarded_by_stop(
      [&] {
        auto result = connection.impl().run(select, {}, true);
        while (auto chunk = result->Fetch()) {
          if (chunk->size() == 0) break;
          visit(FlatChunk(*chunk));
        }
      },
      select);
}

}  // namespace windrow::duck
