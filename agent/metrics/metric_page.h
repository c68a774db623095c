// Metrics in the text format of Prometheus (version 0.0.4), family by family: a name, its help, and a value for each set of
// labels. The serializer is prometheus-cpp's.
// Source: prometheus.io, "Exposition formats" and "Metric and label naming". Not thread-safe.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/histogram.h"

namespace hookspool::agent {

class MetricPage {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  MetricPage();
  ~MetricPage();
  MetricPage(const MetricPage&) = delete;
  MetricPage& operator=(const MetricPage&) = delete;

  // A family. `name` without the prefix "hookspool_"; a counter's ends with _total. Values that follow belong to it.
  MetricPage& counter(std::string_view name, std::string_view help);
  MetricPage& gauge(std::string_view name, std::string_view help);
  MetricPage& histogram(std::string_view name, std::string_view help);
  // Of a process, as every exporter names it: without the prefix.
  MetricPage& process_counter(std::string_view name, std::string_view help);
  MetricPage& process_gauge(std::string_view name, std::string_view help);

  // REQUIRES: a family of that kind.
  template <class Number>
  MetricPage& value(Number value, Labels labels = {}) {
    return add(static_cast<double>(value), labels);
  }
  MetricPage& value(const Histogram::Counts& counts, Labels labels = {});

  // A family without a value is left out.
  std::string text() const;

 private:
  MetricPage& add(double value, Labels labels);
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace hookspool::agent
