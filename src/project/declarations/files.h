#pragma once

#include <string>
#include <vector>

#include "project/checks.h"
#include "project/connection.h"
#include "project/kinds.h"

/// One declaration per kind of file. Each parses, and from each come the JSON Schema and the
/// reference.
namespace windrow::project {

struct Build;
struct DeclaredCalendar;
struct DeclaredSchedule;
struct Model;
struct Project;
struct Publication;
struct Seed;
struct Sensor;
struct Source;
struct Task;
struct UnitTest;

Keys<Project> project_file(const Kinds& kinds);
/// `kinds` outlives it, and those below.
Keys<Source> source_file(const Kinds& kinds);
Keys<Model> model_header(const Kinds& kinds);
const Keys<Seed>& seed_file();
Keys<Publication> publish_file(const Kinds& kinds);
const Keys<Task>& task_file();
const Keys<UnitTest>& test_file();
/// A schedule: in a file of its own, or as the value of its name.
Type<DeclaredSchedule> schedule_type(bool in_file);
/// The same of a sensor.
Type<Sensor> sensor_type(bool in_file);
Type<DeclaredCalendar> calendar_type();

// What several of them share.
const Keys<Common>& common_keys();
/// `name` or `{name: arguments}`; `of_column`: those that a column may have, else those of a table.
Type<Check> check_type(bool of_column);
/// `in_source`: with `value`, the SQL expression over a record.
Type<std::vector<ColumnDeclaration>> columns_type(bool in_source);
Type<std::vector<std::pair<std::string, std::string>>> partition_by_type();
Type<Build> build_type();
Type<std::vector<std::string>> key_columns_type();
/// A connection, by its kind's keys. `kinds` outlives it.
Type<Connection> connection_type(const Kinds& kinds);

}  // namespace windrow::project
