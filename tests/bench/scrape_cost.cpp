// scrape_cost [lanes]: what one scrape of /metrics costs a real agent whose lanes all have a webhook waiting; 200 lanes unless
// another number is given. Prints figures and asserts nothing but that each answer came. The processor time is the agent's
// own, as it counts it, so that it holds on a machine with other work as well.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/integration/system/agent_process.h"
#include "tests/integration/system/raw_client.h"

namespace hookspool::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int kScrapes = 200;

std::string page(RawClient& client) {
  Answer answer = client.exchange(get_request("/metrics"));
  if (answer.status != 200) throw std::runtime_error("no answer to /metrics");
  return std::move(answer.body);
}

double cpu_seconds(const std::string& text) {
  const std::string name = "\nprocess_cpu_seconds_total ";
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + name.size());
}

int measure(int lanes) {
  AgentOptions options;
  options.binary = agent_binary();
  options.more_journal = "min_free_bytes = \"16MiB\"\n";
  for (int i = 1000; i < 1000 + lanes; ++i) options.sources += "[sources.lane" + std::to_string(i) + "]\n";
  AgentProcess agent(options);
  agent.start();
  RawClient sender(agent.intake_port());
  for (int i = 1000; i < 1000 + lanes; ++i) {
    const Answer taken = sender.exchange(post_request("/hooks/lane" + std::to_string(i), "", "{}"));
    if (taken.status != 200) throw std::runtime_error("a webhook was refused");
  }
  RawClient client(agent.admin_port());
  std::string text = page(client);  // reads one event a lane, once
  const double cpu_before = cpu_seconds(text);
  std::vector<double> took;
  for (int i = 0; i < kScrapes; ++i) {
    const auto began = Clock::now();
    text = page(client);
    took.push_back(Milliseconds(Clock::now() - began).count());
  }
  const double cpu_ms = (cpu_seconds(text) - cpu_before) * 1'000 / kScrapes;
  std::sort(took.begin(), took.end());
  std::printf(
      "%d lanes, %d scrapes: page %.0f KiB; processor %.2f ms each; took %.2f ms (median), %.2f ms (p99)\n",
      lanes, kScrapes, static_cast<double>(text.size()) / 1'024, cpu_ms, took[took.size() / 2],
      took[took.size() * 99 / 100]);
  return 0;
}

}  // namespace
}  // namespace hookspool::testing

int main(int argc, char** argv) {
  try {
    return hookspool::testing::measure(argc > 1 ? std::max(1, std::atoi(argv[1])) : 200);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
