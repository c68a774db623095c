// Reads what a run has left behind, for the checker. Not thread-safe. Throws std::runtime_error.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/history/result.h"
#include "tests/integration/system/agent_process.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::history {

// Rows, dead letters, the witness's dead letters, watermarks and gaps.
Result read_postgres(const testing::PgCluster& postgres);

// Every event that the journal still holds, read through storage/ from a copy at `copy`, which is made anew: reading
// opens a journal, and the original stays as the agent left it.
std::vector<Journaled> read_journal(const std::filesystem::path& journal, const std::filesystem::path& copy);

void dump_postgres(const testing::PgCluster& postgres, const std::filesystem::path& file);

// `hookspool dead retry --all`; what it answered.
std::string retry_dead_letters(const testing::AgentProcess& agent, const std::string& binary);

}  // namespace hookspool::history
