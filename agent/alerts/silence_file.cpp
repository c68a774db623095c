#include "agent/alerts/silence_file.h"

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "storage/side/loose_file.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::json;
using Seconds = SilentSources::Seconds;

constexpr const char* kName = "silence";
constexpr int kVersion = 1;
constexpr std::size_t kFrameBytes = 64;  // what is around the sources
constexpr std::uint64_t kSecondsMax = 100ull * 366 * 86'400;

std::optional<std::uint64_t> number(const Json& json, const char* name, std::uint64_t most) {
  const auto at = json.find(name);
  if (at == json.end() || !at->is_number_unsigned() || at->get<std::uint64_t>() > most) return std::nullopt;
  return at->get<std::uint64_t>();
}

std::optional<SilentSources::Known> known_of(const std::string& source, const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto watched = number(json, "watched_s", kSecondsMax),
             longest = number(json, "longest_s", kSecondsMax);
  const auto requests = number(json, "requests", std::numeric_limits<std::uint64_t>::max());
  const auto hours = json.find("hours_s");
  if (!watched || !longest || !requests || hours == json.end() || !hours->is_array()) return std::nullopt;
  if (hours->size() != SilentSources::kHours) return std::nullopt;
  SilentSources::Known known{source, Seconds(*watched), *requests, Seconds(*longest), {}};
  for (std::size_t hour = 0; hour < SilentSources::kHours; ++hour) {
    const Json& seconds = (*hours)[hour];
    if (!seconds.is_number_unsigned() || seconds.get<std::uint64_t>() > kSecondsMax) return std::nullopt;
    known.hours[hour] = static_cast<std::uint32_t>(seconds.get<std::uint64_t>());
  }
  return known;
}

}  // namespace

std::string silence_text(const std::vector<SilentSources::Known>& known) {
  std::string sources;
  for (const auto& one : known) {
    const Json each{{"watched_s", one.watched.count()},
                    {"requests", one.requests},
                    {"longest_s", one.longest.count()},
                    {"hours_s", one.hours}};
    const std::string text =
        (sources.empty() ? "" : ",") + Json(one.source).dump(-1, ' ', true) + ":" + each.dump();
    if (kFrameBytes + sources.size() + text.size() > storage::kLooseFileBytesMax) break;
    sources += text;
  }
  return "{\"version\":" + std::to_string(kVersion) + ",\"sources\":{" + sources + "}}";
}

std::vector<SilentSources::Known> silence_known(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("version", Json()) != kVersion) return {};
  const auto sources = json.find("sources");
  if (sources == json.end() || !sources->is_object()) return {};
  std::vector<SilentSources::Known> all;
  for (const auto& [source, each] : sources->items()) {
    if (auto known = known_of(source, each)) all.push_back(std::move(*known));
  }
  return all;
}

std::vector<SilentSources::Known> read_silence(const std::filesystem::path& journal) {
  return silence_known(storage::read_loose_file(journal / kName).value_or(""));
}

storage::JournalResult<void> write_silence(const std::filesystem::path& journal,
                                           const std::vector<SilentSources::Known>& known) {
  return storage::write_loose_file(journal / kName, silence_text(known));
}

}  // namespace hookspool::agent
