#include "duck/sandbox.h"

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "base/text.h"
#include "duck/reach.h"

namespace windrow::duck {
namespace {

// Scalar and aggregate functions, windows and macros of DuckDB 1.5.5 that were looked at and reach
// nothing but their arguments and the clock. sandbox_test.cc holds the rest of DuckDB's functions
// to a list of refused ones, so that none of a later version is in neither.
constexpr std::string_view kComputes = R"names(
!__postfix !~~ !~~* % & && * ** + - ->> / // <-> << <=> <@ >> @ @> ^ ^@ abs acos acosh add age
aggregate ago alias any_value apply approx_count_distinct approx_quantile approx_top_k arbitrary
arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin
array_agg array_aggr array_aggregate array_append array_apply array_cat array_concat
array_contains array_cosine_distance array_cosine_similarity array_cross_product array_distance
array_distinct array_dot_product array_extract array_filter array_grade_up array_has
array_has_all array_has_any array_indexof array_inner_product array_intersect array_length
array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front
array_position array_prepend array_push_back array_push_front array_reduce array_resize
array_reverse array_reverse_sort array_select array_slice array_sort array_to_json
array_to_string array_to_string_comma_default array_transform array_unique array_value
array_where array_zip ascii asin asinh atan atan2 atanh avg bar base64 bin bit_and bit_count
bit_length bit_or bit_position bit_xor bitstring bitstring_agg bool_and bool_or
can_cast_implicitly cardinality cast_to_type cbrt ceil ceiling century char_length
character_length chr concat concat_ws constant_or_null contains corr cos cosh cot count count_if
count_star countif covar_pop covar_samp create_sort_key cume_dist current_date current_localtime
current_localtimestamp damerau_levenshtein date_add date_diff date_part date_sub date_trunc
datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month
decade decode degrees dense_rank divide editdist3 element_at encode ends_with entropy enum_code
enum_first enum_last enum_range enum_range_boundary epoch epoch_ms epoch_ns epoch_us
equi_width_bins era error even exp factorial favg fdiv fill filter first first_value flatten
floor fmod format format_bytes formatreadabledecimalsize formatreadablesize from_base64
from_binary from_hex from_json from_json_strict fsum gamma gcd gen_random_uuid generate_series
generate_subscripts geomean geometric_mean get_bit get_current_time get_current_timestamp
get_type grade_up greatest greatest_common_divisor group_concat grouping grouping_id hamming
hash hex histogram histogram_exact hour icu_sort_key ilike_escape instr is_histogram_other_bin
isfinite isinf isnan isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json
json_array json_array_length json_contains json_exists json_extract json_extract_path
json_extract_path_text json_extract_string json_group_array json_group_object
json_group_structure json_keys json_merge_patch json_object json_pretty json_quote
json_structure json_transform json_transform_strict json_type json_valid json_value julian
kahan_sum kurtosis kurtosis_pop lag last last_day last_value lcase lcm lead least
least_common_multiple left left_grapheme len length length_grapheme levenshtein lgamma
like_escape list list_aggr list_aggregate list_any_value list_append list_apply
list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and
list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity
list_count list_distance list_distinct list_dot_product list_element list_entropy list_extract
list_filter list_first list_grade_up list_has list_has_all list_has_any list_histogram
list_indexof list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last
list_mad list_max list_median list_min list_mode list_negative_dot_product
list_negative_inner_product list_pack list_position list_prepend list_product list_reduce
list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice
list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique
list_value list_var_pop list_var_samp list_where list_zip listagg ln log log10 log2 lower lpad
ltrim mad make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns
make_timestamptz make_type map map_concat map_contains map_contains_entry map_contains_value
map_entries map_extract map_extract_value map_from_entries map_keys map_values max max_by md5
md5_number md5_number_lower md5_number_upper mean median microsecond millennium millisecond min
min_by minute mismatches mod mode month monthname multiply nanosecond nextafter nfc_normalize
normalized_interval not_ilike_escape not_like_escape now nth_value ntile nullif octet_length ord
overlay parse_dirname parse_dirpath parse_filename parse_formatted_bytes parse_path percent_rank
pg_size_pretty pg_typeof pi position pow power prefix printf product quantile quantile_cont
quantile_disc quarter radians random range rank rank_dense reduce regexp_escape regexp_extract
regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array
regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy remap_struct repeat replace replace_type reservoir_quantile reverse right
right_grapheme round round_even roundbankers row row_number row_to_json rpad rtrim second sem
set_bit sha1 sha256 sign signbit sin sinh skewness split split_part sqrt st_asbinary st_astext
st_aswkb st_aswkt st_crs st_geomfromwkb st_intersects_extent st_setcrs starts_with stddev
stddev_pop stddev_samp str_split str_split_regex strftime string_agg string_split
string_split_regex string_to_array strip_accents strlen strpos strptime struct_concat
struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_insert
struct_keys struct_pack struct_position struct_update struct_values substr substring
substring_grapheme subtract suffix sum sum_no_overflow sumkahan switch tan tanh time_bucket
timetz_byte_comparable timezone timezone_hour timezone_minute to_base to_base64 to_binary
to_centuries to_days to_decades to_hex to_hours to_json to_microseconds to_millennia
to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
transaction_timestamp translate trim trunc try_strptime typeof ucase unbin unhex unicode
union_extract union_tag union_value unnest upper url_decode url_encode uuid
uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp variance
variant_bytes_to_variant variant_extract variant_normalize variant_to_parquet_variant
variant_typeof vector_type wavg week weekday weekofyear weighted_avg xor year yearweek | || ~ ~~
~~* ~~~
)names";

// Those that add_text_functions is given: app/kinds_test.cc compares.
constexpr std::string_view kOwn[] = {"sentiment_label", "sentiment_score"};

const std::set<std::string, std::less<>>& computing() {
  static const auto names = [] {
    std::set<std::string, std::less<>> out(std::begin(kOwn), std::end(kOwn));
    std::string_view left = kComputes;
    while (!left.empty()) {
      const size_t end = std::min(left.find_first_of(" \n"), left.size());
      if (end > 0) out.emplace(left.substr(0, end));
      left.remove_prefix(std::min(end + 1, left.size()));
    }
    return out;
  }();
  return names;
}

/// Functions in FROM that read the file which their first argument names.
bool reads_files(std::string_view function) {
  static const std::set<std::string_view> names{
      "read_csv",          "read_csv_auto",    "read_parquet",
      "parquet_scan",      "read_json",        "read_json_auto",
      "read_ndjson",       "read_ndjson_auto", "read_ndjson_objects",
      "read_json_objects", "read_text",        "read_blob"};
  return names.count(function) > 0;
}

constexpr const char* kOutside =
    "SQL of a project or a table computes over its rows; files come in through a source or a seed, "
    "or are named under external_files in windrow.yaml";

constexpr const char* kTypes =
    "types are such as BIGINT, DECIMAL(10,2), VARCHAR[], STRUCT(a INTEGER, b VARCHAR)";

std::string near_type(std::string_view type) {
  static const std::vector<std::string> kKnown{
      "bigint",  "integer", "smallint", "tinyint",   "double",      "float", "decimal", "boolean",
      "varchar", "text",    "blob",     "timestamp", "timestamptz", "date",  "json"};
  const auto near = did_you_mean(lower(type), kKnown);
  return near.empty() ? kTypes : near;
}

bool allowed_in_from(const Reached& function, const Sandbox& sandbox) {
  const auto name = lower(function.name);
  if (makes_rows(name)) return true;
  return reads_files(name) && function.paths && !function.paths->empty() &&
         std::all_of(function.paths->begin(), function.paths->end(),
                     [&](const auto& path) { return sandbox.opens(path); });
}

void add_functions(const Reach& reach, const Sandbox& sandbox, std::vector<Breach>& out) {
  for (const auto& function : reach.table_functions) {
    if (allowed_in_from(function, sandbox)) continue;
    out.push_back({"the function " + lower(function.name) + " is not allowed here", kOutside,
                   function.position});
  }
  for (const auto& function : reach.functions) {
    const auto name = lower(function.name);
    if (computes(name)) continue;
    const auto near = did_you_mean(name, computing_functions());
    out.push_back({"the function " + name + " is not allowed here", near.empty() ? kOutside : near,
                   function.position});
  }
  for (const auto& part : reach.parts)
    out.push_back({part.name + " is not allowed here", kOutside, part.position});
  for (const auto& listing : reach.listings)
    out.push_back({"SHOW, DESCRIBE and SUMMARIZE are not allowed here: a SELECT of rows is", "",
                   listing.position});
  for (const auto& table : reach.versions)
    out.push_back({"\"" + table.name + "\" is read as it is now, not AT a version",
                   "`windrow query --version` reads an older one", table.position});
}

std::vector<Breach> not_sql(const SqlError& error) {
  return {{error.problem().message, error.problem().hint, error.position()}};
}

}  // namespace

