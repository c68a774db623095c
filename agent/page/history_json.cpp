#include "agent/page/history_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace hookspool::agent {
namespace {

// Four figures are more than a chart shows.
double short_number(float value) {
  if (value == 0) return 0;
  const double scale = std::pow(10, 3 - std::floor(std::log10(std::abs(static_cast<double>(value)))));
  return std::round(static_cast<double>(value) * scale) / scale;
}

}  // namespace

std::string series_json(std::chrono::milliseconds step, const std::vector<HistorySample>& samples) {
  using Json = nlohmann::ordered_json;
  Json json{{"step", step.count() / 1000}, {"t", Json::array()}};
  for (const HistorySample& sample : samples) json["t"].push_back(sample.end_s);
  const auto column = [&](const char* name, float HistorySample::*which) {
    Json& values = json[name] = Json::array();
    for (const HistorySample& sample : samples) {
      const float value = sample.*which;
      values.push_back(value < 0 ? Json() : Json(short_number(value)));
    }
  };
  column("accepted", &HistorySample::accepted);
  column("delivered", &HistorySample::delivered);
  column("refused", &HistorySample::refused);
  column("waiting", &HistorySample::waiting);
  column("down", &HistorySample::down);
  column("durable_p50", &HistorySample::durable_p50);
  column("durable_p99", &HistorySample::durable_p99);
  column("committed_p50", &HistorySample::committed_p50);
  column("committed_p99", &HistorySample::committed_p99);
  return json.dump();
}

}  // namespace hookspool::agent
