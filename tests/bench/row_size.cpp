// Row "size".
#include "tests/bench/bench.h"

namespace hookspool::bench {

void measure_size(Bench&, Row& row) {
  const testing::TempFolder folder("hookspool-stripped");
  const std::string stripped = (folder / "hookspool").string();
  testing::run_checked({.argv = {"strip", "-o", stripped, agent_binary()}});
  row.value = spread_of({static_cast<double>(std::filesystem::file_size(stripped)) / 1e6});
  row.notes = {"MB is a million bytes; libraries are Debian's and shared"};
}

}  // namespace hookspool::bench
