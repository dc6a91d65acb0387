#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "operators/network_graph.h"
#include "operators/rows_fixture.h"

namespace windrow::operators {
namespace {

using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = Type::Kind;

struct Link {
  std::optional<std::string> from, to;
  double weight = 1;
};
using Links = std::vector<Link>;

auto reader_of(Links links, size_t batch) {
  const Schema schema{
      {{"a", Type{Kind::string}}, {"b", Type{Kind::string}}, {"w", Type{Kind::double_}}}};
  const auto put = [](BatchBuilder& builder, const Link& link) {
    link.from ? builder.text(0, *link.from) : builder.null(0);
    link.to ? builder.text(1, *link.to) : builder.null(1);
    builder.real(2, link.weight);
  };
  return std::make_unique<RowsReader<Link>>(schema, std::move(links), batch, put);
}

Settings network_settings(std::map<std::string, std::string> more = {}) {
  std::map<std::string, columns::Setting> given{
      {"from", {{"a"}, {}}}, {"to", {{"b"}, {}}}, {"weight", {{"w"}, {}}}};
  for (const auto& [name, value] : more) given[name] = {{value}, {"m.sql", 2, 1}};
  return settings_for(network(), given);
}

/// `node degree strength component community core` of each node, in their order.
std::vector<std::string> measured(const Links& links, size_t batch = 3) {
  const auto reader = network().run(reader_of(links, batch), network_settings());
  std::vector<std::string> out;
  double ranks = 0;
  while (const auto found = reader->next()) {
    for (int64_t row = 0; row < found->rows(); ++row) {
      std::string line(found->column(0).text(row));
      line += " " + std::to_string(found->column(1).integer(row));
      line += " " + std::to_string(int64_t(found->column(2).real(row)));
      for (const size_t i : {3, 4, 5}) line += " " + std::to_string(found->column(i).integer(row));
      out.push_back(line);
      ranks += found->column(6).real(row);
    }
  }
  EXPECT_NEAR(ranks, out.empty() ? 0 : 1, 1e-12);
  return out;
}

TEST(NetworkOperator, MeasuresEachNodeHoweverRowsAreDealtOut) {
  // Two triangles that one edge joins, twice told; a pair; a node with nobody.
  const Links links{{"a", "b"}, {"a", "c"}, {"b", "c"},    {"c", "d"},    {"d", "e"},
                    {"d", "f"}, {"e", "f"}, {"f", "e", 2}, {"x", "y", 5}, {"z", "z", 9}};
  const std::vector<std::string> expected{"a 2 2 1 1 2", "b 2 2 1 1 2", "c 3 3 1 1 2",
                                          "d 3 3 1 2 2", "e 2 4 1 2 2", "f 2 4 1 2 2",
                                          "x 1 5 2 3 1", "y 1 5 2 3 1", "z 0 0 3 4 0"};
  for (const size_t batch : {1, 2, 5, 100}) EXPECT_EQ(measured(links, batch), expected);
}

TEST(NetworkOperator, TakesNoRowsLoopsAndNulls) {
  EXPECT_TRUE(measured({}).empty());
  EXPECT_TRUE(measured({{std::nullopt, "a"}, {"a", std::nullopt}}).empty());
  EXPECT_EQ(measured({{"", "", 1}}), (std::vector<std::string>{" 0 0 1 1 0"}));
  EXPECT_EQ(measured({{"a", "b", 0}}), (std::vector<std::string>{"a 0 0 1 1 0", "b 0 0 2 2 0"}));
}

TEST(NetworkOperator, RefusesWeightsThatAreNone) {
  for (const double weight : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    try {
      measured({{"a", "b", weight}});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::data);
    }
  }
}

TEST(NetworkOperator, RefusesWeightsThatAddUpToNothingOneCanCompare) {
  Links links;
  for (int i = 0; i < 30; ++i)
    links.push_back({std::to_string(i), std::to_string((i + 1) % 30), 1e308});
  EXPECT_THROW(measured(links), Error);
}

TEST(NetworkOperator, SaysWhatIsWrongAtOnce) {
  const Schema input{
      {{"a", Type{Kind::string}}, {"b", Type{Kind::long_}}, {"w", Type{Kind::date}}}};
  try {
    network().output(input,
                     network_settings({{"damping", "1"}, {"seed", "-1"}, {"resolution", "0"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 5u) << error.what();
  }
}

/// Cliques of so many nodes in a ring, each tied to the next by one edge.
NetworkGraph ring_of_cliques(int32_t cliques, int32_t size) {
  std::vector<Edge> edges;
  for (int32_t clique = 0; clique < cliques; ++clique) {
    for (int32_t i = 0; i < size; ++i)
      for (int32_t j = 0; j < i; ++j) edges.push_back({clique * size + i, clique * size + j, 1});
    edges.push_back({clique * size, (clique + 1) % cliques * size + 1, 1});
  }
  return graph_of(cliques * size, edges);
}

TEST(Leiden, FindsCliquesAndTheSameOnesForOneSeed) {
  const auto graph = ring_of_cliques(12, 6);
  const auto found = leiden(graph, 1, 7);
  EXPECT_EQ(found, leiden(graph, 1, 7));
  EXPECT_EQ(std::set<int32_t>(found.begin(), found.end()).size(), 12u);
  for (size_t node = 0; node < found.size(); ++node)
    EXPECT_EQ(found[node], found[node / 6 * 6]) << node;
  const auto coarse = leiden(graph, 0.01, 7);
  EXPECT_EQ(std::set<int32_t>(coarse.begin(), coarse.end()).size(), 1u);
}

TEST(Leiden, CommunitiesAreConnected) {
  // Random graphs, sparse enough to fall apart.
  uint64_t state = 1;
  const auto random = [&](uint64_t below) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return int32_t((state >> 33) % below);
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<Edge> edges;
    for (int i = 0; i < 220; ++i) edges.push_back({random(200), random(200), 1.0 + random(3)});
    const auto graph = graph_of(200, edges);
    const auto found = leiden(graph, 1, uint64_t(round));
    std::vector<Edge> inside;
    for (const auto& edge : edges)
      if (found[size_t(edge.a)] == found[size_t(edge.b)]) inside.push_back(edge);
    EXPECT_EQ(components(graph_of(200, inside)), found);
  }
}

TEST(CoreNumbers, OfACliqueWithATail) {
  const auto graph =
      graph_of(6, {{0, 1, 1}, {0, 2, 1}, {1, 2, 1}, {0, 3, 1}, {1, 3, 1}, {2, 3, 1}, {3, 4, 1}});
  EXPECT_EQ(core_numbers(graph), (std::vector<int32_t>{3, 3, 3, 3, 1, 0}));
}

}  // namespace
}  // namespace windrow::operators
