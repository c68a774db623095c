#include "agent/history/history_file.h"

#include <cstring>
#include <type_traits>

#include "storage/side/loose_file.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kMagic = "hookspool history 1\n";
constexpr const char* kName = "history";

static_assert(std::is_trivially_copyable_v<HistorySample> && sizeof(HistorySample) == 44,
              "another form needs another number in kMagic");
static_assert(kHistoryBytesMax < storage::kLooseFileBytesMax);

}  // namespace

std::string history_text(const std::vector<HistorySample>& coarse) {
  std::string text(kMagic);
  const std::size_t bytes = coarse.size() * sizeof(HistorySample);
  text.resize(kMagic.size() + bytes);
  if (bytes > 0) std::memcpy(text.data() + kMagic.size(), coarse.data(), bytes);
  return text;
}

std::vector<HistorySample> history_samples(std::string_view text) {
  if (!text.starts_with(kMagic) || text.size() > kHistoryBytesMax) return {};
  text.remove_prefix(kMagic.size());
  if (text.size() % sizeof(HistorySample) != 0) return {};
  std::vector<HistorySample> samples(text.size() / sizeof(HistorySample));
  if (!samples.empty()) std::memcpy(samples.data(), text.data(), text.size());
  return samples;
}

std::vector<HistorySample> read_history(const std::filesystem::path& journal) {
  return history_samples(storage::read_loose_file(journal / kName).value_or(""));
}

storage::JournalResult<void> write_history(const std::filesystem::path& journal,
                                           const std::vector<HistorySample>& coarse) {
  return storage::write_loose_file(journal / kName, history_text(coarse));
}

}  // namespace hookspool::agent
