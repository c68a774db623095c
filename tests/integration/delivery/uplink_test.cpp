// The line to PostgreSQL: logins and certificates that are renewed, files that libpq reads, lines that die without a
// word, and how many connections there are at most.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "tests/integration/delivery/rig.h"
#include "tests/support/certificates.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::PgCluster;

std::string rows(const PgCluster& cluster) {
  return cluster.value("SELECT count(*) FROM hookspool.events");
}
std::string dead_letters(const PgCluster& cluster) {
  return cluster.value("SELECT count(*) FROM hookspool.dead_letters");
}
void end_connections(const PgCluster& cluster) {
  cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hookspool'");
}
void write_file(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  std::ofstream(fresh) << text;
  fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write);
  fs::rename(fresh, file);
}

class UplinkTest : public ::testing::Test {
 protected:
  Life::Options options(const std::string& conninfo) const {
    Life::Options given;
    given.journal = folder_ / "journal";
    given.conninfo = conninfo;
    return given;
  }
  static std::string without_password(const PgCluster& cluster) {
    return "host=localhost hostaddr=127.0.0.1 port=" + std::to_string(cluster.port()) +
           " dbname=hookspool user=hookspool sslmode=verify-full sslrootcert=" +
           cluster.authority().certificate.string();
  }
  // The line is held, with this SQLSTATE; nothing that waits is given up.
  static void expect_held(Life& life, const std::string& sqlstate, std::uint64_t pending) {
    ASSERT_TRUE(testing::wait_until(seconds(20), [&] {
      const auto status = life.uplink().status();
      return status.needs_administrator && status.tries_in_this_outage > 1;
    })) << (life.uplink().status().last_error ? life.uplink().status().last_error->text : "no error");
    EXPECT_EQ(life.uplink().status().last_error->sqlstate, sqlstate)
        << life.uplink().status().last_error->text;
    EXPECT_FALSE(life.uplink().status().last_error->hint.empty());
    EXPECT_EQ(life.journal().admin().stats().pending, pending);
  }

  testing::TempFolder folder_;
};

// The answer of a dead connection may come long after the others have been replaced.
TEST_F(UplinkTest, AFailureFromBeforeARecoveryIsNoOutage) {
  Life life(options(shared_cluster().conninfo()));
  life.begin();
  life.append("a", 1, "before");
  ASSERT_TRUE(life.delivered());
  const auto opened_at = std::chrono::steady_clock::now();
  const net::PgError error{.text = "the server closed the connection unexpectedly"};
  EXPECT_FALSE(life.uplink().has_recovered_since(opened_at));
  EXPECT_TRUE(life.uplink().report_failure(error, opened_at));
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.uplink().up(); }));
  const auto outages = life.uplink().status().outages;
  EXPECT_EQ(outages, 1u);
  EXPECT_TRUE(life.uplink().has_recovered_since(opened_at));
  EXPECT_FALSE(life.uplink().report_failure(error, opened_at));
  EXPECT_TRUE(life.uplink().up());
  EXPECT_EQ(life.uplink().status().outages, outages);
  EXPECT_TRUE(life.uplink().report_failure(error, std::chrono::steady_clock::now())) << "a new one is";
}

TEST_F(UplinkTest, APasswordIsRenewedInItsFileWithoutARestart) {
  PgCluster cluster;
  const fs::path passfile = folder_ / "pgpass";
  write_file(passfile, "*:*:*:hookspool:" + std::string(PgCluster::kPassword) + "\n");
  Life life(options(without_password(cluster) + " passfile=" + passfile.string()));
  life.begin();
  life.append("a", 20, "before");
  ASSERT_TRUE(life.delivered());

  cluster.query("ALTER ROLE hookspool PASSWORD 'the-next-one'");
  end_connections(cluster);
  life.append("a", 20, "meanwhile");
  expect_held(life, "28P01", 20);

  write_file(passfile, "*:*:*:hookspool:the-next-one\n");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(rows(cluster), "40");
  EXPECT_EQ(dead_letters(cluster), "0");
}

