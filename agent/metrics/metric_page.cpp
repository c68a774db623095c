#include "agent/metrics/metric_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cassert>
#include <limits>
#include <vector>

namespace hookspool::agent {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct MetricPage::Families {
  std::vector<MetricFamily> all;

  void begin(std::string name, std::string_view help, MetricType type) {
    all.push_back({std::move(name), std::string(help), type, {}});
  }
  ClientMetric& add(Labels labels) {
    assert(!all.empty());
    ClientMetric& metric = all.back().metric.emplace_back();
    for (const auto& [name, value] : labels) metric.label.push_back({std::string(name), std::string(value)});
    return metric;
  }
};

namespace {

constexpr std::string_view kPrefix = "hookspool_";

std::string prefixed(std::string_view name) {
  return std::string(kPrefix) + std::string(name);
}

}  // namespace

MetricPage::MetricPage() : families_(std::make_unique<Families>()) {}
MetricPage::~MetricPage() = default;

MetricPage& MetricPage::counter(std::string_view name, std::string_view help) {
  families_->begin(prefixed(name), help, MetricType::Counter);
  return *this;
}
MetricPage& MetricPage::gauge(std::string_view name, std::string_view help) {
  families_->begin(prefixed(name), help, MetricType::Gauge);
  return *this;
}
MetricPage& MetricPage::histogram(std::string_view name, std::string_view help) {
  families_->begin(prefixed(name), help, MetricType::Histogram);
  return *this;
}
MetricPage& MetricPage::process_counter(std::string_view name, std::string_view help) {
  families_->begin(std::string(name), help, MetricType::Counter);
  return *this;
}
MetricPage& MetricPage::process_gauge(std::string_view name, std::string_view help) {
  families_->begin(std::string(name), help, MetricType::Gauge);
  return *this;
}

MetricPage& MetricPage::add(double value, Labels labels) {
  ClientMetric& metric = families_->add(labels);
  if (families_->all.back().type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return *this;
}

MetricPage& MetricPage::value(const Histogram::Counts& counts, Labels labels) {
  ClientMetric::Histogram& histogram = families_->add(labels).histogram;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts.each.size(); ++i) {
    below += counts.each[i];
    const double bound = i < Histogram::kBoundsUs.size() ? static_cast<double>(Histogram::kBoundsUs[i]) / 1e6
                                                         : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({below, bound});
  }
  histogram.sample_count = below;
  histogram.sample_sum = static_cast<double>(counts.sum_us) / 1e6;
  return *this;
}

std::string MetricPage::text() const {
  std::vector<MetricFamily> with_values;
  for (const MetricFamily& family : families_->all) {
    if (!family.metric.empty()) with_values.push_back(family);
  }
  return prometheus::TextSerializer().Serialize(with_values);
}

}  // namespace hookspool::agent
