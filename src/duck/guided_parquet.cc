#include "duck/guided_parquet.h"

#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_list.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>
#include <duckdb/planner/expression/list.hpp>

#include "base/time.h"
#include "duck/impl.h"

// DuckDB asks the reader of a scan's files which of them it can do without, once it knows the
// conditions that stand above the scan. Its own reader answers from values in the paths; ours also
// asks the guide.

namespace windrow::duck {
namespace {

constexpr const char* kGuide = "guide";
constexpr const char* kStateName = "windrow_files_read";

using Load = std::function<std::shared_ptr<const FileGuide>(std::string_view key)>;

struct Guides : duckdb::TableFunctionInfo {
  explicit Guides(Load l) : load(std::move(l)) {}
  Load load;
};

/// What the scans of a connection's statements chose, while somebody wants to know.
struct Choices : duckdb::ClientContextState {
  bool wanted = false;
  std::vector<std::shared_ptr<FilesRead>> scans;
};

/// The text of a constant in the way of statistics; nothing where its type has no order that
/// statistics are sure of: maxima of fractions leave out NaN, which is greater than all.
std::optional<std::string> text_of_bound(const duckdb::Value& value) {
  if (value.IsNull()) return {};
  switch (value.type().id()) {
    case duckdb::LogicalTypeId::TINYINT:
    case duckdb::LogicalTypeId::SMALLINT:
    case duckdb::LogicalTypeId::INTEGER:
    case duckdb::LogicalTypeId::BIGINT:
    case duckdb::LogicalTypeId::DECIMAL:
    case duckdb::LogicalTypeId::VARCHAR:
    case duckdb::LogicalTypeId::DATE:
    case duckdb::LogicalTypeId::TIMESTAMP: return value.ToString();
    case duckdb::LogicalTypeId::TIMESTAMP_TZ: {
      const auto micros = duckdb::TimestampTZValue::Get(value);
      if (!duckdb::Timestamp::IsFinite(micros)) return {};
      return iso(time_from_micros(micros.value));
    }
    default: return {};
  }
}

class Conditions {
 public:
  Conditions(duckdb::ClientContext& context, const duckdb::MultiFilePushdownInfo& info)
      : context_(context), info_(info) {}

  /// What is not understood is left out: all filters hold at once, so fewer of them ask for more.
  void add(const duckdb::Expression& filter) {
    using duckdb::ExpressionType;
    switch (filter.GetExpressionClass()) {
      case duckdb::ExpressionClass::BOUND_COMPARISON: {
        const auto& c = filter.Cast<duckdb::BoundComparisonExpression>();
        if (const auto name = column_of(*c.left)) {
          compare(*name, c.GetExpressionType(), *c.right);
        } else if (const auto other = column_of(*c.right)) {
          compare(*other, duckdb::FlipComparisonExpression(c.GetExpressionType()), *c.left);
        }
        return;
      }
      case duckdb::ExpressionClass::BOUND_BETWEEN: {
        const auto& b = filter.Cast<duckdb::BoundBetweenExpression>();
        if (const auto name = column_of(*b.input)) {
          compare(*name, ExpressionType::COMPARE_GREATERTHANOREQUALTO, *b.lower);
          compare(*name,
                  b.upper_inclusive ? ExpressionType::COMPARE_LESSTHANOREQUALTO
                                    : ExpressionType::COMPARE_LESSTHAN,
                  *b.upper);
        }
        return;
      }
      case duckdb::ExpressionClass::BOUND_CONJUNCTION:
        if (filter.GetExpressionType() == ExpressionType::CONJUNCTION_AND) {
          for (const auto& child : filter.Cast<duckdb::BoundConjunctionExpression>().children)
            add(*child);
        }
        return;
      case duckdb::ExpressionClass::BOUND_OPERATOR:
        add_operator(filter.Cast<duckdb::BoundOperatorExpression>());
        return;
      default: return;
    }
  }

