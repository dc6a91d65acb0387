#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "operators/beside.h"
#include "operators/customers/k_means.h"
#include "operators/operators.h"
#include "operators/values.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kClusters = "clusters";
constexpr double kValueMost = 1e100;  // whose square is far from overflowing
constexpr int64_t kMost = 100'000;    // of clusters, of restarts

/// Numbers with blanks or commas between them; nothing where there is anything else.
std::optional<std::vector<double>> numbers_in(const std::string& text) {
  std::vector<double> out;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    while (at < end && (*at == ' ' || *at == ',')) ++at;
    if (at == end) return out;
    double value = 0;
    const auto [behind, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !(std::fabs(value) <= kValueMost)) return {};
    out.push_back(value);
    at = behind;
  }
}

/// What a coordinate is moved and divided by.
struct Scale {
  double middle = 0, unit = 1;
};

Scale standard_scale(const double* values, size_t count) {
  Scale out;
  for (size_t i = 0; i < count; ++i) out.middle += (values[i] - out.middle) / double(i + 1);
  double squares = 0;
  for (size_t i = 0; i < count; ++i)
    squares += (values[i] - out.middle) * (values[i] - out.middle) / double(count);
  const double deviation = std::sqrt(squares);
  // What is constant but for rounding tells nothing apart.
  if (deviation > 1e-14 * std::fabs(out.middle)) out.unit = deviation;
  return out;
}

class ClustersReader final : public columns::BatchReader {
 public:
  ClustersReader(std::unique_ptr<columns::BatchReader> input, const Schema& output,
                 const Settings& settings)
      : input_(std::move(input)),
        added_(std::make_shared<const columns::Layout>(
            Schema{{output.fields.end() - 3, output.fields.end()}})),
        layout_(columns::Layout::joined(*input_->layout(), *added_)),
        settings_(settings) {
    const auto& schema = input_->layout()->schema();
    for (const auto& name : settings.texts("columns"))
      columns_.push_back(size_t(schema.find(name) - schema.fields.data()));
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<Batch> next() override {
    if (!found_) find();
    if (next_ >= batches_.size()) return {};
    const Batch batch = std::move(batches_[next_++]);
    BatchBuilder builder(added_);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (!complete(batch, row)) {
        for (size_t i = 0; i < 3; ++i) builder.null(i);
        continue;
      }
      builder.integer(0, number_[size_t(clustering_.cluster[point_])] + 1);
      builder.real(1, std::sqrt(clustering_.squared[point_]));
      builder.real(2, silhouettes_[point_]);
      ++point_;
    }
    return batch.beside(builder.finish(), layout_);
  }

 private:
  bool complete(const Batch& batch, int64_t row) const {
    return std::none_of(columns_.begin(), columns_.end(),
                        [&](size_t i) { return batch.column(i).null(row); });
  }

  void find() {
    found_ = true;
    auto points = read();
    std::vector<Scale> scales(points.width);
    for (size_t f = 0; f < points.width && settings_.text("scale") == "standard"; ++f)
      scales[f] = standard_scale(points.coordinate(f), points.count);
    for (size_t f = 0; f < points.width; ++f)
      for (size_t i = 0; i < points.count; ++i) {
        double& value = points.coordinate(f)[i];
        value = (value - scales[f].middle) / scales[f].unit;
      }
    KMeansOptions options;
    options.k = size_t(integer_of(settings_, "k"));
    options.iterations = integer_of(settings_, "iterations");
    options.restarts = integer_of(settings_, "restarts");
    options.seed = uint64_t(integer_of(settings_, "seed"));
    options.batch = size_t(integer_of(settings_, "batch"));
    for (const auto& text : settings_.texts("start")) {
      const auto centre = *numbers_in(text);
      for (size_t f = 0; f < points.width; ++f)
        options.start.push_back((centre[f] - scales[f].middle) / scales[f].unit);
    }
    const auto stop = [&] { heed(); };
    clustering_ = k_means(points, options, stop);
    silhouettes_ =
        silhouettes(points, clustering_.cluster, size_t(integer_of(settings_, "silhouette_rows")),
                    options.seed, stop);
    count(options);
  }

