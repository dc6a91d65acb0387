#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/interval.h"
#include "lake/actions.h"

/// The record that Windrow leaves in each commitInfo, under the key `windrow`
/// (docs/lake-metadata.md, format 1).
///
/// One record answers, without reading any older one, what of this table is done and from what:
/// `complete` is the set of intervals that are up to date with respect to `inputs` and
/// `definition`. A planner that found other intervals stale leaves them out of `complete`, so they
/// stay stale until somebody has rebuilt them.
namespace windrow::lake {

inline constexpr int kProvenanceFormat = 1;
/// Kind of a source's commit that replaces all its rows by the same read anew: what a layer that is
/// append_only lets through.
inline constexpr const char* kReload = "reload";

/// A version of one input table, with the table's id: a table that was dropped and made again is
/// another one.
struct InputVersion {
  std::string table_id;
  int64_t version = -1;
  bool operator==(const InputVersion&) const = default;
};
using InputVersions = std::map<std::string, InputVersion>;  ///< by asset name, e.g. `silver.movies`

/// Which points in time the changed rows of a commit have in one of the table's columns: old values
/// and new. Rounded outwards to minutes; where that would be more than kTouchedMax intervals, to
/// hours, then days; absent where even days are too many.
struct Touched {
  std::map<std::string, IntervalSet> columns;
  bool operator==(const Touched&) const = default;
};
inline constexpr size_t kTouchedMax = 256;

struct Provenance {
  int format = kProvenanceFormat;
  std::string asset;  ///< `gold.trending`
  std::string kind;   ///< how it was built: table, interval, append, merge, scd2, source, reload,
                      ///< seed, maintenance
  std::string run;    ///< id of the run
  std::string definition;  ///< fingerprint of the meaning
  std::string
      text_hash;  ///< where the definition's text lies: `_windrow/definitions/<hash>` in the lake
  std::string dialect;           ///< what parsed the text, e.g. `duckdb 1.5.5`
  InputVersions inputs;          ///< what was read
  std::string sample;            ///< of the inputs' rows, `1%`; empty: all of them
  IntervalSet intervals;         ///< what this commit built; empty for whole tables
  IntervalSet complete;          ///< see above; empty for whole tables
  std::optional<Time> run_time;  ///< `$run_time` of the model, where it declares one
  Touched touched;
  std::optional<double> quality_score;  ///< share of valid rows, 0 to 1
  std::string state;  ///< of sources: how far they have come, in their own words (JSON text)
  bool operator==(const Provenance&) const = default;
};

/// The last provenance of a table and whether the chain to it is whole.
struct ProvenanceState {
  std::optional<Provenance>
      last;  ///< of the newest Windrow commit that built the asset (maintenance does not count)
  int64_t last_version = -1;  ///< the version it is of
  /// Commits by other programs after it that changed data.
  std::vector<int64_t> foreign_versions;
  /// The log was cleaned by another program and no record survives: nobody knows what is done.
  bool history_lost = false;
};

/// JSON object text of the record, with keys in the order of docs/lake-metadata.md.
std::string to_json(const Provenance& provenance);
/// Throws Error(corrupt), or Error(unsupported) where the format is newer than this program's.
Provenance provenance_from_json(std::string_view json);
/// The record inside a commitInfo object, where there is one.
std::optional<Provenance> provenance_of(const CommitInfo& info);

}  // namespace windrow::lake