  std::vector<ScanCondition> take() { return std::move(found_); }

 private:
  void add_operator(const duckdb::BoundOperatorExpression& filter) {
    const auto name = column_of(*filter.children[0]);
    if (!name) return;
    if (filter.GetExpressionType() == duckdb::ExpressionType::OPERATOR_IS_NULL) {
      found_.push_back({*name, {}, {}, false, true});
    } else if (filter.GetExpressionType() == duckdb::ExpressionType::COMPARE_IN) {
      // From the least to the greatest of the list.
      std::optional<duckdb::Value> least, greatest;
      for (size_t i = 1; i < filter.children.size(); ++i) {
        auto value = constant(*filter.children[i]);
        if (!value) return;
        if (value->IsNull()) continue;
        if (!least || *value < *least) least = value;
        if (!greatest || *greatest < *value) greatest = value;
      }
      if (!least) return;
      auto from = text_of_bound(*least), to = text_of_bound(*greatest);
      if (from && to) found_.push_back({*name, std::move(from), std::move(to), false, false});
    }
  }

  std::optional<std::string> column_of(const duckdb::Expression& expression) const {
    if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return {};
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    if (binding.table_index != info_.table_index || binding.column_index >= info_.column_ids.size())
      return {};
    const auto id = info_.column_ids[binding.column_index];
    if (id >= info_.column_names.size()) return {};  // file name, row number
    return info_.column_names[id];
  }

  std::optional<duckdb::Value> constant(const duckdb::Expression& expression) const {
    duckdb::Value value;
    if (!expression.IsFoldable() ||
        !duckdb::ExpressionExecutor::TryEvaluateScalar(context_, expression, value))
      return {};
    return value;
  }

  void compare(const std::string& column, duckdb::ExpressionType type,
               const duckdb::Expression& right) {
    const auto value = constant(right);
    if (!value) return;
    const auto bound = text_of_bound(*value);
    if (!bound) return;
    using duckdb::ExpressionType;
    switch (type) {
      case ExpressionType::COMPARE_EQUAL:
        found_.push_back({column, bound, bound, false, false});
        return;
      case ExpressionType::COMPARE_LESSTHAN:
        found_.push_back({column, {}, bound, true, false});
        return;
      case ExpressionType::COMPARE_LESSTHANOREQUALTO:
        found_.push_back({column, {}, bound, false, false});
        return;
      case ExpressionType::COMPARE_GREATERTHAN:
      case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
        found_.push_back({column, bound, {}, false, false});
        return;
      default: return;
    }
  }

  duckdb::ClientContext& context_;
  const duckdb::MultiFilePushdownInfo& info_;
  std::vector<ScanCondition> found_;
};

std::vector<std::string> paths_of(const duckdb::MultiFileList& files) {
  std::vector<std::string> out;
  for (const auto& file : files.GetAllFiles()) out.push_back(file.path);
  return out;
}

class GuidedReader : public duckdb::MultiFileReader {
 public:
  explicit GuidedReader(duckdb::shared_ptr<Guides> guides) : guides_(std::move(guides)) {}

  static duckdb::unique_ptr<duckdb::MultiFileReader> make(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<GuidedReader>(
        duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, Guides>(function.function_info));
  }

  bool ParseOption(const duckdb::string& name, const duckdb::Value& value,
                   duckdb::MultiFileOptions& options, duckdb::ClientContext& context) override {
    if (name != kGuide) return MultiFileReader::ParseOption(name, value, options, context);
    key_ = value.ToString();
    const auto choices = context.registered_state->Get<Choices>(kStateName);
    if (choices && choices->wanted) {
      choice_ = std::make_shared<FilesRead>();
      choice_->key = key_;
      choices->scans.push_back(choice_);
    }
    return true;
  }

