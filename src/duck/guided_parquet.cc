#include "duck/guided_parquet.h"

#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_list.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/common/multi_file/multi_file_states.hpp>
#include <duckdb/common/string_util.hpp>
#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/function/cast/cast_function_set.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>
#include <duckdb/planner/expression/list.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/time.h"
#include "duck/impl.h"

// DuckDB asks the reader of a scan's files which of them it can do without, once it knows the
// conditions that stand above the scan. Its own reader answers from values in the paths; ours also
// asks the guide.
//
// What a scan knows of a file's columns is what the file's reader says: types, casts and conditions
// follow from that. So where a file has a TIMESTAMP that is a moment, its reader is made to say so,
// and to give the values under the other type; both are microseconds since 1970.

namespace windrow::duck {
namespace {

constexpr const char* kGuide = "guide";
constexpr const char* kMoments = "moments";
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

/// `type` with those of its TIMESTAMPs as moments that `wanted` has as such.
duckdb::LogicalType with_moments(const duckdb::LogicalType& type,
                                 const duckdb::LogicalType& wanted) {
  using duckdb::LogicalType;
  using duckdb::LogicalTypeId;
  if (type.id() == LogicalTypeId::TIMESTAMP && wanted.id() == LogicalTypeId::TIMESTAMP_TZ)
    return LogicalType::TIMESTAMP_TZ;
  if (type.id() != wanted.id()) return type;
  if (type.id() == LogicalTypeId::LIST) {
    return LogicalType::LIST(
        with_moments(duckdb::ListType::GetChildType(type), duckdb::ListType::GetChildType(wanted)));
  }
  if (type.id() == LogicalTypeId::MAP) {
    return LogicalType::MAP(
        with_moments(duckdb::MapType::KeyType(type), duckdb::MapType::KeyType(wanted)),
        with_moments(duckdb::MapType::ValueType(type), duckdb::MapType::ValueType(wanted)));
  }
  if (type.id() == LogicalTypeId::STRUCT) {
    auto fields = duckdb::StructType::GetChildTypes(type);
    for (auto& [name, field] : fields) {
      for (const auto& [other, moment] : duckdb::StructType::GetChildTypes(wanted)) {
        if (duckdb::StringUtil::CIEquals(name, other)) field = with_moments(field, moment);
      }
    }
    return LogicalType::STRUCT(std::move(fields));
  }
  return type;
}

/// The same for a column of a file, which tells the types of what is in it once more.
void make_moments(duckdb::MultiFileColumnDefinition& column, const duckdb::LogicalType& type) {
  using duckdb::LogicalTypeId;
  if (column.type == type) return;
  column.type = type;
  const auto child = [&](const duckdb::string& name) -> duckdb::MultiFileColumnDefinition* {
    for (auto& each : column.children)
      if (each.name == name) return &each;
    return nullptr;
  };
  if (type.id() == LogicalTypeId::STRUCT) {
    for (const auto& [name, field] : duckdb::StructType::GetChildTypes(type))
      if (auto* each = child(name)) make_moments(*each, field);
  } else if (type.id() == LogicalTypeId::LIST && column.children.size() == 1) {
    make_moments(column.children[0], duckdb::ListType::GetChildType(type));
  } else if (type.id() == LogicalTypeId::MAP) {
    if (column.children.size() == 1) {
      make_moments(column.children[0], duckdb::ListType::GetChildType(type));
    } else {
      if (auto* key = child("key")) make_moments(*key, duckdb::MapType::KeyType(type));
      if (auto* value = child("value")) make_moments(*value, duckdb::MapType::ValueType(type));
    }
  }
}

std::vector<std::string> paths_of(const duckdb::MultiFileList& files) {
  std::vector<std::string> out;
  for (const auto& file : files.GetAllFiles()) out.push_back(file.path);
  return out;
}

class GuidedReader : public duckdb::MultiFileReader {
 public:
  using Reader = duckdb::shared_ptr<duckdb::BaseFileReader>;

  explicit GuidedReader(duckdb::shared_ptr<Guides> guides) : guides_(std::move(guides)) {}

  static duckdb::unique_ptr<duckdb::MultiFileReader> make(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<GuidedReader>(
        duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, Guides>(function.function_info));
  }

