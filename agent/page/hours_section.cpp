#include <algorithm>
#include <map>

#include "agent/page/sections.h"
#include "agent/page/words.h"

namespace hookspool::agent {
namespace {

struct Hour {
  double accepted = 0, delivered = 0, refused = 0, down_s = 0, ran_s = 0;
  double waiting = 0, durable_p99 = -1, committed_p99 = -1;  // the most of any minute
};

// By the hour of the wall clock in which a sample ends, newest first.
std::map<std::uint32_t, Hour, std::greater<>> by_hour(const std::vector<HistorySample>& samples) {
  std::map<std::uint32_t, Hour, std::greater<>> hours;
  for (const HistorySample& sample : samples) {
    Hour& hour = hours[sample.end_s / 3'600];
    const double seconds = static_cast<double>(sample.length_ms) / 1000;
    hour.accepted += static_cast<double>(sample.accepted) * seconds;
    hour.delivered += static_cast<double>(sample.delivered) * seconds;
    hour.refused += static_cast<double>(sample.refused) * seconds;
    hour.down_s += static_cast<double>(sample.down) * seconds;
    hour.ran_s += seconds;
    hour.waiting = std::max(hour.waiting, static_cast<double>(sample.waiting));
    hour.durable_p99 = std::max(hour.durable_p99, static_cast<double>(sample.durable_p99));
    hour.committed_p99 = std::max(hour.committed_p99, static_cast<double>(sample.committed_p99));
  }
  return hours;
}

std::uint64_t whole(double value) {
  return static_cast<std::uint64_t>(value + 0.5);
}

}  // namespace

void add_hours(const PageFacts& facts, Html& html) {
  html.raw("<details class=\"hours\"><summary>The last 24 hours as a table</summary><div class=\"scroll\" ")
      .raw(
          "tabindex=\"0\" role=\"group\" aria-label=\"The last 24 hours as a table\"><table><thead><tr><th "
          "scope=\"col\">hour (UTC)</th>")
      .raw("<th scope=\"col\" class=\"n\">accepted</th><th scope=\"col\" class=\"n\">delivered</th>")
      .raw("<th scope=\"col\" class=\"n\">refused</th><th scope=\"col\" class=\"n\">most waiting</th>")
      .raw("<th scope=\"col\" class=\"n\">p99 to disk, highest</th>")
      .raw("<th scope=\"col\" class=\"n\">p99 to PostgreSQL, highest</th>")
      .raw("<th scope=\"col\" class=\"n\">PostgreSQL away</th></tr></thead><tbody>");
  for (const auto& [number, hour] : by_hour(facts.coarse)) {
    const std::int64_t begin_us = std::int64_t{number} * 3'600'000'000;
    html.raw("<tr><th scope=\"row\">")
        .text(moment_words(begin_us, facts.now_us))
        .raw("</th><td class=\"n\">");
    html.number(whole(hour.accepted)).raw("</td><td class=\"n\">").number(whole(hour.delivered));
    html.raw("</td><td class=\"n\">").number(whole(hour.refused)).raw("</td><td class=\"n\">");
    html.number(whole(hour.waiting)).raw("</td><td class=\"n\">").text(ms_words(hour.durable_p99));
    html.raw("</td><td class=\"n\">").text(ms_words(hour.committed_p99)).raw("</td><td class=\"n\">");
    html.text(hour.down_s < 1 ? "-" : span_words(hour.down_s)).raw("</td></tr>");
  }
  if (facts.coarse.empty()) html.raw("<tr><td colspan=\"8\">The first minute is not over yet.</td></tr>");
  html.raw("</tbody></table></div></details>\n");
}

}  // namespace hookspool::agent