  bool Bind(duckdb::MultiFileOptions& options, duckdb::MultiFileList& files,
            duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<duckdb::string>& names,
            duckdb::MultiFileReaderBindData& bind_data) override {
    if (choice_) choice_->read = choice_->there = paths_of(files);
    return MultiFileReader::Bind(options, files, types, names, bind_data);
  }

  duckdb::unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
      duckdb::ClientContext& context, duckdb::MultiFileList& files,
      const duckdb::MultiFileOptions& options, duckdb::MultiFilePushdownInfo& info,
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) override {
    Conditions conditions(context, info);
    for (const auto& filter : filters) conditions.add(*filter);
    auto kept = MultiFileReader::ComplexFilterPushdown(context, files, options, info, filters);
    if (auto fewer = guided(kept ? *kept : files, conditions.take())) kept = std::move(fewer);
    if (choice_ && kept) choice_->read = paths_of(*kept);
    return kept;
  }

 private:
  duckdb::unique_ptr<duckdb::MultiFileList> guided(const duckdb::MultiFileList& files,
                                                   const std::vector<ScanCondition>& conditions) {
    if (conditions.empty() || key_.empty()) return {};
    std::shared_ptr<const FileGuide> guide;
    try {
      guide = guides_->load(key_);
    } catch (const Error& error) {
      throw duckdb::IOException("%s", error.problem().message);
    }
    if (!guide) return {};
    auto all = files.GetAllFiles();
    const auto paths = paths_of(files);
    const auto may = guide->may_hold(paths, conditions);
    duckdb::vector<duckdb::OpenFileInfo> kept;
    for (size_t i = 0; i < all.size(); ++i) {
      if (may[i]) kept.push_back(std::move(all[i]));
    }
    if (kept.size() == paths.size()) return {};
    return duckdb::make_uniq<duckdb::SimpleMultiFileList>(std::move(kept));
  }

  duckdb::shared_ptr<Guides> guides_;
  std::string key_;
  std::shared_ptr<FilesRead> choice_;
};

}  // namespace

void add_guided_parquet(Database& database, Load load) {
  guarded([&] {
    auto& instance = *database.impl().database.instance;
    auto& catalog = duckdb::Catalog::GetSystemCatalog(instance);
    const auto transaction = duckdb::CatalogTransaction::GetSystemTransaction(instance);
    auto& schema = catalog.GetSchema(transaction, DEFAULT_SCHEMA);
    auto entry =
        schema.GetEntry(transaction, duckdb::CatalogType::TABLE_FUNCTION_ENTRY, "read_parquet");
    if (!entry) throw Error(Code::internal, "DuckDB has no read_parquet");
    auto functions = entry->Cast<duckdb::TableFunctionCatalogEntry>().functions;
    functions.name = kGuidedParquet;
    const auto guides = duckdb::make_shared_ptr<Guides>(std::move(load));
    for (auto& function : functions.functions) {
      function.name = kGuidedParquet;
      function.function_info = guides;
      function.get_multi_file_reader = GuidedReader::make;
      function.named_parameters[kGuide] = duckdb::LogicalType::VARCHAR;
    }
    duckdb::CreateTableFunctionInfo info(std::move(functions));
    info.on_conflict = duckdb::OnCreateConflict::REPLACE_ON_CONFLICT;
    catalog.CreateTableFunction(transaction, info);
  });
}

std::vector<FilesRead> files_read(Connection& connection, std::string_view select,
                                  const Parameters& parameters) {
  auto& context = *connection.impl().connection.context;
  const auto choices = context.registered_state->GetOrCreate<Choices>(kStateName);
  choices->scans.clear();
  choices->wanted = true;
  const auto done = [&] {
    choices->wanted = false;
    return std::move(choices->scans);
  };
  try {
    connection.query("EXPLAIN " + std::string(select), parameters);
  } catch (...) {
    done();
    throw;
  }
  std::vector<FilesRead> out;
  for (const auto& scan : done()) out.push_back(*scan);
  return out;
}

}  // namespace windrow::duck
