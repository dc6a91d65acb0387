#include "sources/sse/kind.h"

#include <fmt/format.h>

#include "sources/rest/kind.h"
#include "sources/rest/look.h"

namespace windrow::sources {

namespace {

using project::duration_type;
using project::text_type;

project::Keys<SseFrom> keys() {
  project::Keys<SseFrom> out("sse");
  out.required("sse", &SseFrom::connection, text_type(),
               "The connection (type rest), or the stream's URL.")
      .bound(false, "path", text_type(), "", "The stream's path on the connection.",
             [](SseFrom& from, std::string&& path, const project::Node& node,
                project::Reading& reading) {
               from.path = encoded_path(node, std::move(path), reading);
             })
      .optional("events", &SseFrom::events, project::one_or_list_type(text_type()), "all",
                "Types of events that are kept.")
      .optional("for", &SseFrom::listens, duration_type(), "1m", "A run listens at most so long.")
      .optional("idle", &SseFrom::idle, duration_type(), "5s",
                "A run ends where nothing comes for so long.");
  add_record_bytes_max(out);
  return out;
}

std::string look(const project::Source& source, const Context& context, Cancel& cancel) {
  const auto& from = project::own_or_default<SseFrom>(source);
  const auto server = rest_server(context.project, from.connection, source.from.place);
  auto requester = impatient(server);
  const std::string url = server.url + from.path;
  const auto answer = peek(requester, url, "text/event-stream", cancel);
  const std::string shown = clients::shown_url(url);
  if (answer.silent) return shown + " sent nothing within 5 seconds, which a quiet stream may do";
  if (answer.status >= 400) {
    throw Error(answer.status >= 500 ? Code::unavailable : Code::configuration,
                fmt::format("GET {}: the server answers {}", shown, answer.status),
                "check `path` of the source and `auth` of the connection");
  }
  return shown + (answer.body ? " sends events" : " has no event now");
}

}  // namespace

SourceKind sse_kind() {
  SourceKind out;
  out.declared = {"sse", project::own_type(keys()), settle_extracted};
  out.declared.origin = "the column id says which event it is";
  out.connections = {{"rest", look_at_server}};
  out.open = sse_reader;
  out.look = look;
  out.shaping = {"events"};
  out.columns = sse_columns();
  return out;
}

}  // namespace windrow::sources
