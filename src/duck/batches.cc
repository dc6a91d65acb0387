#include "duck/batches.h"

#include <duckdb/common/arrow/arrow_converter.hpp>
#include <duckdb/common/arrow/arrow_type_extension.hpp>
#include <duckdb/function/table/arrow.hpp>

#include "duck/keyed.h"
#include "duck/metering_state.h"

namespace windrow::duck {
namespace {

class ResultReader final : public columns::BatchReader {
 public:
  ResultReader(std::unique_ptr<Connection> connection, const std::string& select,
               const Parameters& parameters, Cancel::Registration stop)
      : connection_(std::move(connection)), stop_(std::move(stop)), select_(select) {
    // A chunk of long texts goes beyond what 32 bits reach.
    connection_->execute("SET arrow_large_buffer_size = true");
    auto& impl = connection_->impl();
    impl.guarded_by_stop(
        [&] {
          result_ = impl.run(select, parameters, true);
          auto& properties = result_->client_properties;
          ArrowSchema arrow{};
          duckdb::ArrowConverter::ToArrowSchema(&arrow, result_->types, result_->names, properties);
          layout_ = std::make_shared<const columns::Layout>(arrow);
          extensions_ = duckdb::ArrowTypeExtensionData::GetExtensionTypes(*impl.connection.context,
                                                                          result_->types);
        },
        select);
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<columns::Batch> next() override {
    return connection_->impl().guarded_by_stop(
        [&]() -> std::optional<columns::Batch> {
          auto& impl = connection_->impl();
          duckdb::unique_ptr<duckdb::DataChunk> chunk;
          duckdb::ErrorData error;
          impl.heed_stop();
          {
            const StatementTurn turn(*impl.connection.context);
            if (!result_->TryFetch(chunk, error)) {
              impl.heed_stop();  // DuckDB speaks of a closed result where it was interrupted before
              raise(error, select_);
            }
          }
          if (!chunk || chunk->size() == 0) return {};
          ArrowArray array{};
          duckdb::ArrowConverter::ToArrowArray(*chunk, &array, result_->client_properties,
                                               extensions_);
          return columns::Batch(layout_, array);
        },
        select_);
  }

  void heed() override {
    auto& impl = connection_->impl();
    impl.guarded_by_stop([&] { impl.heed_stop(); });
  }

 private:
  std::unique_ptr<Connection> connection_;
  Cancel::Registration stop_;
  std::string select_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  std::shared_ptr<const columns::Layout> layout_;
  duckdb::unordered_map<duckdb::idx_t, const duckdb::shared_ptr<duckdb::ArrowTypeExtensionData>>
      extensions_;
};

}  // namespace

std::unique_ptr<columns::BatchReader> read_batches(std::unique_ptr<Connection> connection,
                                                   const std::string& select,
                                                   const Parameters& parameters,
                                                   Cancel::Registration stop) {
  return std::make_unique<ResultReader>(std::move(connection), select, parameters, std::move(stop));
}

namespace {

constexpr const char* kFunction = "windrow_batches";

/// The reader as DuckDB's own scan of Arrow's arrays wants it.
struct Stream final : duckdb::ArrowArrayStreamWrapper {
  explicit Stream(columns::BatchReader& reader) : reader(reader) {}
  duckdb::shared_ptr<duckdb::ArrowArrayWrapper> GetNextChunk() override {
    auto out = duckdb::make_shared_ptr<duckdb::ArrowArrayWrapper>();
    carried([&] {
      if (auto batch = reader.next()) batch->share_with(out->arrow_array);
    });
    return out;
  }
  columns::BatchReader& reader;
};

duckdb::unique_ptr<duckdb::ArrowArrayStreamWrapper> produce(uintptr_t reader,
                                                            duckdb::ArrowStreamParameters&) {
  return duckdb::make_uniq<Stream>(*reinterpret_cast<columns::BatchReader*>(reader));
}

void tell_schema(ArrowArrayStream* reader, ArrowSchema& schema) {
  reinterpret_cast<columns::BatchReader*>(reader)->layout()->copy_to(schema);
}

duckdb::unique_ptr<duckdb::FunctionData> bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  auto* reader = &Keyed<columns::BatchReader>::named(input);
  const auto pointer = [](auto value) {
    return duckdb::Value::POINTER(reinterpret_cast<uintptr_t>(value));
  };
  duckdb::vector<duckdb::Value> inputs{pointer(reader), pointer(&produce), pointer(&tell_schema)};
  duckdb::TableFunctionBindInput as_arrow(inputs, input.named_parameters, input.input_table_types,
                                          input.input_table_names, input.info, input.binder,
                                          input.table_function, input.ref);
  return duckdb::ArrowTableFunction::ArrowScanBindDumb(context, as_arrow, types, names);
}

duckdb::TableFunction function() {
  return {kFunction,
          {duckdb::LogicalType::BIGINT},
          duckdb::ArrowTableFunction::ArrowScanFunction,
          bind,
          duckdb::ArrowTableFunction::ArrowScanInitGlobal,
          duckdb::ArrowTableFunction::ArrowScanInitLocal};
}

}  // namespace

ReaderTable::ReaderTable(Connection& connection, columns::BatchReader& reader) {
  guarded([&] {
    catalog_ = Keyed<columns::BatchReader>::of(connection, function());
    key_ = catalog_->add(reader);
  });
  sql_ = call_of(kFunction, key_);
}

ReaderTable::~ReaderTable() {
  if (catalog_) catalog_->remove(key_);
}

}  // namespace windrow::duck
