// hookspool-bench [ROW...]: what the agent does against what the disk, the HTTP library and COPY can do on this machine.
// Prints one table with a goal and a verdict for each row; asserts nothing about time. The exit code is 0 where every row
// was measured, met or not, 1 where one was not, 64 for wrong arguments.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>

#include "tests/bench/bench.h"
#include "tests/bench/machine.h"
#include "tests/bench/report.h"

namespace hookspool::bench {
namespace {

struct Arguments {
  std::vector<std::string> keys;
  bool quick = false;
  bool list = false;
  std::string payloads;
  std::string json, markdown;
};

bool is_wanted(const Arguments& arguments, const RowKind& kind) {
  return arguments.keys.empty() ||
         std::find(arguments.keys.begin(), arguments.keys.end(), kind.key) != arguments.keys.end();
}

// In the order that measuring needs, and then in the order that reading needs.
std::vector<Row> measure_all(const Arguments& arguments) {
  Bench bench(arguments.quick ? Sizes::quick_look() : Sizes{}, arguments.payloads);
  std::map<std::string_view, Row> measured;
  for (const bool last : {false, true}) {
    for (const RowKind& kind : row_kinds()) {
      if (kind.last != last || !is_wanted(arguments, kind)) continue;
      say(std::string(kind.key) + ": " + std::string(kind.what));
      const Row& row = measured[kind.key] = measure(kind, bench);
      std::fputs(detail_text(row).c_str(), stderr);
    }
  }
  std::vector<Row> rows;
  for (const RowKind& kind : row_kinds()) {
    if (const auto found = measured.find(kind.key); found != measured.end()) rows.push_back(found->second);
  }
  return rows;
}

bool write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  std::ofstream file(path, std::ios::trunc);
  file << text;
  if (file.flush()) return true;
  std::fprintf(stderr, "bench: cannot write %s\n", path.c_str());
  return false;
}

int run(const Arguments& arguments) {
  if (arguments.list) {
    for (const RowKind& kind : row_kinds())
      std::printf("%-15s %s\n", std::string(kind.key).c_str(), std::string(kind.what).c_str());
    return 0;
  }
  Report report;
  report.date = utc_now();
  report.quick = arguments.quick;
  report.machine = describe_machine();
  report.rows = measure_all(arguments);
  std::printf("\n%s", table_text(report.rows).c_str());
  const bool written =
      write_file(arguments.json, json_text(report)) && write_file(arguments.markdown, markdown_text(report));
  const bool all =
      std::all_of(report.rows.begin(), report.rows.end(), [](const Row& row) { return row.failed.empty(); });
  return written && all ? 0 : 1;
}

int run(int argc, char** argv) {
  Arguments arguments;
  const char* const folder = std::getenv("HOOKSPOOL_PAYLOADS");
  arguments.payloads = folder != nullptr ? folder : HOOKSPOOL_SHARED_PAYLOADS;
  CLI::App app("What hookspool does against what the machine can do", "./dev bench");
  std::vector<std::string> keys;
  for (const RowKind& kind : row_kinds()) keys.emplace_back(kind.key);
  app.add_option("rows", arguments.keys, "the rows to measure; all unless named")->check(CLI::IsMember(keys));
  app.add_flag("--quick", arguments.quick, "short rounds and small backlogs: three minutes, for a look");
  app.add_flag("--list", arguments.list, "the names of the rows");
  app.add_option("--payloads", arguments.payloads,
                 "folder of real payloads, EVENT/*.json (or HOOKSPOOL_PAYLOADS)");
  app.add_option("--json", arguments.json, "file for the figures as JSON");
  app.add_option("--markdown", arguments.markdown, "file for the figures as Markdown; of all rows only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  if (!arguments.markdown.empty() && !arguments.keys.empty()) {
    std::fprintf(stderr, "bench: --markdown is for a run of all rows: leave out their names\n");
    return 64;
  }
  return run(arguments);
}

}  // namespace
}  // namespace hookspool::bench

int main(int argc, char** argv) {
  try {
    return hookspool::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
