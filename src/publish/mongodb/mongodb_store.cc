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
#include "publish/mongodb/fields.h"
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

/// `{"$date": "2025-10-17T14:00:00Z"}`, or milliseconds under `$numberLong` where it is far off.
std::optional<Time> time_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object() || !found->contains("$date")) return {};
  const auto& date = (*found)["$date"];
  if (date.is_string()) return parse_time(date.get<std::string>());
  return time_from_micros(std::stoll(text_at(date, "$numberLong")) * 1000);
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
    out.date("boundary", bson_milliseconds(*m.boundary));
  } else {
    out.null("boundary");
  }
  out.int64("rows", m.rows);
  out.text("checksum", m.checksum);
  out.date("started", bson_milliseconds(m.started));
  out.date("published", bson_milliseconds(m.published));
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
      update.date("views." + view + ".boundary", bson_milliseconds(boundary));
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
          put_bson_values(key[i].second, filter);
        }
        filter.end_document();
        filter.end_document();
      }
      filter.end_array();
      filter.end_document();
    }
    filter.end_array();
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
    std::vector<BsonField> fields;
    std::string select;
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    const auto columns = connection.describe(view.select);
    refuse_unknown_columns(view, columns);
    for (const auto& column : columns) {
      fields.push_back(bson_field(column, view));
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
    const int64_t computed = bson_milliseconds(manifest.started);
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
                                   put_bson(fields[i], vectors[i], row, out);
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
                                 put_bson(fields[i], vectors[i], row, document);
                             if (!form.flat) {
                               document.begin_document("data");
                               for (size_t i = 0; i < fields.size(); ++i)
                                 if (!fields[i].top) put_bson(fields[i], vectors[i], row, document);
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
               bson_milliseconds(found->second.present.published) ==
                   bson_milliseconds(entry.second.present.published);
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