TEST_F(UplinkTest, CertificatesAreRenewedInTheirFilesWithoutARestart) {
  testing::TempFolder certificates;
  const auto of_clients = testing::make_authority(certificates.path(), "clients");
  const auto of_strangers = testing::make_authority(certificates.path(), "strangers");
  const auto good = testing::make_certificate(of_clients, certificates.path(), "hookspool", "DNS:agent");
  const auto bad = testing::make_certificate(of_strangers, certificates.path(), "stranger", "DNS:agent");
  fs::permissions(certificates.path(), fs::perms::others_read | fs::perms::others_exec,
                  fs::perm_options::add);
  PgCluster cluster({.config = {"ssl_ca_file = '" + of_clients.certificate.string() + "'"},
                     .hba = {"hostssl all hookspool 127.0.0.1/32 cert"}});
  const auto use = [&](const testing::CertificateFiles& files) {
    const auto all = fs::copy_options::overwrite_existing;
    fs::copy_file(files.key, folder_ / "agent.key", all);
    fs::permissions(folder_ / "agent.key", fs::perms::owner_read | fs::perms::owner_write);
    fs::copy_file(files.certificate, folder_ / "agent.crt", all);
  };
  use(good);
  Life life(options(without_password(cluster) + " sslcert=" + (folder_ / "agent.crt").string() +
                    " sslkey=" + (folder_ / "agent.key").string()));
  life.begin();
  life.append("a", 20, "before");
  ASSERT_TRUE(life.delivered());

  use(bad);
  end_connections(cluster);
  life.append("a", 20, "meanwhile");
  expect_held(life, "", 20);

  use(good);
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(rows(cluster), "40");
  EXPECT_EQ(dead_letters(cluster), "0");
}

TEST_F(UplinkTest, AServiceFileSaysItAll) {
  PgCluster cluster;
  write_file(folder_ / "services",
             "[inbox]\nhost=localhost\nhostaddr=127.0.0.1\nport=" + std::to_string(cluster.port()) +
                 "\ndbname=hookspool\nuser=hookspool\npassword=" + PgCluster::kPassword +
                 "\nsslmode=verify-full\nsslrootcert=" + cluster.authority().certificate.string() + "\n");
  setenv("PGSERVICEFILE", (folder_ / "services").c_str(), 1);
  {
    Life life(options("service=inbox"));
    life.begin();
    life.append("a", 20, "x");
    EXPECT_TRUE(life.delivered());
  }
  unsetenv("PGSERVICEFILE");
  EXPECT_EQ(rows(cluster), "20");
}

// A firewall has forgotten the flow: what is sent next is answered by a reset, or by nothing.
TEST_F(UplinkTest, AnIdleLineThatWasCutCostsOneRetryAndNoEvent) {
  PgCluster cluster;
  testing::CutProxy proxy(cluster.port());
  Life life(options(cluster.conninfo(proxy.port())));
  life.begin();
  for (int i = 1; i <= 5; ++i) {
    life.append("a", 10, "round" + std::to_string(i) + "-");
    ASSERT_TRUE(life.delivered());
    proxy.cut_all();
  }
  life.append("a", 10, "last");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(rows(cluster), "60");
  EXPECT_EQ(cluster.value("SELECT count(DISTINCT payload) FROM hookspool.events"), "60");
  EXPECT_EQ(dead_letters(cluster), "0");
  EXPECT_EQ(life.lanes().figures().in_doubt, 0u) << "the line was asked before it was used";
  EXPECT_LE(life.pool().stats().connects, 2u * 6u) << "one retry for each connection that was cut";
}