  bool ParseOption(const duckdb::string& name, const duckdb::Value& value,
                   duckdb::MultiFileOptions& options, duckdb::ClientContext& context) override {
    if (name == kMoments) {
      moments_ = duckdb::TransformStringToLogicalType(value.ToString(), context);
      return true;
    }
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

  Reader CreateReader(duckdb::ClientContext& context, duckdb::GlobalTableFunctionState& state,
                      duckdb::BaseUnionData& data,
                      const duckdb::MultiFileBindData& bind_data) override {
    return with_moments_in(MultiFileReader::CreateReader(context, state, data, bind_data));
  }
  Reader CreateReader(duckdb::ClientContext& context, duckdb::GlobalTableFunctionState& state,
                      const duckdb::OpenFileInfo& file, duckdb::idx_t index,
                      const duckdb::MultiFileBindData& bind_data) override {
    return with_moments_in(MultiFileReader::CreateReader(context, state, file, index, bind_data));
  }
  Reader CreateReader(duckdb::ClientContext& context, const duckdb::OpenFileInfo& file,
                      duckdb::BaseFileReaderOptions& options,
                      const duckdb::MultiFileOptions& file_options,
                      duckdb::MultiFileReaderInterface& interface) override {
    return with_moments_in(
        MultiFileReader::CreateReader(context, file, options, file_options, interface));
  }

  duckdb::ReaderInitializeType InitializeReader(
      duckdb::MultiFileReaderData& data, const duckdb::MultiFileBindData& bind_data,
      const duckdb::vector<duckdb::MultiFileColumnDefinition>& columns,
      const duckdb::vector<duckdb::ColumnIndex>& ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::ClientContext& context,
      duckdb::MultiFileGlobalState& state) override {
    const auto done =
        MultiFileReader::InitializeReader(data, bind_data, columns, ids, filters, context, state);
    if (data.reader) give_moments(context, *data.reader);
    return done;
  }

 private:
  /// Columns of a file that were made moments: their numbers, and the types that the file has.
  struct Made {
    duckdb::weak_ptr<duckdb::BaseFileReader> reader;
    std::map<duckdb::idx_t, duckdb::LogicalType> in_file;
  };

  Reader with_moments_in(Reader reader) {
    if (moments_.id() != duckdb::LogicalTypeId::STRUCT) return reader;
    Made made{reader, {}};
    for (duckdb::idx_t i = 0; i < reader->columns.size(); ++i) {
      auto& column = reader->columns[i];
      for (const auto& [name, moment] : duckdb::StructType::GetChildTypes(moments_)) {
        if (!duckdb::StringUtil::CIEquals(column.name, name)) continue;
        const auto type = with_moments(column.type, moment);
        if (type == column.type) continue;
        made.in_file.emplace(i, column.type);
        make_moments(column, type);
      }
    }
    if (made.in_file.empty()) return reader;
    std::lock_guard lock(made_mutex_);
    made_[reader.get()] = std::move(made);
    return reader;
  }

  /// The columns that are read are given as what they were made.
  void give_moments(duckdb::ClientContext& context, duckdb::BaseFileReader& reader) {
    std::map<duckdb::idx_t, duckdb::LogicalType> in_file;
    {
      std::lock_guard lock(made_mutex_);
      const auto made = made_.find(&reader);
      // A reader that is gone may have lain at the same place.
      if (made == made_.end() || made->second.reader.lock().get() != &reader) return;
      in_file = made->second.in_file;
    }
    for (duckdb::idx_t i = 0; i < reader.column_ids.size(); ++i) {
      const duckdb::idx_t id = reader.column_ids[duckdb::MultiFileLocalIndex(i)].GetId();
      const auto was = in_file.find(id);
      if (was == in_file.end()) continue;
      auto& given = reader.expression_map[id];
      if (!given) given = reference(reader.columns[id].type);
      replace_reference(given, [&](const duckdb::LogicalType& type) {
        return moment_of(context, was->second, type);
      });
    }
  }

  using Expression = duckdb::unique_ptr<duckdb::Expression>;

  static void replace_reference(Expression& in,
                                const std::function<Expression(const duckdb::LogicalType&)>& by) {
    if (in->GetExpressionClass() == duckdb::ExpressionClass::BOUND_REF) {
      in = by(in->return_type);
    } else {
      duckdb::ExpressionIterator::EnumerateChildren(
          *in, [&](Expression& child) { replace_reference(child, by); });
    }
  }

  static Expression reference(const duckdb::LogicalType& type) {
    return duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, duckdb::idx_t(0));
  }

  /// A cast as DuckDB makes them, but for one thing: it leaves the microseconds as they are.
  static Expression moment_of(duckdb::ClientContext& context, const duckdb::LogicalType& type,
                              const duckdb::LogicalType& moment) {
    duckdb::CastFunctionSet casts(duckdb::DBConfig::GetConfig(context));
    casts.RegisterCastFunction(duckdb::LogicalType::TIMESTAMP, duckdb::LogicalType::TIMESTAMP_TZ,
                               duckdb::BoundCastInfo(duckdb::DefaultCasts::ReinterpretCast));
    duckdb::GetCastFunctionInput input(context);
    return duckdb::make_uniq<duckdb::BoundCastExpression>(
        reference(type), moment, casts.GetCastFunction(type, moment, input));
  }

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
  duckdb::LogicalType moments_;
  std::mutex made_mutex_;
  std::unordered_map<const duckdb::BaseFileReader*, Made> made_;
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
      function.named_parameters[kMoments] = duckdb::LogicalType::VARCHAR;
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
