#pragma once

#include "columns/function.h"
#include "columns/operator.h"

/// The operators that windrow brings with it; docs/operators.md says what each does.
namespace windrow::operators {

/// `sentiment_score` (−1 to 1), `sentiment_label` and shares of words of each row's text, by VADER.
const columns::Operator& sentiment();

/// `session_id` and `session_start` of each row: a session is the rows of one key with no more than
/// a gap between one and the next.
const columns::Operator& sessions();

/// A row for each node of a network whose edges are the rows: degree, strength, component,
/// community, core and PageRank. The edges are held in memory.
const columns::Operator& network();

/// Stage and expected credit loss of each exposure, by IFRS 9.
const columns::Operator& expected_loss();

/// How likely each row is to go bad, by a scorecard that is learnt from those of which it is known;
/// or that card. The rows are held in memory.
const columns::Operator& scorecard();

/// What a book of positions may lose, by its history or by simulation: value at risk and expected
/// shortfall of all of it and of its parts, with the share of each. Prices are held in memory.
const columns::Operator& value_at_risk();

/// What a book of positions gains or loses in given scenarios.
const columns::Operator& stress_test();

/// Whether values at risk were exceeded as often as they should be, and by accident.
const columns::Operator& var_backtest();

/// A row for each customer of purchases: recency, frequency, monetary value, scores of each,
/// segment.
const columns::Operator& rfm();

/// A row for each cohort of customers and period since: how many were active.
const columns::Operator& retention();

/// A row for each customer of purchases: how likely alive, purchases expected, lifetime value.
const columns::Operator& lifetime_value();

/// `cluster`, `distance` and `silhouette` of each row, by k-means. All rows are held in memory.
const columns::Operator& clusters();

/// A row for each rule "who buys this buys that" over baskets.
const columns::Operator& association_rules();

/// Items for each user, or for each item, the best first.
const columns::Operator& recommend();

/// A row for each duration: the share that lasts longer, after Kaplan and Meier.
const columns::Operator& survival();

/// What SELECTs may call beside DuckDB's own functions: `sentiment_score(text)`,
/// `sentiment_label(text)`, as the operator's columns.
const columns::TextFunctions& functions();

}  // namespace windrow::operators
