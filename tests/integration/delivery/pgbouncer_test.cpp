// Through PgBouncer in transaction mode: nothing that a delivery does belongs to a session.
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "agent/base/exit_codes.h"
#include "agent/commands/commands.h"
#include "tests/integration/delivery/rig.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;
using testing::PgCluster;

// A throwaway PgBouncer over TLS on both sides; no setting but those that any installation needs.
class PgBouncer {
 public:
  explicit PgBouncer(const PgCluster& cluster) : port_(testing::free_port()) {
    const auto folder = cluster.folder();
    std::ofstream(folder / "userlist.txt") << "\"hookspool\" \"" << PgCluster::kPassword << "\"\n";
    std::ofstream(folder / "pgbouncer.ini")
        << "[databases]\nhookspool = host=127.0.0.1 port=" << cluster.port() << " dbname=hookspool\n"
        << "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_ << "\nunix_socket_dir =\n"
        << "pool_mode = transaction\nauth_type = scram-sha-256\nauth_file = "
        << (folder / "userlist.txt").string()
        << "\nclient_tls_sslmode = require\nclient_tls_key_file = " << cluster.certificate().key.string()
        << "\nclient_tls_cert_file = "
        << cluster.certificate().certificate.string()
        // Left out, PgBouncer loads the system's authorities, which a bare machine does not have.
        << "\nclient_tls_ca_file = " << cluster.authority().certificate.string()
        << "\nserver_tls_sslmode = verify-full\nserver_tls_ca_file = "
        << cluster.authority().certificate.string() << "\n";
    process_ = std::make_unique<testing::Process>(
        testing::ProcessOptions{.argv = {"pgbouncer", (folder / "pgbouncer.ini").string()},
                                .output = folder / "pgbouncer.log",
                                .working_folder = "/",
                                .user = cluster.user()});
    if (!testing::wait_until(seconds(20), [&] { return answers(cluster.conninfo(port_)); })) {
      throw std::runtime_error("PgBouncer did not start");
    }
  }
  int port() const { return port_; }

 private:
  static bool answers(const std::string& conninfo) {
    try {
      return !testing::pg_query(conninfo, "SELECT 1").empty();
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  int port_;
  std::unique_ptr<testing::Process> process_;
};

TEST(PgBouncerTest, TransactionModeOverARestartOfPostgres) {
  PgCluster cluster;
  PgBouncer bouncer(cluster);
  testing::TempFolder folder;
  Life::Options given;
  given.journal = folder / "journal";
  given.conninfo = cluster.conninfo(bouncer.port());
  given.pool_size = 3;
  Life life(given);
  life.begin();
  const auto append = [&](const std::string& prefix, int each) {
    for (const char* lane : {"a", "b", "c"}) life.append(lane, each, lane + prefix);
  };
  append("-first-", 300);
  cluster.stop(testing::StopMode::kImmediate);
  append("-away-", 100);
  cluster.start();
  append("-then-", 267);
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("a").error;
  EXPECT_EQ(cluster.value("SELECT count(*) FROM hookspool.events"), "2001");
  EXPECT_EQ(cluster.value("SELECT count(DISTINCT payload) FROM hookspool.events"), "2001");
  EXPECT_EQ(cluster.value(
                "SELECT count(*) FROM (SELECT seq - lag(seq) OVER (PARTITION BY source ORDER BY id) AS step "
                "FROM hookspool.events) AS steps WHERE step <> 1"),
            "0");
  EXPECT_EQ(cluster.value("SELECT count(*) FROM hookspool.dead_letters"), "0");
  const auto config =
      parse_config("[postgres]\nconninfo = \"" + cluster.conninfo(bouncer.port()) + "\"\n", "t.toml");
  ASSERT_TRUE(config);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(DoctorCommand{}.run(*config, false), kExitOk);
  const std::string found = ::testing::internal::GetCapturedStdout();
  EXPECT_NE(found.find("pooler"), std::string::npos) << found;
}

}  // namespace
}  // namespace hookspool::agent
