#include "tests/bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>

#include "tests/bench/rig.h"
#include "tests/support/pg_programs.h"
#include "tests/support/process.h"

namespace hookspool::bench {
namespace {

std::string after_colon(const char* file, const std::string& field) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with(field) && colon != std::string::npos)
      return line.substr(line.find_first_not_of(" \t", colon + 1));
  }
  return {};
}

// The first line that a command says; empty if it fails.
std::string said(const std::vector<std::string>& argv) {
  try {
    const auto captured = testing::run_and_capture({.argv = argv});
    if (captured.status.code != 0) return {};
    return captured.output.substr(0, captured.output.find('\n'));
  } catch (const std::exception&) {
    return {};
  }
}

std::string debian_version(const std::string& package) {
  return said({"dpkg-query", "-W", "-f=${Version}", package});
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::vector<std::pair<std::string, std::string>> describe_machine() {
  std::vector<std::pair<std::string, std::string>> lines;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) lines.emplace_back(name, value);
  };
  add("processor", std::to_string(sysconf(_SC_NPROCESSORS_ONLN)) + " cores, " +
                       after_colon("/proc/cpuinfo", "model name"));
  const double pages = static_cast<double>(sysconf(_SC_PHYS_PAGES));
  char memory[32];
  std::snprintf(memory, sizeof memory, "%.0f GiB",
                pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024 * 1024));
  add("memory", memory);
  utsname kernel{};
  if (uname(&kernel) == 0) add("kernel", std::string(kernel.sysname) + " " + kernel.release);
  add("file system of /tmp, where all of it lies", said({"findmnt", "-n", "-o", "FSTYPE", "-T", "/tmp"}));
  add("hookspool", said({agent_binary(), "version"}));
  add("compiler", said({"g++", "--version"}));
  add("PostgreSQL", said({testing::pg_program("postgres"), "--version"}));
  for (const char* package : {"libcpp-httplib-dev", "libsqlite3-0", "wrk", "python3-flask", "gunicorn",
                              "python3-sqlalchemy", "python3-psycopg2"}) {
    add(package, debian_version(package));
  }
  return lines;
}

}  // namespace hookspool::bench