bool Sandbox::opens(std::string_view path) const {
  return std::find(external_files.begin(), external_files.end(), path) != external_files.end();
}

bool computes(std::string_view function) { return computing().count(function) > 0; }

std::vector<std::string> computing_functions() { return {computing().begin(), computing().end()}; }

bool makes_rows(std::string_view function) {
  static const std::set<std::string_view> names{
      "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"};
  return names.count(function) > 0;
}

bool names_file(std::string_view table) {
  if (table.find('/') != table.npos) return true;
  const auto name = lower(table);
  for (const char* end : {".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".gz", ".zst",
                          ".xlsx", ".db", ".duckdb", ".avro"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

std::vector<Breach> breaches_of_expression(std::string_view text, const Sandbox& sandbox) {
  std::vector<Breach> out;
  try {
    const Reach reach = reach_of_expression(text);
    add_functions(reach, sandbox, out);
    for (const auto& table : reach.tables) {
      if (sandbox.opens(table.name)) continue;
      out.push_back({"an expression reads its own row, not the table \"" + table.name + "\"",
                     kOutside, table.position});
    }
  } catch (const SqlError& error) {
    return not_sql(error);
  }
  return out;
}

std::vector<Breach> breaches_of_select(std::string_view text, const Sandbox& sandbox) {
  std::vector<Breach> out;
  try {
    for (const auto& reach : reach_of(text)) {
      if (reach.statement != "SELECT")
        out.push_back({"this is not a SELECT but " + reach.statement, "", 0});
      add_functions(reach, sandbox, out);
      for (const auto& table : reach.tables) {
        if (table.qualified || !names_file(table.name) || sandbox.opens(table.name)) continue;
        out.push_back({"a model reads tables, not the file \"" + table.name + "\"", kOutside,
                       table.position});
      }
    }
  } catch (const SqlError& error) {
    return not_sql(error);
  }
  return out;
}

std::optional<Breach> breach_of_type(std::string_view type) {
  try {
    if (names_type(type)) {
      if (type_is_there(type)) return {};
      return Breach{"there is no type \"" + std::string(type) + "\"", near_type(type), {}};
    }
  } catch (const SqlError&) {
    // What the parser says speaks of the text around it.
  }
  return Breach{"\"" + std::string(type) + "\" is not the name of a type", kTypes, {}};
}

}  // namespace windrow::duck
