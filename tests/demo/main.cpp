// ./dev demo: real webhooks, a real PostgreSQL that crashes in the middle, a real agent that is killed
// meanwhile, and at the end the sum. Exit code 0 only if nothing was lost, doubled, altered or out of order.
#include <sys/stat.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>

#include "tests/demo/deliveries.h"
#include "tests/demo/sender.h"
#include "tests/demo/tally.h"
#include "tests/integration/system/agent_process.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::demo {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kDeliveriesMin = 240;
constexpr int kPerSecond = 40;
constexpr const char* kPath = "/hooks/github";
constexpr const char* kSecret = "a secret that only GitHub and this demo know";

struct Settings {
  std::filesystem::path data;
  int per_second = kPerSecond;
};

// One line a step, with the seconds since the beginning.
class Story {
 public:
  void tell(const std::string& step) const {
    std::printf("%6.1f s  %s\n", seconds_since(begin_), step.c_str());
    std::fflush(stdout);
  }
  static double seconds_since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
  }

 private:
  steady_clock::time_point begin_ = steady_clock::now();
};

std::filesystem::path write_secret(const testing::TempFolder& folder) {
  const auto file = folder / "github.secret";
  std::ofstream(file) << kSecret << "\n";
  ::chmod(file.c_str(), 0600);
  return file;
}

testing::AgentOptions agent_options(const testing::PgCluster& postgres,
                                    const std::filesystem::path& secret_file) {
  testing::AgentOptions options;
  options.binary = testing::agent_binary();
  options.agent_id = "demo";
  options.conninfo = postgres.conninfo();
  // The default is up to a minute between attempts: longer than one wants to watch.
  options.more_postgres = "backoff_max = \"2s\"\n";
  options.more_journal = "min_free_bytes = \"16MiB\"\n";
  options.sources = std::string("[sources.github]\npath = \"") + kPath +
                    "\"\nverify = \"github\"\nsecrets = [{ file = \"" + secret_file.string() + "\" }]\n";
  return options;
}

void tell_progress(const Story& story, const Sender& sender, const testing::AgentProcess& agent) {
  story.tell("    sent " + std::to_string(sender.sent()) + ", acknowledged " +
             std::to_string(sender.acknowledged()) + "; the agent says: " + agent.health("/mode") + ", " +
             agent.health("/journal/pending") + " waiting in the journal");
}

void print_table(const Tally& tally, const Sender& sender, double seconds) {
  std::printf("\n");
  const auto line = [](const char* name, std::size_t value, const char* remark) {
    std::printf("  %-16s %6zu   %s\n", name, value, remark);
  };
  line("sent", tally.sent, "webhooks, each with its own delivery id, signed");
  line("acknowledged", tally.acknowledged, "answered 200: the promise is given");
  line("unanswered", tally.sent - tally.acknowledged,
       "the agent was killed in the middle: may be there, at most once");
  line("refused", sender.refusals(), "attempts while the agent was dead; each was posted again");
  line("in PostgreSQL", tally.rows, "rows in hookspool.events");
  line("lost", tally.lost, "acknowledged and not there");
  line("doubled", tally.doubled, "there more than once");
  line("altered", tally.altered, "not what was sent");
  line("out of order", tally.disordered, "before one that was sent earlier");
  std::printf("  %-16s %6.1f   seconds from \"database back\" to \"caught up\"\n\n", "recovery", seconds);
  std::printf("%s\n", tally.kept() ? "Every acknowledged webhook is in PostgreSQL exactly once."
                                   : "THE PROMISE WAS BROKEN: see the table.");
}

int demo(const Settings& settings) {
  const auto deliveries = read_deliveries(settings.data, kDeliveriesMin);
  if (deliveries.empty()) {
    std::fprintf(stderr, "no <event>/<name>.json below %s\n", settings.data.c_str());
    return EXIT_FAILURE;
  }
  std::printf("hookspool demo: %zu webhooks from %s\n", deliveries.size(), settings.data.c_str());
  const Story story;
  testing::TempFolder folder("hookspool-demo");
  testing::PgCluster postgres;
  story.tell("PostgreSQL " + postgres.value("SHOW server_version") + " is up on port " +
             std::to_string(postgres.port()) + ": TLS with its own authority, sslmode=verify-full");
  testing::AgentProcess agent(agent_options(postgres, write_secret(folder)));
  agent.start();
  agent.wait_mode("online");
  const std::string origin = "http://127.0.0.1:";
  story.tell("the agent is up: POST " + origin + std::to_string(agent.intake_port()) + kPath +
             ", figures at " + origin + std::to_string(agent.admin_port()) + "/health");

  Sender sender(deliveries, agent.intake_port(), kPath, kSecret, settings.per_second);
  const std::size_t quarter = deliveries.size() / 4;
  sender.wait_sent(quarter);
  tell_progress(story, sender, agent);
  postgres.stop(testing::StopMode::kImmediate);
  story.tell("PostgreSQL is stopped (pg_ctl -m immediate, as in a crash); posting goes on");
  sender.wait_sent(2 * quarter);
  tell_progress(story, sender, agent);
  agent.kill();
  story.tell("the agent is killed (SIGKILL), in the middle of the posting");
  agent.start();
  story.tell("the agent is started again on its journal");
  sender.wait_sent(3 * quarter);
  tell_progress(story, sender, agent);
  postgres.start();
  const auto back = steady_clock::now();
  story.tell("PostgreSQL is back; posting goes on");
  agent.wait_mode("online");
  const double seconds = Story::seconds_since(back);
  story.tell("caught up");
  const auto& told = sender.finish();
  agent.wait_caught_up();
  tell_progress(story, sender, agent);
  const auto end = agent.terminate();
  story.tell("the agent is ended (SIGTERM), exit code " + std::to_string(end.code));

  const Tally tally = count(deliveries, told, postgres);
  print_table(tally, sender, seconds);
  return tally.kept() && tally.sent == deliveries.size() && end.code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

std::filesystem::path default_data() {
  if (const char* given = std::getenv("HOOKSPOOL_DEMO_DATA"); given != nullptr && *given != '\0')
    return given;
  const std::filesystem::path shared(HOOKSPOOL_DEMO_SHARED);
  return std::filesystem::is_directory(shared) ? shared : std::filesystem::path(HOOKSPOOL_DEMO_SAMPLES);
}

int usage(int code) {
  std::fprintf(code == 0 ? stdout : stderr,
               "hookspool-demo [--data FOLDER] [--per-second N]\n"
               "  --data FOLDER     webhooks to post, as FOLDER/<event>/<name>.json ($HOOKSPOOL_DEMO_DATA)\n"
               "  --per-second N    pace of the posting, 1 to 10000 (default %d)\n",
               kPerSecond);
  return code;
}

int main_of(int argc, char** argv) {
  constexpr int kExitUsage = 64;
  Settings settings{.data = default_data()};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help") return usage(EXIT_SUCCESS);
    if (i + 1 == argc) return usage(kExitUsage);
    const std::string value = argv[++i];
    if (argument == "--data") {
      settings.data = value;
    } else if (argument == "--per-second") {
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), settings.per_second);
      if (parsed.ptr != value.data() + value.size()) return usage(kExitUsage);
    } else {
      return usage(kExitUsage);
    }
  }
  if (settings.per_second < 1 || settings.per_second > 10'000) return usage(kExitUsage);
  return demo(settings);
}

}  // namespace
}  // namespace hookspool::demo

int main(int argc, char** argv) {
  try {
    return hookspool::demo::main_of(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the demo failed: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
