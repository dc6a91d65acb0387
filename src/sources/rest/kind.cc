#include "sources/rest/kind.h"

#include "clients/transport.h"
#include "sources/rest/extraction.h"
#include "sources/rest/look.h"

namespace windrow::sources {

namespace {

using project::Node;
using project::Reading;
using project::Value;
using project::word_type;

Value* at(Value& map, std::string_view key) {
  auto* entries = std::get_if<Value::Map>(&map.data);
  if (!entries) return nullptr;
  for (auto& [name, value] : *entries)
    if (name.value == key) return &value;
  return nullptr;
}

void encode_path(const Node* written, Value* path, Reading& reading) {
  if (written && path && written->text.find("${") != std::string::npos)
    path->data = encoded_path(*written, path->text(), reading);
}

void take_resources(RestFrom& from, Value&& resources, const Node& node, Reading& reading) {
  for (const auto& [key, written] : node.entries) {
    Value* resource = at(resources, key.text);
    if (written.kind == Node::Kind::scalar)
      encode_path(&written, resource, reading);
    else if (resource)
      encode_path(written.find("path"), at(*resource, "path"), reading);
  }
  from.resources = std::move(resources);
}

/// What resources say is held when the source is opened.
project::Keys<RestFrom> keys() {
  project::Keys<RestFrom> out("rest");
  out.required("rest", &RestFrom::connection, project::text_type(),
               "The connection (type rest), or the server's URL.")
      .bound(true, "resources", project::mapping_type("mapping of resource to path or mapping"), "",
             "What is asked for: name → path, or a mapping with path, params, records, "
             "primary_key, total, paginate, missing, conditional, incremental.",
             take_resources)
      .optional("every", &RestFrom::every, project::duration_type(), "each run",
                "Asks again only where the last complete extraction began so long ago.")
      .optional("passes", &RestFrom::passes, project::integer_type(1), "3",
                "A list that moved while it was read, or fell short, is read at most so often.")
      .optional("incomplete", &RestFrom::incomplete, word_type({"warn", "fail"}), "warn",
                "What becomes of a list that stays shorter than the server promised.")
      .optional("keep", &RestFrom::keep, word_type({"records", "responses"}), "records",
                "A row is a record, or a whole response.");
  add_record_bytes_max(out);
  return out;
}

}  // namespace

std::string encoded_path(const Node& written, std::string path, Reading& reading) {
  if (written.text.find("${") == std::string::npos) return path;
  const std::string host = written.text.starts_with('/') ? "http://h" : "http://h/";
  Node whole = written;
  whole.text = host + written.text;
  const auto text = reading.text(whole, "a path");
  return text ? text->substr(host.size()) : path;
}

void settle_extracted(project::Source& source) {
  if (source.raw.empty()) source.raw = "raw";
  if (source.partition_by.empty()) {
    source.partition_by = {{"extracted_date", "CAST(extracted_at AT TIME ZONE 'UTC' AS DATE)"},
                           {"extracted_hour", "hour(extracted_at AT TIME ZONE 'UTC')"}};
  }
}

SourceKind rest_kind() {
  SourceKind out;
  out.declared = {"rest", project::own_type(keys()), settle_extracted};
  out.declared.origin = "the columns endpoint, request and page say where a record comes from";
  out.connections = {{"rest", look_at_server}};
  out.open = rest_reader;
  out.look = look_at_rest;
  out.shaping = {"keep", "resources"};
  out.columns = rest_columns();
  return out;
}

project::ConnectionKind rest_connection() {
  project::ConnectionKind out;
  out.name = "rest";
  out.open = true;
  out.exposure = [](const project::Connection& connection, const std::string&) {
    return clients::http_exposure(connection.text("url"));
  };
  return out;
}

}  // namespace windrow::sources