TEST_F(UplinkTest, ThirtyLanesUseNoMoreConnectionsThanThePoolHas) {
  PgCluster cluster;
  Life::Options given = options(cluster.conninfo());
  given.pool_size = 4;
  Life life(given);
  for (int lane = 0; lane < 30; ++lane) life.append("lane" + std::to_string(lane), 20, "waiting");
  life.begin();
  int most = 0;
  const auto sample = [&] {
    most = std::max(
        most, std::stoi(cluster.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'hookspool'")));
  };
  for (int i = 0; i < 10; ++i) {
    for (int lane = 0; lane < 30; ++lane)
      life.append("lane" + std::to_string(lane), 2, "live" + std::to_string(i));
    sample();
  }
  while (life.journal().admin().stats().pending > 0 && !HasFailure()) sample();
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(rows(cluster), std::to_string(30 * (20 + 20)));
  EXPECT_LE(most, 4);
  EXPECT_GT(most, 1) << "they were used at once";
}

// A connection that goes silent, in a network of its own: the agent's end is in a namespace, and the server's
// answers to it vanish.
class BlackholeTest : public UplinkTest {
 protected:
  static constexpr const char* kServer = "10.233.7.1";
  static constexpr const char* kAgent = "10.233.7.2";
  static constexpr const char* kHere = "hookspool0";

  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "this test makes a network namespace and needs root";
    TearDown();  // what a killed run may have left
    ip({"link", "add", kHere, "type", "veth", "peer", "name", "hookspool1"});
    ip({"address", "add", std::string(kServer) + "/30", "dev", kHere});
    ip({"link", "set", kHere, "up"});
  }
  void TearDown() override {
    (void)testing::run_and_capture(
        {.argv = {"ip", "route", "delete", "blackhole", std::string(kAgent) + "/32"}});
    (void)testing::run_and_capture({.argv = {"ip", "link", "delete", kHere}});
  }
  static void ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ip");
    testing::run_checked({.argv = std::move(arguments)});
  }
  static void blackhole() { ip({"route", "add", "blackhole", std::string(kAgent) + "/32"}); }
  static void daylight() { ip({"route", "delete", "blackhole", std::string(kAgent) + "/32"}); }
  // Begins a life whose threads, and so its connections, are in a network of their own.
  static std::unique_ptr<Life> begin_apart(const Life::Options& given) {
    std::unique_ptr<Life> life;
    std::atomic<pid_t> inside{0};
    std::atomic<bool> connected{false};
    std::thread thread([&] {
      const bool apart = unshare(CLONE_NEWNET) == 0;
      inside = apart ? static_cast<pid_t>(syscall(SYS_gettid)) : -1;
      while (!connected) std::this_thread::yield();
      if (!apart) return;
      life = std::make_unique<Life>(given);
      life->begin();
    });
    while (inside == 0) std::this_thread::yield();
    if (inside > 0) {
      const std::string network =
          "--net=/proc/" + std::to_string(getpid()) + "/task/" + std::to_string(inside) + "/ns/net";
      ip({"link", "set", "hookspool1", "netns", std::to_string(inside)});
      testing::run_checked({.argv = {"nsenter", network, "ip", "address", "add", std::string(kAgent) + "/30",
                                     "dev", "hookspool1"}});
      testing::run_checked({.argv = {"nsenter", network, "ip", "link", "set", "hookspool1", "up"}});
    }
    connected = true;
    thread.join();
    EXPECT_TRUE(life) << "no network namespace could be made";
    return life;
  }
  // The time-outs that users have: what notices must be the line itself.
  Life::Options patient(const PgCluster& cluster) const {
    Life::Options given = options(
        "host=localhost hostaddr=" + std::string(kServer) + " port=" + std::to_string(cluster.port()) +
        " dbname=hookspool user=hookspool password=" + PgCluster::kPassword +
        " sslmode=verify-full sslrootcert=" + cluster.authority().certificate.string());
    const net::PgOptions defaults;
    given.connect_timeout = defaults.connect_timeout;
    given.backoff_max = PostgresConfig().backoff_max;
    given.statement_timeout = defaults.statement_timeout;
    given.answer_margin = defaults.answer_margin;
    given.lock_timeout = defaults.lock_timeout;
    return given;
  }
  static double noticed_after_s(Life& life) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(testing::wait_until(seconds(60), [&] { return !life.uplink().up(); }));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

TEST_F(BlackholeTest, IsNoticedWithinFifteenSeconds) {
  PgCluster cluster({.config = {std::string("listen_addresses = '127.0.0.1,") + kServer + "'"},
                     .hba = {"hostssl all all 10.233.7.0/30 scram-sha-256"}});
  const auto life = begin_apart(patient(cluster));
  ASSERT_TRUE(life);
  life->append("a", 50, "before");
  ASSERT_TRUE(life->delivered(milliseconds(60'000))) << life->lane("a").error;

  // While the agent is idle.
  blackhole();
  const double idle_s = noticed_after_s(*life);
  EXPECT_LT(idle_s, 15);
  life->append("a", 10, "idle");
  daylight();
  ASSERT_TRUE(life->delivered(milliseconds(60'000)));

  // While a transaction waits for the server, which sleeps over a row.
  cluster.query(
      "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM pg_sleep(3); RETURN NEW; END$$");
  cluster.query(
      "CREATE TRIGGER nap BEFORE INSERT ON hookspool.events FOR EACH ROW "
      "WHEN (NEW.payload = '\"slow1\"') EXECUTE FUNCTION nap()");
  life->append("a", 1, "slow");
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] {
    return cluster.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1";
  }));
  blackhole();
  const double busy_s = noticed_after_s(*life);
  EXPECT_LT(busy_s, 15);
  life->append("a", 10, "busy");
  daylight();
  std::cout << "noticed after " << idle_s << " s while idle, " << busy_s << " s in a transaction\n";
  ASSERT_TRUE(life->delivered(milliseconds(90'000))) << life->lane("a").error;
  EXPECT_EQ(rows(cluster), "71");
  EXPECT_EQ(cluster.value("SELECT count(DISTINCT payload) FROM hookspool.events"), "71");
}

}  // namespace
}  // namespace hookspool::agent
