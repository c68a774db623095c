// hookspool-manual SAMPLE FOLDER: writes the manual's pages into FOLDER. Runs while hookspool is built, and is not installed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/app/command_line.h"
#include "agent/base/exit_codes.h"
#include "agent/base/version.h"
#include "agent/commands/command_set.h"
#include "agent/manual/command_pages.h"
#include "agent/manual/config_page.h"

namespace {

using namespace hookspool::agent;

bool write(const std::filesystem::path& folder, const Page& page) {
  std::ofstream out(folder / page.file, std::ios::binary);
  out << page.text << std::flush;
  if (!out) std::fprintf(stderr, "cannot write %s\n", (folder / page.file).c_str());
  return static_cast<bool>(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: hookspool-manual SAMPLE FOLDER\n", stderr);
    return kExitUsage;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string sample{std::istreambuf_iterator<char>(in), {}};
  if (sample.empty()) {
    std::fprintf(stderr, "cannot read %s\n", argv[1]);
    return kExitNoInput;
  }
  const std::filesystem::path folder = argv[2];
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const Edition edition{HOOKSPOOL_RELEASE_DATE, kVersion};
  CLI::App app;
  CommandSet commands(app);
  describe_commands(app, commands);
  auto pages = command_pages(app, edition);
  pages.push_back(config_page(sample, edition));
  for (const auto& page : pages) {
    if (!write(folder, page)) return kExitIo;
  }
  return kExitOk;
}