  /// Clusters that are found are numbered by size, those that begin with a given centre as given.
  void count(const KMeansOptions& options) {
    const size_t k = points_ == 0 ? 0 : clustering_.centres.size() / columns_.size();
    number_.resize(k);
    std::vector<int64_t> sizes(k, 0), order(k);
    for (const auto each : clustering_.cluster) ++sizes[size_t(each)];
    std::iota(order.begin(), order.end(), 0);
    if (options.start.empty()) {
      // Of equal ones the first is that with the first point.
      std::vector<size_t> first(k, 0);
      for (size_t i = clustering_.cluster.size(); i-- > 0;)
        first[size_t(clustering_.cluster[i])] = i;
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return std::pair(-sizes[size_t(a)], first[size_t(a)]) <
               std::pair(-sizes[size_t(b)], first[size_t(b)]);
      });
    }
    for (size_t i = 0; i < k; ++i) number_[size_t(order[i])] = int64_t(i);
  }

  Points read() {
    std::vector<std::vector<double>> values(columns_.size());
    while (auto batch = input_->next()) {
      for (int64_t row = 0; row < batch->rows(); ++row) {
        if (!complete(*batch, row)) continue;
        for (size_t f = 0; f < columns_.size(); ++f) values[f].push_back(value_of(*batch, row, f));
      }
      batches_.push_back(std::move(*batch));
    }
    points_ = values[0].size();
    Points out{points_, columns_.size(), {}};
    out.values.reserve(points_ * columns_.size());
    for (auto& each : values) {
      out.values.insert(out.values.end(), each.begin(), each.end());
      each = {};
    }
    return out;
  }

  double value_of(const Batch& batch, int64_t row, size_t f) const {
    const double out = NumberColumn(batch, columns_[f]).at(row);
    if (std::fabs(out) <= kValueMost) return out;
    throw Error(Code::data,
                "the column \"" + batch.schema().fields[columns_[f]].name +
                    "\" of operator \"clusters\"" +
                    (std::isfinite(out) ? " is beyond 1e100" : std::string(not_finite(out))) +
                    where(batch, row),
                "leave such rows out by WHERE, or make the value NULL", settings_.place("columns"));
  }

  /// By what a person finds the row again: the first column that names something.
  std::string where(const Batch& batch, int64_t row) const {
    for (size_t i = 0; i < batch.schema().fields.size(); ++i) {
      const auto& field = batch.schema().fields[i];
      if (!is_name(field.type) || batch.column(i).null(row) ||
          std::find(columns_.begin(), columns_.end(), i) != columns_.end())
        continue;
      Names names(field.type);
      return " where \"" + field.name + "\" is " + names.quoted(names.number(batch.column(i), row));
    }
    return " in some row";
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> added_, layout_;
  Settings settings_;
  std::vector<size_t> columns_;
  bool found_ = false;
  std::vector<Batch> batches_;
  size_t points_ = 0;
  Clustering clustering_;
  std::vector<double> silhouettes_;
  std::vector<int64_t> number_;  // of each cluster, from 0 on
  size_t next_ = 0, point_ = 0;
};

class Clusters final : public columns::Operator {
 public:
  std::string name() const override { return kClusters; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {
        {"columns", P::Kind::texts, "", true, "The columns of numbers that rows are compared by."},
        {"k", P::Kind::integer, "", true, "From 1 to 100000: how many clusters there are to be."},
        {"scale", P::Kind::text, "standard", false,
         "`standard`: columns count in units of their standard deviation; `none`: as they are."},
        {"start", P::Kind::texts, "", false,
         "`k` centres to begin with, each a text such as \"2.5 10\"; without them k-means++."},
        {"iterations", P::Kind::integer, "300", false,
         "0 or more: how often, at most, centres are moved."},
        {"restarts", P::Kind::integer, "5", false,
         "From 1 to 100000: how often it begins anew; the best counts."},
        {"batch", P::Kind::integer, "0", false,
         "0, or how many random rows each move of the centres looks at: mini-batch k-means."},
        {"silhouette_rows", P::Kind::integer, "1000", false,
         "2 or more: with how many rows, about, each is compared for `silhouette`."},
        {"seed", P::Kind::integer, "1", false, "0 or more; another one may find other clusters."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    for (const auto& column : settings.texts("columns")) {
      const auto* field = columns.named("columns", column);
      if (field && !is_number(field->type)) columns.wrong("columns", *field, "it must be a number");
    }
    const auto within = [&](const char* parameter, int64_t least, int64_t most, const char* hint) {
      const int64_t value = integer_of(settings, parameter);
      if (value < least || value > most) columns.problem(parameter, hint);
    };
    constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
    within("k", 1, kMost, "it is from 1 to 100000");
    within("iterations", 0, kAny, "it is 0 or more");
    within("restarts", 1, kMost, "it is from 1 to 100000");
    within("batch", 0, 1'000'000'000, "it is from 0 to 1000000000");
    within("silhouette_rows", 2, kAny, "it is 2 or more");
    within("seed", 0, kAny, "it is 0 or more");
    const auto& scale = settings.text("scale");
    if (scale != "standard" && scale != "none") columns.problem("scale", "it is standard or none");
    check_start(columns, settings);
    const Type real{Type::Kind::double_};
    return columns.with(
        {{"cluster", Type{Type::Kind::long_}}, {"distance", real}, {"silhouette", real}});
  }

  /// By the columns alone: rows that are equal in them are equal in what comes out.
  std::vector<std::string> order(const Settings& settings) const override {
    return settings.texts("columns");
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    const auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<ClustersReader>(std::move(input), schema, settings);
  }

 private:
  static void check_start(InputColumns& columns, const Settings& settings) {
    const auto start = settings.texts("start");
    if (start.empty()) return;
    const size_t width = settings.texts("columns").size();
    const bool good = std::all_of(start.begin(), start.end(), [&](const std::string& text) {
      const auto centre = numbers_in(text);
      return centre && centre->size() == width;
    });
    if (!good || int64_t(start.size()) != integer_of(settings, "k"))
      columns.problem("start", "it is `k` texts, each with a number for each of `columns`");
  }
};

}  // namespace

const columns::Operator& clusters() {
  static const Clusters operator_;
  return operator_;
}

}  // namespace windrow::operators
