// The 24 hours of the history over a restart: the file "history" in the journal's folder, at most kHistoryBytesMax. One that
// is damaged, or of another version or machine, is ignored.
//
//   "hookspool history 1\n", then each HistorySample as it is in memory, oldest first; the checksum is loose_file.h's
//
// Thread-safe: one writer at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/history/history.h"
#include "storage/model/journal_error.h"

namespace hookspool::agent {

inline constexpr std::size_t kHistoryBytesMax = 64 + History::kCoarseMax * sizeof(HistorySample);

std::string history_text(const std::vector<HistorySample>& coarse);
// Empty: it is none.
std::vector<HistorySample> history_samples(std::string_view text);

std::vector<HistorySample> read_history(const std::filesystem::path& journal);
storage::JournalResult<void> write_history(const std::filesystem::path& journal,
                                           const std::vector<HistorySample>& coarse);

}  // namespace hookspool::agent
