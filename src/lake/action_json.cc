#include "lake/action_json.h"

#include <algorithm>
#include <climits>

#include "lake/json_reader.h"
#include "lake/json_text.h"

namespace windrow::lake {
namespace {

PartitionValues partition_values_at(const JsonObject& object) {
  PartitionValues out;
  if (const auto found = find(object, "partitionValues")) {
    for (auto [name, value] : found->get_object()) {
      std::optional<std::string> text;
      // An empty text and null mean the same (PROTOCOL.md, "Partition Value Serialization").
      if (!value.is_null() && !std::string_view(value).empty())
        text = std::string(std::string_view(value));
      out.emplace(name, std::move(text));
    }
  }
  return out;
}

std::string required_string(const JsonObject& object, std::string_view key) {
  return std::string(std::string_view(object[key]));
}

/// A number of bytes or rows.
int64_t count_at(const JsonObject& object, std::string_view key) {
  const int64_t count = integer_at(object, key);
  if (count < 0) throw simdjson::simdjson_error(simdjson::NUMBER_OUT_OF_RANGE);
  return count;
}

std::optional<int64_t> optional_integer_at(const JsonObject& object, std::string_view key) {
  if (!find(object, key)) return {};
  return integer_at(object, key);
}

DeletionVector vector_from(const JsonObject& vector) {
  return {required_string(vector, "storageType"), required_string(vector, "pathOrInlineDv"),
          optional_integer_at(vector, "offset"), integer_at(vector, "sizeInBytes"),
          integer_at(vector, "cardinality")};
}

std::optional<DeletionVector> vector_at(const JsonObject& object) {
  const auto found = find(object, "deletionVector");
  if (!found) return {};
  return vector_from(found->get_object());
}

Add add_from(const JsonObject& object) {
  Add add;
  add.path = required_string(object, "path");
  add.partition_values = partition_values_at(object);
  add.size = count_at(object, "size");
  add.modification_time = integer_at(object, "modificationTime");
  add.data_change = boolean_at(object, "dataChange", true);
  if (const auto stats = find(object, "stats")) {
    add.stats = stats->is_string() ? std::string(std::string_view(*stats))
                                   : std::string(simdjson::minify(*stats));
  }
  add.tags = text_at(object, "tags");
  add.deletion_vector = vector_at(object);
  add.base_row_id = optional_integer_at(object, "baseRowId");
  add.default_row_commit_version = optional_integer_at(object, "defaultRowCommitVersion");
  add.clustering_provider = string_at(object, "clusteringProvider");
  return add;
}

Remove remove_from(const JsonObject& object) {
  Remove remove;
  remove.path = required_string(object, "path");
  remove.deletion_timestamp = integer_at(object, "deletionTimestamp");
  remove.data_change = boolean_at(object, "dataChange", true);
  remove.extended_file_metadata = boolean_at(object, "extendedFileMetadata", false);
  remove.partition_values = partition_values_at(object);
  remove.size = count_at(object, "size");
  remove.deletion_vector = vector_at(object);
  remove.base_row_id = optional_integer_at(object, "baseRowId");
  remove.default_row_commit_version = optional_integer_at(object, "defaultRowCommitVersion");
  return remove;
}

Cdc cdc_from(const JsonObject& object) {
  return {required_string(object, "path"), partition_values_at(object), count_at(object, "size")};
}

Metadata metadata_from(const JsonObject& object) {
  Metadata metadata;
  metadata.id = required_string(object, "id");
  metadata.name = string_at(object, "name");
  metadata.description = string_at(object, "description");
  metadata.schema_string = string_at(object, "schemaString");
  metadata.partition_columns = strings_at(object, "partitionColumns");
  metadata.configuration = string_map_at(object, "configuration");
  metadata.created_time = integer_at(object, "createdTime");
  if (const auto format = find(object, "format")) {
    const std::string provider = string_at(*format, "provider", "parquet");
    if (provider != "parquet") {
      throw Error(Code::unsupported,
                  "the table's files are of format \"" + provider + "\"; only parquet is known");
    }
  }
  return metadata;
}

Protocol protocol_from(const JsonObject& object) {
  Protocol protocol;
  const auto version = [&](std::string_view key) {
    return int(std::clamp<int64_t>(integer_at(object, key, 1), 0, INT_MAX));
  };
  protocol.min_reader_version = version("minReaderVersion");
  protocol.min_writer_version = version("minWriterVersion");
  protocol.reader_features = strings_at(object, "readerFeatures");
  protocol.writer_features = strings_at(object, "writerFeatures");
  return protocol;
}

CommitInfo info_from(JsonElement element) {
  const JsonObject object = element;
  CommitInfo info;
  info.timestamp = integer_at(object, "timestamp");
  info.in_commit_timestamp = integer_at(object, "inCommitTimestamp");
  info.operation = string_at(object, "operation");
  info.txn_id = string_at(object, "txnId");
  info.engine_info = string_at(object, "engineInfo");
  info.json = simdjson::minify(element);
  return info;
}

void read_action(const JsonObject& line, Commit& into) {
  for (auto [kind, action] : line) {
    if (action.is_null()) continue;
    if (kind == "add") {
      into.adds.push_back(add_from(action));
    } else if (kind == "remove") {
      into.removes.push_back(remove_from(action));
    } else if (kind == "commitInfo") {
      into.info = info_from(action);
    } else if (kind == "metaData") {
      into.metadata = metadata_from(action);
    } else if (kind == "protocol") {
      into.protocol = protocol_from(action);
    } else if (kind == "txn") {
      const JsonObject object = action;
      into.txns.push_back({required_string(object, "appId"), integer_at(object, "version"),
                           integer_at(object, "lastUpdated")});
    } else if (kind == "domainMetadata") {
      const JsonObject object = action;
      into.domains.push_back({required_string(object, "domain"), string_at(object, "configuration"),
                              boolean_at(object, "removed", false)});
    } else if (kind == "cdc") {
      into.cdcs.push_back(cdc_from(action));
    } else if (kind == "sidecar") {
      into.sidecars.push_back(required_string(action, "path"));
    }
  }
}

/// A line with room behind it. A number that is longer than 64 bits (some writers' metrics have
/// such) is no reason to refuse a table: what is no count is kept as a text.
void read_line(simdjson::dom::parser& parser, const char* line, size_t size, Commit& into) {
  JsonElement element;
  const auto error = parser.parse(line, size, false).get(element);
  if (error == simdjson::SUCCESS) return read_action(element, into);
  if (error != simdjson::NUMBER_ERROR) throw simdjson::simdjson_error(error);
  const simdjson::padded_string quoted(long_numbers_quoted({line, size}));
  read_action(parser.parse(quoted), into);
}

/// {"key":object}
std::string wrapped(std::string_view key, std::string object) {
  return "{\"" + std::string(key) + "\":" + std::move(object) + "}";
}

void write_partition_values(JsonWriter& w, const PartitionValues& values) {
  w.key("partitionValues").begin_object();
  for (const auto& [name, value] : values) {
    w.key(name);
    value ? w.value(*value) : w.null();
  }
  w.end_object();
}

void write_vector(JsonWriter& w, const std::optional<DeletionVector>& vector) {
  if (!vector) return;
  w.key("deletionVector").begin_object().field("storageType", vector->storage_type);
  w.field("pathOrInlineDv", vector->path_or_inline);
  if (vector->offset) w.field("offset", *vector->offset);
  w.field("sizeInBytes", vector->size_in_bytes).field("cardinality", vector->cardinality);
  w.end_object();
}

void write_row_tracking(JsonWriter& w, const auto& file) {
  if (file.base_row_id) w.field("baseRowId", *file.base_row_id);
  if (file.default_row_commit_version)
    w.field("defaultRowCommitVersion", *file.default_row_commit_version);
}

}  // namespace

struct ActionReader::Impl {
  simdjson::dom::parser parser;
};

ActionReader::ActionReader() : impl_(std::make_unique<Impl>()) {}
ActionReader::~ActionReader() = default;

void ActionReader::read(const std::string& line, Commit& into, std::string_view where) {
  reading_json(where, [&] { read_action(impl_->parser.parse(line), into); });
}

DeletionVector ActionReader::deletion_vector(const std::string& json, std::string_view where) {
  return reading_json(where, [&] { return vector_from(impl_->parser.parse(json)); });
}

Commit commit_from_json(std::string_view text, int64_t version, std::string_view where) {
  Commit commit;
  commit.version = version;
  return reading_json(where, [&] {
    // simdjson reads up to its padding beyond the end of a line; the last line needs that room
    // behind it.
    std::string padded;
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded = text;
    padded.resize(text.size() + simdjson::SIMDJSON_PADDING, ' ');
    simdjson::dom::parser parser;
    bool any = false;
    for (size_t begin = 0; begin < text.size();) {
      size_t end = text.find('\n', begin);
      if (end == std::string_view::npos) end = text.size();
      if (text.substr(begin, end - begin).find_first_not_of(" \t\r") != std::string_view::npos) {
        any = true;
        read_line(parser, padded.data() + begin, end - begin, commit);
      }
      begin = end + 1;
    }
    if (!any) throw Error(Code::corrupt, std::string(where) + " holds no action");
    return std::move(commit);
  });
}

std::string to_json(const Add& add) {
  JsonWriter w;
  w.begin_object().field("path", add.path);
  write_partition_values(w, add.partition_values);
  w.field("size", add.size)
      .field("modificationTime", add.modification_time)
      .field("dataChange", add.data_change);
  if (!add.stats.empty()) w.field("stats", add.stats);
  if (!add.tags.empty()) w.raw_field("tags", add.tags);
  write_vector(w, add.deletion_vector);
  write_row_tracking(w, add);
  if (!add.clustering_provider.empty()) w.field("clusteringProvider", add.clustering_provider);
  return wrapped("add", w.end_object().take());
}

std::string to_json(const Remove& remove) {
  JsonWriter w;
  w.begin_object().field("path", remove.path).field("deletionTimestamp", remove.deletion_timestamp);
  w.field("dataChange", remove.data_change)
      .field("extendedFileMetadata", remove.extended_file_metadata);
  if (remove.extended_file_metadata) {
    write_partition_values(w, remove.partition_values);
    w.field("size", remove.size);
  }
  write_vector(w, remove.deletion_vector);
  write_row_tracking(w, remove);
  return wrapped("remove", w.end_object().take());
}

std::string to_json(const Metadata& metadata) {
  JsonWriter w;
  w.begin_object().field("id", metadata.id);
  if (!metadata.name.empty()) w.field("name", metadata.name);
  if (!metadata.description.empty()) w.field("description", metadata.description);
  w.raw_field("format", R"({"provider":"parquet","options":{}})");
  w.field("schemaString", metadata.schema_string)
      .field("partitionColumns", metadata.partition_columns);
  w.field("configuration", metadata.configuration).field("createdTime", metadata.created_time);
  return wrapped("metaData", w.end_object().take());
}

std::string to_json(const Protocol& protocol) {
  JsonWriter w;
  w.begin_object().field("minReaderVersion", protocol.min_reader_version);
  w.field("minWriterVersion", protocol.min_writer_version);
  // The lists are there exactly where the versions announce them.
  if (protocol.min_reader_version >= 3) w.field("readerFeatures", protocol.reader_features);
  if (protocol.min_writer_version >= 7) w.field("writerFeatures", protocol.writer_features);
  return wrapped("protocol", w.end_object().take());
}

std::string to_json(const Txn& txn) {
  JsonWriter w;
  w.begin_object().field("appId", txn.app_id).field("version", txn.version);
  if (txn.last_updated != 0) w.field("lastUpdated", txn.last_updated);
  return wrapped("txn", w.end_object().take());
}

std::string to_json(const DomainMetadata& domain) {
  JsonWriter w;
  w.begin_object().field("domain", domain.domain).field("configuration", domain.configuration);
  return wrapped("domainMetadata", w.field("removed", domain.removed).end_object().take());
}

std::string to_json(const Cdc& cdc) {
  JsonWriter w;
  w.begin_object().field("path", cdc.path);
  write_partition_values(w, cdc.partition_values);
  return wrapped("cdc", w.field("size", cdc.size).field("dataChange", false).end_object().take());
}

std::string to_json_lines(const Commit& commit) {
  std::string out;
  const auto line = [&](std::string text) {
    out += text;
    out += '\n';
  };
  if (commit.info) line(wrapped("commitInfo", commit.info->json));
  if (commit.protocol) line(to_json(*commit.protocol));
  if (commit.metadata) line(to_json(*commit.metadata));
  for (const auto& txn : commit.txns) line(to_json(txn));
  for (const auto& domain : commit.domains) line(to_json(domain));
  for (const auto& remove : commit.removes) line(to_json(remove));
  for (const auto& add : commit.adds) line(to_json(add));
  for (const auto& cdc : commit.cdcs) line(to_json(cdc));
  return out;
}

std::string DeletionVector::unique_id() const {
  return storage_type + path_or_inline + (offset ? "@" + std::to_string(*offset) : "");
}

bool Commit::changes_data() const {
  for (const auto& add : adds) {
    if (add.data_change) return true;
  }
  for (const auto& remove : removes) {
    if (remove.data_change) return true;
  }
  return false;
}

}  // namespace windrow::lake
