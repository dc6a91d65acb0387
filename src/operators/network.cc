#include <cmath>

#include "operators/beside.h"
#include "operators/network_graph.h"
#include "operators/operators.h"
#include "operators/values.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchReader;
using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = Type::Kind;

constexpr size_t kRowsOfBatch = 2048;
constexpr double kMostStrength = 1e100;  // whose square is far from overflowing

class NetworkReader final : public BatchReader {
 public:
  NetworkReader(std::unique_ptr<BatchReader> input, Schema output, const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        nodes_(layout_->schema().fields[0].type) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<Batch> next() override {
    if (input_) measure();
    if (next_ >= size_t(nodes_.count())) return {};
    columns::BatchBuilder builder(layout_);
    for (size_t i = 0; i < kRowsOfBatch && next_ < size_t(nodes_.count()); ++i, ++next_) {
      nodes_.write(builder, 0, int32_t(next_));
      builder.integer(1, degree_[next_]);
      builder.real(2, strength_[next_]);
      builder.integer(3, component_[next_] + 1);
      builder.integer(4, community_[next_] + 1);
      builder.integer(5, core_[next_]);
      builder.real(6, pagerank_[next_]);
    }
    return builder.finish();
  }

 private:
  void measure() {
    auto edges = read();
    const auto network = graph_of(nodes_.count(), std::move(edges));
    if (!(network.total < kMostStrength))
      throw Error(Code::data,
                  "the weights \"" + settings_.text("weight") +
                      "\" of operator \"network\" add up to more than 1e100",
                  "strengths are compared with one another: divide them",
                  settings_.place("weight"));
    degree_.assign(size_t(network.nodes()), 0);
    for (int32_t node = 0; node < network.nodes(); ++node)
      network.each(node, [&](int32_t, double) { ++degree_[size_t(node)]; });
    strength_ = network.strength;
    component_ = components(network);
    community_ =
        leiden(network, real_of(settings_, "resolution"), uint64_t(integer_of(settings_, "seed")));
    core_ = core_numbers(network);
    pagerank_ = pagerank(network, real_of(settings_, "damping"));
  }

  /// Rows with a NULL are no edges; a node's edge to itself is none either, but the node is there.
  std::vector<Edge> read() {
    const Schema& schema = input_->layout()->schema();
    const auto position = [&](const std::string& parameter) {
      return size_t(schema.find(settings_.text(parameter)) - schema.fields.data());
    };
    const size_t from = position("from"), to = position("to");
    std::optional<size_t> weight;
    if (settings_.has("weight")) weight = position("weight");
    std::vector<Edge> out;
    while (const auto batch = input_->next()) {
      const auto a = batch->column(from), b = batch->column(to);
      for (int64_t row = 0; row < batch->rows(); ++row) {
        if (a.null(row) || b.null(row)) continue;
        const auto strength = weight ? weight_of(*batch, *weight, row) : 1.0;
        if (!strength) continue;
        const Edge edge{nodes_.number(a, row), nodes_.number(b, row), *strength};
        if (edge.a != edge.b && edge.weight > 0) out.push_back(edge);
      }
    }
    input_.reset();
    return out;
  }

  std::optional<double> weight_of(const Batch& batch, size_t at, int64_t row) const {
    const NumberColumn column(batch, at);
    if (column.null(row)) return {};
    const double out = column.at(row);
    if (!(out >= 0) || std::isinf(out))
      throw Error(
          Code::data,
          "the weight \"" + batch.schema().fields[at].name + "\" of operator \"network\" is " +
              (std::isnan(out)   ? "NaN"
               : std::isinf(out) ? "infinite"
                                 : "below 0") +
              " in some row",
          "a strength is 0 or more: leave such rows out by WHERE", settings_.place("weight"));
    return out;
  }

  std::unique_ptr<BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Names nodes_;
  std::vector<int64_t> degree_;
  std::vector<double> strength_, pagerank_;
  std::vector<int32_t> component_, community_, core_;
  size_t next_ = 0;
};

class Network final : public columns::Operator {
 public:
  std::string name() const override { return "network"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {{"from", P::Kind::text, "", true, "The column with one end of each edge."},
            {"to", P::Kind::text, "", true, "The column with its other end, of the same type."},
            {"weight", P::Kind::text, "", false,
             "The column with an edge's strength, 0 or more; without it each counts 1."},
            {"resolution", P::Kind::real, "1", false,
             "Greater than 0; the greater, the smaller communities are."},
            {"damping", P::Kind::real, "0.85", false,
             "From 0 to less than 1: how likely PageRank's walker goes on."},
            {"seed", P::Kind::integer, "1", false,
             "0 or more; another one may find other communities."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* from = columns.named("from", settings.text("from"));
    const auto* to = columns.named("to", settings.text("to"));
    for (const auto& [parameter, field] : {std::pair("from", from), std::pair("to", to)})
      if (field && !is_name(field->type))
        columns.wrong(parameter, *field, "a node is a VARCHAR or a whole number");
    if (from && to && from->type.kind != to->type.kind)
      columns.wrong("to", *to, "it must be of the type of \"" + from->name + "\"");
    if (settings.has("weight")) {
      const auto* weight = columns.named("weight", settings.text("weight"));
      if (weight && !is_number(weight->type))
        columns.wrong("weight", *weight, "it must be a number");
    }
    const auto within = [&](const char* parameter, bool good, const char* hint) {
      if (!good) columns.problem(parameter, hint);
    };
    const double damping = real_of(settings, "damping");
    const double resolution = real_of(settings, "resolution");
    within("resolution", resolution > 0 && std::isfinite(resolution), "it is greater than 0");
    within("damping", damping >= 0 && damping < 1, "it is from 0 to less than 1");
    within("seed", integer_of(settings, "seed") >= 0, "it is 0 or more");
    columns.with({});  // raises what was found
    const Type whole{Kind::long_}, real{Kind::double_};
    return Schema{{{"node", from->type},
                   {"degree", whole},
                   {"strength", real},
                   {"component", whole},
                   {"community", whole},
                   {"core", whole},
                   {"pagerank", real}}};
  }

  /// Nodes are numbered, and weights added up, in the order of the rows.
  std::vector<std::string> order(const Settings& settings) const override {
    std::vector<std::string> out{settings.text("from"), settings.text("to")};
    if (settings.has("weight")) out.push_back(settings.text("weight"));
    return out;
  }

  std::unique_ptr<BatchReader> run(std::unique_ptr<BatchReader> input,
                                   const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<NetworkReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& network() {
  static const Network operator_;
  return operator_;
}

}  // namespace windrow::operators
