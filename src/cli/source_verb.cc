#include "app/app.h"
#include "cli/session.h"

// source.
namespace windrow::cli {

int source_verb(Session& session) {
  const auto app = open_app(session);
  app::RunOptions options;
  options.reload = session.arguments.source;
  options.without_missing = session.arguments.without_missing;
  return run_with(session, *app, options);
}

}  // namespace windrow::cli
