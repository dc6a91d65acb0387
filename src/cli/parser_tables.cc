#include "cli/parser_parts.h"

namespace windrow::cli {

CLI::App* verb(CLI::App& parent, const char* group, const std::string& name,
               const std::string& what, const std::string& examples) {
  auto* out = parent.add_subcommand(name, what);
  out->group(group);
  out->footer("Examples:\n" + examples +
              "\nOptions of every verb (-C, --env, --json, …): windrow --help");
  return out;
}

CLI::Option* repeatable(CLI::Option* option) { return option->allow_extra_args(false)->take_all(); }

void limit(CLI::App* to, Arguments& a, const std::string& what) {
  to->add_option("--limit", a.limit, what)->type_name("N")->check(CLI::NonNegativeNumber);
}

void rows(CLI::App* to, Arguments& a) {
  to->add_option("--format", a.format,
                 "table, csv, json or parquet (default: table, or by the ending of --out)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "csv", "json", "parquet"}));
  to->add_option("-o,--out", a.out_file, "write to this file, whole or not at all")
      ->type_name("FILE");
  limit(to, a, "at most so many rows (default: all; as a table 100)");
}

void version_or_time(CLI::App* to, Arguments& a) {
  auto* version = to->add_option("--version", a.version, "this version")->type_name("N");
  to->add_option("--at", a.at, "the version of this time")->type_name("TIME")->excludes(version);
}
void dry_run(CLI::App* to, Arguments& a) {
  to->add_flag("--dry-run", a.dry_run, "change nothing, say what would be done");
}

namespace {

void the_table(CLI::App* to, Arguments& a) {
  to->add_option("uri", a.uri, "the table's folder, or LAYER.TABLE of the project")->required();
}

void maintenance_verbs(CLI::App& table, Arguments& a) {
  auto* optimize =
      verb(table, "Maintenance", "optimize", "pack small files, or sort along a Z-order",
           "  windrow table optimize gold.trending\n"
           "  windrow table optimize lake/silver/events --where \"year = 2025\" \\\n"
           "      --zorder user,page\n");
  auto* vacuum = verb(table, "Maintenance", "vacuum",
                      "remove files that no version inside the retention needs",
                      "  windrow table vacuum gold.trending --dry-run\n"
                      "  windrow table vacuum lake/gold/trending --retention 720h\n");
  auto* erase = verb(table, "Maintenance", "erase", "remove rows on request, for good",
                     "  windrow table erase silver.users --key id=17 --purge\n"
                     "  windrow table erase silver.users --where \"country = 'XX'\" --dry-run\n");
  auto* stats = verb(table, "Maintenance", "stats", "what it takes up, and how it grows",
                     "  windrow table stats gold.trending --capacity 1TB\n");
  auto* clone = verb(table, "Maintenance", "clone",
                     "a second table over the same files (shallow), without copying them",
                     "  windrow table clone gold.trending /tmp/trial --version 3\n");
  auto* clean = verb(table, "Maintenance", "clean-log",
                     "drop old versions from its log, keeping their provenance",
                     "  windrow table clean-log gold.trending --retention 90d\n");
  for (auto* each : {optimize, vacuum, erase, stats, clone, clean}) the_table(each, a);
  optimize->add_option("--where", a.where, "only partitions for which this holds")
      ->type_name("SQL");
  optimize->add_option("--zorder", a.zorder, "rewrite all files, sorted along these columns")
      ->type_name("COLUMNS")
      ->delimiter(',');
  optimize
      ->add_option("--target-size", a.target_size,
                   "size of a file (default: delta.targetFileSize, else 256MiB)")
      ->type_name("SIZE");
  for (auto* each : {vacuum, clean}) {
    each->add_option("--retention", a.retention,
                     each == vacuum ? "keep what younger versions need (default: the table's, 7d)"
                                    : "keep younger versions (default: the table's, 30d)")
        ->type_name("DURATION");
  }
  vacuum->add_flag("--force", a.force, "also with less than the table's retention");
  dry_run(vacuum, a);
  auto* where = erase->add_option("--where", a.where, "rows for which this holds");
  where->type_name("SQL");
  repeatable(erase->add_option("--key", a.keys, "rows with this value; repeated: with all of them"))
      ->type_name("COLUMN=VALUE")
      ->excludes(where);
  auto* purge =
      erase->add_flag("--purge", a.purge, "also remove the files of older versions that hold them");
  erase
      ->add_flag("--verify", a.verify,
                 "change nothing; look for what is left of them in files and log, fail if anything")
      ->excludes(purge);
  dry_run(erase, a);
  stats->add_option("--capacity", a.capacity, "say when so much is used up")->type_name("SIZE");
  clone->add_option("target", a.target, "the new table's folder")->required();
  version_or_time(clone, a);
}

void the_select(CLI::App* to, Arguments& a) {
  auto* sql = to->add_option("select", a.sql, "the SELECT that yields the rows");
  to->add_option("-f,--file", a.sql_file, "read it from this file")
      ->type_name("FILE")
      ->excludes(sql);
}

void writing_verbs(CLI::App& table, Arguments& a) {
  auto* write =
      verb(table, "Writing", "write", "add or replace rows; makes the table where there is none",
           "  windrow table write /data/events \"FROM 'new.parquet'\" --partition-by day\n"
           "  windrow table write /data/events --file fresh.sql --mode where \\\n"
           "      --where \"day = '2025-10-17'\"\n");
  auto* remove = verb(table, "Writing", "delete", "remove rows",
                      "  windrow table delete /data/events --where \"kind = 'test'\"\n");
  auto* update = verb(table, "Writing", "update", "change rows",
                      "  windrow table update /data/events --set \"kind = lower(kind)\" \\\n"
                      "      --where \"kind <> lower(kind)\"\n");
  auto* merge =
      verb(table, "Writing", "merge", "update, insert and delete by another SELECT's rows",
           "  windrow table merge /data/users \"FROM 'changes.csv'\" --on \"t.id = s.id\" \\\n"
           "      --when \"matched if s.op = 'D': delete\" --when \"matched: update\" \\\n"
           "      --when \"not-matched: insert\"\n");
  auto* alter = verb(table, "Writing", "alter", "change its columns, rules and properties",
                     "  windrow table alter /data/users --add \"address.zip VARCHAR\" \\\n"
                     "      --rename mail=email\n"
                     "  windrow table alter /data/users --check \"adult=age >= 18\" \\\n"
                     "      --set delta.enableChangeDataFeed=true\n");
  for (auto* each : {write, remove, update, merge, alter}) the_table(each, a);
  for (auto* each : {write, merge}) the_select(each, a);
  write->add_option("--mode", a.mode, "append (the default), overwrite, partitions or where")
      ->type_name("MODE")
      ->check(CLI::IsMember({"append", "overwrite", "partitions", "where"}));
  write->add_option("--partition-by", a.partition_by, "columns of a new table's partitions")
      ->type_name("COLUMNS")
      ->delimiter(',');
  write->add_option("--where", a.where, "with --mode where: the rows that are replaced")
      ->type_name("SQL");
  remove->add_option("--where", a.where, "rows for which this holds; true: all")
      ->type_name("SQL")
      ->required();
  repeatable(update->add_option("--set", a.sets, "COLUMN = EXPRESSION, several with commas"))
      ->type_name("SQL")
      ->required();
  update->add_option("--where", a.where, "rows for which this holds (default: all)")
      ->type_name("SQL");
  merge->add_option("--on", a.on, "how a row of the table (t) matches one of the SELECT (s)")
      ->type_name("SQL")
      ->required();
  repeatable(merge->add_option("--when", a.whens,
                               "KIND [if CONDITION]: ACTION; the first that applies decides "
                               "(default: matched: update, not-matched: insert)"))
      ->type_name("CLAUSE");
  const auto many = [&](const char* name, std::vector<std::string>& into, const char* what,
                        const char* type) {
    repeatable(alter->add_option(name, into, what))->type_name(type);
  };
  many("--add", a.adds, "a column, or a field of a structure", "\"COLUMN TYPE\"");
  many("--rename", a.renames, "a column; its files stay as they are (column mapping)", "OLD=NEW");
  many("--drop", a.drops, "a column; its files stay as they are (column mapping)", "COLUMN");
  many("--widen", a.widens, "to a type that holds every value of the old one", "\"COLUMN TYPE\"");
  many("--not-null", a.not_null, "refuse rows without it", "COLUMN");
  many("--nullable", a.nullable, "let rows lack it again", "COLUMN");
  many("--check", a.checks, "a rule that every row must keep", "NAME=SQL");
  many("--drop-check", a.drop_checks, "take a rule away", "NAME");
  many("--set", a.properties, "a property", "KEY=VALUE");
  many("--unset", a.unset, "take a property away", "KEY");
}

}  // namespace

void table_verbs(CLI::App& app, Arguments& a) {
  auto* table =
      verb(app, kLook, "table", "any Delta table, by its path or by its name in the project's lake",
           "  windrow table read lake/gold/trending --version 3\n"
           "  windrow table history lake/gold/trending\n"
           "  windrow table optimize gold.trending\n");
  table->require_subcommand(1);
  auto* read = verb(*table, "Verbs", "read", "its rows",
                    "  windrow table read lake/gold/trending --at 2025-10-17 --format csv\n");
  auto* history = verb(*table, "Verbs", "history", "its versions, newest first",
                       "  windrow table history lake/gold/trending --limit 5\n");
  auto* diff = verb(*table, "Verbs", "diff", "what changed between two versions, row by row",
                    "  windrow table diff lake/gold/trending --from 3 --to 5\n"
                    "  windrow table diff silver.users --from 2025-10-01 --key id\n");
  auto* restore = verb(*table, "Verbs", "restore", "make an older version the newest again",
                       "  windrow table restore lake/gold/trending --version 3\n");
  auto* drop = verb(*table, "Verbs", "drop", "remove a table with its log and all its files",
                    "  windrow table drop silver.old_name\n");
  for (auto* each : {read, history, diff, restore, drop}) the_table(each, a);
  drop->add_flag("--force", a.force, "also one that the project makes, or whose log does not read");
  dry_run(drop, a);
  version_or_time(read, a);
  rows(read, a);
  limit(history, a, "at most so many versions (default: all)");
  diff->add_option("--from", a.from, "the older version, or a time (default: the one before --to)")
      ->type_name("VERSION");
  diff->add_option("--to", a.to, "the newer version, or a time (default: the latest)")
      ->type_name("VERSION");
  auto* key = diff->add_option("--key", a.keys,
                               "columns that tell rows apart (default: the key of the model)");
  key->type_name("COLUMNS")->delimiter(',');
  diff->add_flag("--commits", a.commits, "commit by commit, as each of them tells it")
      ->excludes(key);
  rows(diff, a);
  version_or_time(restore, a);
  writing_verbs(*table, a);
  maintenance_verbs(*table, a);
}

}  // namespace windrow::cli
