// Rows about the way in that compare the agent with itself: more connections, TLS, signatures.
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_folder.h"

namespace hookspool::bench {
namespace {

constexpr int kManyConnections = 1000;
constexpr const char* kSecret = "hookspool-bench-secret";

struct Side {
  std::string name;
  testing::AgentOptions agent;
  LoadOptions load;
  LoadSender sender;
};

// Two agents, or one agent twice, in turn.
void compare(const Sizes& sizes, const Side& one, const Side& other, Row& row) {
  const Side* const sides[] = {&one, &other};
  std::vector<std::unique_ptr<testing::AgentProcess>> agents;
  for (const Side* side : sides) {
    agents.push_back(std::make_unique<testing::AgentProcess>(side->agent));
    agents.back()->start();
  }
  std::uint64_t errors = 0;
  const auto run = [&](std::size_t at, std::chrono::seconds time) {
    LoadOptions load_options = sides[at]->load;
    load_options.port = agents[at]->intake_port();
    load_options.time = time;
    const LoadFigures figures = LoadRun(load_options, sides[at]->sender).finish();
    errors += figures.errors;
    return figures.per_second;
  };
  std::vector<double> per_second[2];
  for (const std::size_t at : {0u, 1u}) run(at, sizes.warm_up);
  for (int round = 0; round < sizes.rounds; ++round) {
    for (const std::size_t at : {0u, 1u}) per_second[at].push_back(run(at, sizes.round));
  }
  row.value = spread_of(ratios(per_second[0], per_second[1]));
  for (const std::size_t at : {0u, 1u})
    row.figures.push_back({sides[at]->name, "events/s", spread_of(per_second[at])});
  if (errors > 0) row.failed = std::to_string(errors) + " requests were not answered with a 2xx";
}

}  // namespace

void measure_many(Bench& bench, Row& row) {
  LoadOptions many;
  many.connections = kManyConnections;
  compare(bench.sizes(), {"1,000 connections", agent_options(), many, {}},
          {"64 connections", agent_options(), {}, {}}, row);
}

void measure_tls(Bench& bench, Row& row) {
  const testing::TempFolder folder("hookspool-bench-tls");
  const auto authority = testing::make_authority(folder.path());
  const auto files = testing::make_certificate(authority, folder.path(), "intake", "IP:127.0.0.1");
  testing::AgentOptions encrypted = agent_options();
  encrypted.intake_tls = true;
  encrypted.more_intake = "certificate_file = \"" + files.certificate.string() + "\"\nkey_file = \"" +
                          files.key.string() + "\"\n";
  compare(bench.sizes(), {"over TLS", encrypted, {}, {.tls = true}}, {"without", agent_options(), {}, {}},
          row);
  row.notes.emplace_back("wrk takes TLS 1.3 where both have it; its own part of it is on the same two cores");
}

void measure_signed(Bench& bench, Row& row) {
  const PayloadSet payloads = look_at_payloads(bench.payloads());
  if (payloads.count == 0) {
    row.left_out = "there are no payloads; name a folder with --payloads or HOOKSPOOL_PAYLOADS";
    return;
  }
  const std::string source = "[sources.github]\npath = \"/hooks/github\"\nverify = ";
  testing::AgentOptions verified = agent_options(), believed = agent_options();
  verified.sources = source + "\"github\"\nsecrets = [{ env = \"HOOKSPOOL_BENCH_SECRET\" }]\n";
  verified.env["HOOKSPOOL_BENCH_SECRET"] = kSecret;
  believed.sources = source + "\"none\"\n";
  LoadOptions payloads_in_turn;
  payloads_in_turn.payloads = bench.payloads();
  const LoadSender signer{.secret = kSecret};
  compare(bench.sizes(), {"verified", verified, payloads_in_turn, signer},
          {"not verified", believed, payloads_in_turn, signer}, row);
}

}  // namespace hookspool::bench
