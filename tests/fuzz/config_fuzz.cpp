// The configuration: any text gives either a whole configuration or faults that name a place in it.
#include <string>

#include "agent/config/config.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const agent::ConfigResult result = agent::parse_config(text, "fuzz.toml");
  if (result) return 0;
  fuzz::require(!result.error().lines.empty(), "a refused configuration has a fault");
  for (const std::string& line : result.error().lines)
    fuzz::require(line.starts_with("fuzz.toml"), "a fault names the file");
  return 0;
}
