#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "base/clock.h"
#include "base/digest.h"
#include "clients/mongodb.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "duck/vectors.h"
#include "publish/manifest_fields.h"
#include "publish/mongodb/kind.h"

/// MongoDB as a serving database.
///
/// A batch's documents have ids `{view, batch, key}`, so they stand beside those of other batches.
/// One document, `current` in `windrow_publications`, says for every view which batch counts:
/// readers read it first and ask for that `batch_run_id`. Changing this one document switches all
/// views of a publication at once, without a transaction. It is changed only where it still holds
/// what this publication began from, and only when every document has been counted. Afterwards the
/// batches go that are neither the present nor kept former ones; what killed publications left goes
/// with them.
namespace windrow::publish {

namespace {

using clients::Bson;
using clients::Mongo;
using clients::MongoBulk;
using clients::MongoIndex;

constexpr const char* kPointers = "windrow_publications";
constexpr const char* kPointer = "current";
constexpr int kKeptByDefault = 1;
constexpr int64_t kDayMs = 86400000;

/// `{"$date": "2025-10-17T14:00:00Z"}`, or milliseconds under `$numberLong` where it is far off.
std::optional<Time> time_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object() || !found->contains("$date")) return {};
  const auto& date = (*found)["$date"];
  if (date.is_string()) return parse_time(date.get<std::string>());
  return time_from_micros(std::stoll(text_at(date, "$numberLong")) * 1000);
}
int64_t milliseconds(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

Manifest manifest_of(const std::string& view, const Json& json) {
  return {view,
          text_at(json, "batch_id"),
          text_at(json, "source_table"),
          number_at(json, "source_version"),
          text_at(json, "definition"),
          time_at(json, "boundary"),
          number_at(json, "rows"),
          text_at(json, "checksum"),
          time_at(json, "started").value_or(Time{}),
          time_at(json, "published").value_or(Time{}),
          text_at(json, "inputs"),
          text_at(json, "rejected")};
}

/// What the pointer says of a view: the present batch and the former ones, newest first.
struct Batches {
  Manifest present;
  std::string collection;
  std::vector<Manifest> former;
};

void put_fields(const Manifest& m, Bson& out) {
  out.text("batch_id", m.batch_id);
  out.text("source_table", m.source_table);
  out.int64("source_version", m.source_version);
  out.text("definition", m.definition);
  if (m.boundary) {
    out.date("boundary", milliseconds(*m.boundary));
  } else {
    out.null("boundary");
  }
  out.int64("rows", m.rows);
  out.text("checksum", m.checksum);
  out.date("started", milliseconds(m.started));
  out.date("published", milliseconds(m.published));
  out.text("inputs", m.inputs);
  if (!m.rejected.empty()) out.text("rejected", m.rejected);
}

void put(const std::string& view, const Batches& batches, Bson& out) {
  out.begin_document("views." + view);
  put_fields(batches.present, out);
  out.text("collection", batches.collection);
  out.begin_array("former");
  for (size_t i = 0; i < batches.former.size(); ++i) {
    out.begin_document(std::to_string(i));
    put_fields(batches.former[i], out);
    out.end_document();
  }
  out.end_array();
  out.end_document();
}

enum class Kind { boolean, integer, real, decimal, text, json, bytes, date, time };

/// A column: how its values become BSON, and the SQL that yields them.
struct Field {
  std::string name;
  Kind kind = Kind::text;
  bool list = false, top = false;
  std::string sql;
};

Kind kind_of(const std::string& type, std::string& cast) {
  if (type == "BOOLEAN") return Kind::boolean;
  if (type == "DOUBLE" || type == "FLOAT") return cast = "DOUBLE", Kind::real;
  if (type == "DATE") return Kind::date;
  if (type == "BLOB") return Kind::bytes;
  if (type.starts_with("TIMESTAMP")) {
    if (type != "TIMESTAMP WITH TIME ZONE") cast = "TIMESTAMP";
    return Kind::time;
  }
  if (type.starts_with("DECIMAL(") || type == "HUGEINT" || type == "UBIGINT")
    return cast = "VARCHAR", Kind::decimal;
  if (type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER")
    return cast = "BIGINT", Kind::integer;
  if (type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
      type == "JSON")
    return Kind::json;
  return cast = "VARCHAR", Kind::text;
}

/// DuckDB's type for one of BSON that `columns` names.
std::string declared_type(const Column& column, const std::string& declared,
                          const ViewBatch& view) {
  static const std::map<std::string, std::string> known = {
      {"bool", "BOOLEAN"},   {"long", "BIGINT"},    {"double", "DOUBLE"},
      {"string", "VARCHAR"}, {"date", "TIMESTAMP"}, {"object", "JSON"}};
  const auto found = known.find(declared);
  if (found != known.end()) return found->second;
  throw Error(Code::configuration,
              fmt::format("column \"{}\" of view \"{}\": BSON's type \"{}\" is not one that "
                          "windrow writes",
                          column.name, view.table, declared),
              "bool, long, double, string, date or object", view.settings.place);
}

Field field_of(const Column& column, const ViewBatch& view) {
  Field out;
  out.name = column.name;
  std::string cast, type = column.type, name = duck::quote_name(column.name);
  const auto declared = view.settings.columns.find(column.name);
  if (declared != view.settings.columns.end()) {
    type = declared_type(column, declared->second, view);
    name = "CAST(" + name + " AS " + type + ")";
  }
  if (type.ends_with("]")) {
    const std::string element = type.substr(0, type.rfind('['));
    if (kind_of(element, cast) != Kind::json) {
      out.list = true;
      type = element;
      cast.clear();
    }
  }
  out.kind = kind_of(type, cast);
  if (out.list && cast.empty()) cast = type;
  if (out.kind == Kind::json) {
    out.sql = "CAST(to_json(" + name + ") AS VARCHAR)";
  } else {
    out.sql = cast.empty() ? name : "CAST(" + name + " AS " + cast + (out.list ? "[]" : "") + ")";
  }
  return out;
}

void put_value(const Field& field, const std::string& key, const duck::Vector& vector, size_t row,
               Bson& out) {
  if (vector.null(row)) return out.null(key);
  switch (field.kind) {
    case Kind::boolean: return out.boolean(key, vector.at<bool>(row));
    case Kind::integer: return out.int64(key, vector.at<int64_t>(row));
    case Kind::real: return out.real(key, vector.at<double>(row));
    case Kind::decimal: {
      const std::string digits(vector.text(row));
      if (!out.decimal(key, digits)) {
        throw Error(Code::data,
                    fmt::format("column \"{}\" has {}, which is beyond the 34 digits of MongoDB's "
                                "decimals",
                                field.name, digits),
                    fmt::format("columns: {{{0}: double}} at the view rounds it, {{{0}: string}} "
                                "keeps every digit and gives up comparing",
                                field.name));
      }
      return;
    }
    case Kind::text: return out.text(key, vector.text(row));
    case Kind::bytes: return out.binary(key, vector.text(row));
    case Kind::date: {
      const int32_t days = vector.at<int32_t>(row);
      if (days == INT32_MAX || days == -INT32_MAX) return out.null(key);
      return out.date(key, days * kDayMs);
    }
    case Kind::time: {
      const int64_t at = vector.at<int64_t>(row);
      if (at == INT64_MAX || at == -INT64_MAX) return out.null(key);
      return out.date(key, milliseconds(time_from_micros(at)));
    }
    case Kind::json: {
      // A document is not told from an array or a single value by its text alone.
      const auto whole = Bson::from_json("{\"v\":" + std::string(vector.text(row)) + "}");
      return out.first_of(key, whole);
    }
  }
}

void put_field(const Field& field, const duck::Vector& vector, size_t row, Bson& out) {
  if (!field.list || vector.null(row)) return put_value(field, field.name, vector, row, out);
  const auto entry = vector.at<duck::ListEntry>(row);
  out.begin_array(field.name);
  for (uint64_t i = 0; i < entry.length; ++i)
    put_value(field, std::to_string(i), *vector.child, entry.offset + i, out);
  out.end_array();
}

/// Fields beside the document's own, which they must not hide, and whose names a document takes
/// nowhere but inside `data`.
void refuse_odd_top_level(const std::vector<Field>& fields, const ViewBatch& view) {
  static const std::set<std::string> own = {"_id", "view_type", "computed_at", "batch_run_id"};
  const bool flat = document_form(view.settings).flat;
  for (const auto& field : fields) {
    if (!flat && !field.top) continue;
    const bool taken = own.contains(field.name) || (!flat && field.name == "data");
    if (!taken && !field.name.starts_with('$')) continue;
    throw Error(
        Code::configuration,
        fmt::format("column \"{}\" of view \"{}\" cannot stand at the top of a document{}",
                    field.name, view.table, taken ? ", which has a field of that name" : ""),
        "leave it in data, or give it another name in the SELECT", view.settings.place);
  }
}

class MongodbStore final : public Store {
 public:
  MongodbStore(clients::MongoOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  std::map<std::string, Manifest> manifests() override {
    Mongo mongo(options_);
    std::map<std::string, Manifest> out;
    for (auto& [view, batches] : pointers(mongo)) out[view] = batches.present;
    return out;
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    for (const auto& view : views) refuse_kept_name(view, collection_of(view));
    Mongo mongo(options_);
    const auto stop = connection.stop_on(cancel);
    const auto before = pointers(mongo);
    std::vector<Manifest> out;
    std::map<std::string, Batches> after;
    for (const auto& view : views) {
      const auto found = before.find(view.table);
      refuse_outrun(view, found == before.end() ? "" : found->second.present.batch_id);
      Manifest manifest = view.manifest;
      manifest.view = view.table;
      manifest.started = clock_.now();
      make_indexes(mongo, view);
      write(mongo, view, manifest, connection, cancel, progress);
      Batches batches{{}, collection_of(view), {}};
      if (found != before.end()) {
        batches.former = found->second.former;
        batches.former.insert(batches.former.begin(), found->second.present);
      }
      const size_t keep = size_t(view.settings.keep.value_or(kKeptByDefault));
      if (view.change.erased) batches.former.clear();
      if (batches.former.size() > keep) batches.former.resize(keep);
      batches.present = manifest;
      after[view.table] = std::move(batches);
      out.push_back(std::move(manifest));
    }
    const Time now = clock_.now();
    for (auto& manifest : out) manifest.published = after[manifest.view].present.published = now;
    cancel.check();
    switch_surely(mongo, before, after);
    for (const auto& [view, batches] : after) remove_others(mongo, view, batches, before);
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    Mongo mongo(options_);
    Bson filter, update;
    filter.text("_id", kPointer);
    update.begin_document("$set");
    for (const auto& [view, boundary] : boundaries)
      update.date("views." + view + ".boundary", milliseconds(boundary));
    update.end_document();
    mongo.update_one(kPointers, filter, update, false);
  }

  std::vector<Manifest> roll_back(const std::vector<std::string>& views, Cancel&) override {
    Mongo mongo(options_);
    const auto before = pointers(mongo);
    std::map<std::string, Batches> after;
    std::vector<Manifest> out;
    for (const auto& view : views) {
      const auto found = before.find(view);
      if (found == before.end() || found->second.former.empty())
        throw Error(Code::not_found,
                    fmt::format("{} keeps no former batch of \"{}\"", mongo.address(), view),
                    "keep: 2 at the view makes the next publications keep more");
      Batches batches = found->second;
      const auto rejected = batches.present.definition + " " + batches.present.inputs;
      batches.present = batches.former.front();
      batches.former.erase(batches.former.begin());
      batches.present.rejected = rejected;
      batches.present.published = clock_.now();
      out.push_back(batches.present);
      after[view] = std::move(batches);
    }
    switch_surely(mongo, before, after);
    return out;
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    Mongo mongo(options_);
    const auto published = pointers(mongo);
    std::vector<ErasedRows> out;
    for (const auto& view : views) {
      const auto found = published.find(view.table);
      if (found == published.end()) continue;
      const auto& collection = found->second.collection;
      ErasedRows one{view.table, 0, false};
      Bson has;
      has.text("_id.view", view.table);
      put_key(key, has, [](Bson& field) { field.boolean("$exists", true); });
      one.keyed = mongo.count(collection, has) > 0;
      Bson filter;
      filter.text("_id.view", view.table);
      put_key(key, filter, {});
      if (one.keyed)
        one.rows = dry_run ? mongo.count(collection, filter) : mongo.remove(collection, filter);
      out.push_back(std::move(one));
    }
    return out;
  }

  std::string health() override {
    Mongo mongo(options_);
    const std::string version = mongo.version();
    return fmt::format("MongoDB {} at {}, {} views published", version, mongo.address(),
                       pointers(mongo).size());
  }

 private:
  /// That the columns have these values, wherever the document holds columns; with `instead` that
  /// they are what it says.
  static void put_key(const KeyValues& key, Bson& filter,
                      const std::function<void(Bson&)>& instead) {
    filter.begin_array("$and");
    for (size_t i = 0; i < key.size(); ++i) {
      filter.begin_document(std::to_string(i));
      filter.begin_array("$or");
      int at = 0;
      for (const char* where : {"", "data.", "_id."}) {
        filter.begin_document(std::to_string(at++));
        filter.begin_document(where + key[i].first);
        if (instead) {
          instead(filter);
        } else {
          put_values(key[i].second, filter);
        }
        filter.end_document();
        filter.end_document();
      }
      filter.end_array();
      filter.end_document();
    }
    filter.end_array();
  }

  /// `$in` of all that the text may stand for: MongoDB compares numbers of all types, but no text
  /// with a number.
  static void put_values(const std::string& value, Bson& out) {
    out.begin_array("$in");
    int at = 0;
    out.text(std::to_string(at++), value);
    int64_t whole = 0;
    const auto end = value.data() + value.size();
    if (const auto read = std::from_chars(value.data(), end, whole);
        read.ec == std::errc() && read.ptr == end)
      out.int64(std::to_string(at++), whole);
    const bool digits = value.find_first_not_of("0123456789.-+eE") == std::string::npos;
    if (digits && out.decimal(std::to_string(at), value)) ++at;
    double real = 0;
    if (const auto read = std::from_chars(value.data(), end, real);
        read.ec == std::errc() && read.ptr == end)
      out.real(std::to_string(at++), real);
    if (const auto time = parse_time(value)) out.date(std::to_string(at++), milliseconds(*time));
    if (value == "true" || value == "false") out.boolean(std::to_string(at++), value == "true");
    out.end_array();
  }

  static std::string collection_of(const ViewBatch& view) {
    const auto& named = document_form(view.settings).collection;
    return named.empty() ? view.table : named;
  }

  static std::map<std::string, Batches> pointers(Mongo& mongo) {
    Bson filter;
    filter.text("_id", kPointer);
    std::map<std::string, Batches> out;
    for (const auto& text : mongo.find(kPointers, filter)) {
      const auto json = Json::parse(text);
      const auto views = json.find("views");
      if (views == json.end()) continue;
      for (const auto& [view, one] : views->items()) {
        Batches batches{manifest_of(view, one), text_at(one, "collection"), {}};
        if (one.contains("former"))
          for (const auto& former : one["former"])
            batches.former.push_back(manifest_of(view, former));
        out[view] = std::move(batches);
      }
    }
    return out;
  }

  static void make_indexes(Mongo& mongo, const ViewBatch& view) {
    std::vector<MongoIndex> indexes = {
        {"windrow_batch", {{"view_type", 1}, {"batch_run_id", 1}}, false}};
    const auto add = [&](const std::vector<std::string>& columns, bool unique) {
      MongoIndex index{unique ? "windrow_unique" : "windrow", {}, unique};
      for (std::string column : columns) {
        const bool down = column.starts_with('-');
        if (down) column.erase(0, 1);
        index.name += "_" + column + (down ? "_desc" : "");
        index.keys.emplace_back(column, down ? -1 : 1);
      }
      if (unique) index.keys.emplace_back("batch_run_id", 1);  // batches stand beside each other
      indexes.push_back(std::move(index));
    };
    for (const auto& columns : view.indexes) add(columns, false);
    for (const auto& columns : view.settings.unique) add(columns, true);
    mongo.make_indexes(collection_of(view), indexes);
  }

  std::string view_type(const ViewBatch& view) const {
    const auto& named = document_form(view.settings).view_type;
    return named.empty() ? view.table : named;
  }

  void write(Mongo& mongo, const ViewBatch& view, Manifest& manifest, duck::Connection& connection,
             Cancel& cancel, const ProgressSink& progress) const {
    const auto& form = document_form(view.settings);
    std::vector<Field> fields;
    std::string select;
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    const auto columns = connection.describe(view.select);
    refuse_unknown_columns(view, columns);
    for (const auto& column : columns) {
      fields.push_back(field_of(column, view));
      fields.back().top = has(form.top, column.name);
      select += (select.empty() ? "" : ", ") + fields.back().sql;
    }
    refuse_odd_top_level(fields, view);
    for (const auto& key : view.settings.key) {
      if (std::none_of(fields.begin(), fields.end(), [&](auto& f) { return f.name == key; }))
        throw Error(Code::configuration,
                    fmt::format("view \"{}\" has no column \"{}\" for its key", view.table, key),
                    "", view.settings.place);
    }
    refuse_same_keys(view, connection);
    const std::string type = view_type(view);
    const int64_t computed = milliseconds(manifest.started);
    MongoBulk bulk(mongo, collection_of(view));
    Bson filter, document;
    Sha256 checksum;
    duck::stream_vectors(connection, "SELECT " + select + " FROM (\n" + view.select + "\n)",
                         [&](size_t rows, const std::vector<duck::Vector>& vectors) {
                           for (size_t row = 0; row < rows; ++row) {
                             ++manifest.rows;
                             const auto put_id = [&](Bson& out) {
                               out.begin_document("_id");
                               out.text("view", view.table);
                               out.text("batch", manifest.batch_id);
                               if (view.settings.key.empty()) out.int64("row", manifest.rows);
                               for (size_t i = 0; i < fields.size(); ++i)
                                 if (has(view.settings.key, fields[i].name))
                                   put_field(fields[i], vectors[i], row, out);
                               out.end_document();
                             };
                             filter.clear();
                             put_id(filter);
                             document.clear();
                             put_id(document);
                             document.text("view_type", type);
                             document.date("computed_at", computed);
                             document.text("batch_run_id", manifest.batch_id);
                             for (size_t i = 0; i < fields.size(); ++i)
                               if (form.flat || fields[i].top)
                                 put_field(fields[i], vectors[i], row, document);
                             if (!form.flat) {
                               document.begin_document("data");
                               for (size_t i = 0; i < fields.size(); ++i)
                                 if (!fields[i].top)
                                   put_field(fields[i], vectors[i], row, document);
                               document.end_document();
                             }
                             checksum.add(document.body_after("batch_run_id"));
                             bulk.upsert(filter, document);
                           }
                           cancel.check();
                           if (progress) progress({view.table, "writing", -1, manifest.rows});
                           return true;
                         });
    bulk.flush();
    manifest.checksum = checksum.hexadecimal();
    const int64_t there = mongo.count(collection_of(view), of_batch(view, manifest.batch_id));
    if (there != manifest.rows) {
      throw Error(Code::conflict,
                  fmt::format("view \"{}\": {} documents are there of {} rows: somebody else "
                              "writes to the collection",
                              view.table, there, manifest.rows));
    }
    if (progress) progress({view.table, "writing", 1, manifest.rows});
  }

  static void refuse_same_keys(const ViewBatch& view, duck::Connection& connection) {
    std::string keys;
    for (const auto& key : view.settings.key)
      keys += (keys.empty() ? "" : ", ") + duck::quote_name(key);
    if (keys.empty()) return;
    const auto twice = connection.query("SELECT " + keys + " FROM (\n" + view.select +
                                        "\n) GROUP BY ALL HAVING count(*) > 1 LIMIT 1");
    if (twice.rows.empty()) return;
    std::string shown;
    for (const auto& cell : twice.rows[0]) shown += (shown.empty() ? "" : ", ") + cell_text(cell);
    throw Error(
        Code::data, fmt::format("view \"{}\": several rows have the key ({})", view.table, shown),
        "make the key unique in the table or SELECT that is published", view.settings.place);
  }

  Bson of_batch(const ViewBatch& view, const std::string& batch) const {
    Bson filter;
    filter.text("view_type", view_type(view));
    filter.text("batch_run_id", batch);
    return filter;
  }

  /// The one step that readers see: a change of one document, which a server with transactions
  /// commits by number, so that a lost answer can be asked for again.
  static void switch_to(Mongo& mongo, const std::map<std::string, Batches>& before,
                        const std::map<std::string, Batches>& after) {
    Bson filter, update;
    filter.text("_id", kPointer);
    if (before.empty()) {
      // There may be no document yet: it is made without views, which two may do at once.
      Bson bare;
      bare.begin_document("$setOnInsert");
      bare.int32("format", 1);
      bare.end_document();
      mongo.update_one(kPointers, filter, bare, true);
    }
    update.begin_document("$set");
    for (const auto& [view, batches] : after) {
      const auto found = before.find(view);
      const std::string path = "views." + view + ".batch_id";
      if (found == before.end()) {
        filter.begin_document(path);
        filter.boolean("$exists", false);
        filter.end_document();
      } else {
        filter.text(path, found->second.present.batch_id);
      }
      put(view, batches, update);
    }
    update.end_document();
    int64_t changed = 0;
    mongo.in_transaction([&] { changed = mongo.update_one(kPointers, filter, update, false); });
    if (changed == 0) outrun(after.begin()->first);
  }

  /// The same; where the connection was lost meanwhile, the pointer says what became of it.
  void switch_surely(Mongo& mongo, const std::map<std::string, Batches>& before,
                     const std::map<std::string, Batches>& after) const {
    try {
      switch_to(mongo, before, after);
    } catch (const Error& error) {
      if (error.code() != Code::unavailable && error.code() != Code::conflict) throw;
      if (!is_there(after)) throw;
    }
  }

  bool is_there(const std::map<std::string, Batches>& written) const {
    try {
      Mongo mongo(options_);
      const auto now = pointers(mongo);
      return std::all_of(written.begin(), written.end(), [&](const auto& entry) {
        const auto found = now.find(entry.first);
        return found != now.end() &&
               found->second.present.batch_id == entry.second.present.batch_id &&
               milliseconds(found->second.present.published) ==
                   milliseconds(entry.second.present.published);
      });
    } catch (const Error&) {
      return false;  // what went wrong first is told
    }
  }

  /// Only the one that has switched removes: what another is still writing then is of no use to it.
  static void remove_others(Mongo& mongo, const std::string& view, const Batches& batches,
                            const std::map<std::string, Batches>& before) {
    std::set<std::string> collections = {batches.collection};
    if (const auto found = before.find(view); found != before.end())
      collections.insert(found->second.collection);
    for (const auto& collection : collections) {
      Bson filter;
      filter.text("_id.view", view);
      filter.begin_document("batch_run_id");
      filter.begin_array("$nin");
      filter.text("0", batches.present.batch_id);
      for (size_t i = 0; i < batches.former.size(); ++i)
        filter.text(std::to_string(i + 1), batches.former[i].batch_id);
      filter.end_array();
      filter.end_document();
      try {
        mongo.remove(collection, filter);
      } catch (const Error&) {
        // The switch stands; the next publication removes them.
      }
    }
  }

  clients::MongoOptions options_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Store> mongodb_store(const project::Connection& connection,
                                     const Surroundings& surroundings) {
  const auto file = [&](const char* key) { return connection.file(key, surroundings.root); };
  return std::make_unique<MongodbStore>(
      clients::MongoOptions{connection.text("url"), connection.text("database"), file("ca"),
                            file("certificate"), connection.text("tls")},
      surroundings.clock);
}

}  // namespace windrow::publish
