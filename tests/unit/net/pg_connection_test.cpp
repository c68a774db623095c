#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "net/pg/link/conninfo.h"
#include "tests/support/certificates.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using namespace std::chrono_literals;
using testing::Cut;
using testing::CutProxy;
using testing::Direction;

// Listens and never answers.
class SilentServer {
 public:
  SilentServer() : port_(testing::free_port()), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
  }
  ~SilentServer() { close(fd_); }
  int port() const { return port_; }

 private:
  int port_;
  int fd_;
};

class PgConnectionTest : public PgTest {
 protected:
  static PgError refusal(const PgOptions& options) {
    auto connection = Connection::connect(options);
    EXPECT_FALSE(connection.ok());
    if (connection) return {};
    EXPECT_EQ(connection.error().text.find('\n'), std::string::npos) << connection.error().text;
    EXPECT_EQ(connection.error().text.find(testing::PgCluster::kPassword), std::string::npos);
    return connection.error();
  }
  PgOptions replaced(const std::string& what, const std::string& by) const {
    PgOptions changed = options();
    const std::size_t at = changed.conninfo.find(what);
    EXPECT_NE(at, std::string::npos);
    changed.conninfo.replace(at, what.size(), by);
    return changed;
  }
};

TEST_F(PgConnectionTest, SpeaksTls13) {
  auto connection = connect();
  EXPECT_EQ(value(*connection, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "TLSv1.3");
  EXPECT_EQ(value(*connection, "SHOW client_encoding"), "UTF8");
  EXPECT_EQ(value(*connection, "SHOW application_name"), "hookspool");
  const std::string number = "current_setting('server_version_num')::int";
  const std::string version =
      value(*connection, "SELECT " + number + " / 10000 || '.' || " + number + " % 10000");
  EXPECT_EQ(connection->server_description(),
            version + " at localhost:" + std::to_string(cluster().port()) + ", TLSv1.3");
}

TEST_F(PgConnectionTest, WrongHostNameIsRefused) {
  const PgError error = refusal(replaced("host=localhost", "host=db.example"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup);
  EXPECT_NE(error.text.find("does not match host name"), std::string::npos) << error.text;
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(PgConnectionTest, WrongAuthorityIsRefused) {
  const testing::TempFolder folder;
  const auto other = testing::make_authority(folder.path(), "other");
  const PgError error = refusal(replaced(cluster().authority().certificate, other.certificate));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup);
  EXPECT_NE(error.text.find("certificate verify failed"), std::string::npos) << error.text;
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(PgConnectionTest, WhatTheSetupGotWrong) {
  PgError error = refusal(replaced("sslrootcert=/tmp", "sslrootcert=/nowhere"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup) << error.text;
  EXPECT_FALSE(error.hint.empty());

  error = refusal(replaced(testing::PgCluster::kPassword, "wrong"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup);
  EXPECT_EQ(error.sqlstate, "28P01");
  EXPECT_NE(error.text.find("password authentication failed"), std::string::npos) << error.text;
  EXPECT_EQ(error.text.find("28P01"), std::string::npos) << error.text;
  EXPECT_EQ(error.text.find("LOCATION"), std::string::npos) << error.text;

  error = refusal(replaced("dbname=hookspool", "dbname=nowhere"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup);
  EXPECT_EQ(error.sqlstate, "3D000");

  error = refusal(replaced("sslmode=verify-full", "sslmode=disable"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup);
  EXPECT_EQ(error.sqlstate, "28000");

  error =
      refusal(replaced(std::string("password='") + testing::PgCluster::kPassword + "'", "passfile=/nowhere"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup) << error.text;

  error = refusal(replaced("sslmode=verify-full", "service=nowhere"));
  EXPECT_EQ(error.error_class, ErrorClass::kSetup) << error.text;
}

TEST_F(PgConnectionTest, OutagesOfTheServer) {
  PgOptions nobody = options(testing::free_port());
  EXPECT_EQ(refusal(nobody).error_class, ErrorClass::kOutage);

  cluster().query("CREATE ROLE crowded LOGIN PASSWORD 'x' CONNECTION LIMIT 0");
  PgOptions crowded = options();
  crowded.conninfo = cluster().conninfo_as("crowded", "x");
  const PgError error = refusal(crowded);
  EXPECT_EQ(error.error_class, ErrorClass::kOutage);
  EXPECT_EQ(error.sqlstate, "53300");
}

TEST_F(PgConnectionTest, ASilentServerIsLeftAfterConnectTimeout) {
  const SilentServer silent;
  PgOptions limited = options(silent.port());
  limited.connect_timeout = 300ms;
  const auto start = std::chrono::steady_clock::now();
  const PgError error = refusal(limited);
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(error.error_class, ErrorClass::kOutage);
  EXPECT_NE(error.text.find("300 ms"), std::string::npos) << error.text;
  EXPECT_GE(waited, 300ms);
  EXPECT_LT(waited, 3s);
}

TEST_F(PgConnectionTest, ASilentServerDoesNotHideTheNext) {
  const SilentServer silent;
  PgOptions listed =
      replaced("port=" + std::to_string(cluster().port()),
               "port=" + std::to_string(silent.port()) + "," + std::to_string(cluster().port()));
  const std::size_t host = listed.conninfo.find("host=localhost hostaddr=127.0.0.1");
  listed.conninfo.replace(host, 33, "host=localhost,localhost hostaddr=127.0.0.1,127.0.0.1");
  listed.connect_timeout = 2s;
  auto connection = connect(listed);
  ASSERT_TRUE(connection);
  EXPECT_EQ(value(*connection, "SELECT 1"), "1");
}

// Whatever byte of the handshake is the last: an outage, and the next try succeeds.
TEST_F(PgConnectionTest, TheHandshakeIsCutAnywhere) {
  CutProxy proxy(cluster().port());
  ASSERT_TRUE(connect(options(proxy.port())));
  const auto whole = proxy.counts();
  int refused = 0;
  for (const auto& [direction, bytes] : {std::pair(Direction::kToServer, whole.bytes_to_server),
                                         std::pair(Direction::kToClient, whole.bytes_to_client)}) {
    for (std::uint64_t cut = 0; cut < bytes; cut += 41) {
      proxy.cut_after(direction, cut, cut % 2 == 0 ? Cut::kReset : Cut::kFin);
      auto connection = Connection::connect(options(proxy.port()));
      if (!connection) {
        ++refused;
        EXPECT_EQ(connection.error().error_class, ErrorClass::kOutage) << cut << connection.error().text;
      }
      proxy.reset();
    }
  }
  EXPECT_GT(refused, 40);
  EXPECT_TRUE(connect(options(proxy.port())));
}

TEST_F(PgConnectionTest, AnAnswerThatNeverComesEndsWithTheDeadline) {
  CutProxy proxy(cluster().port());
  for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
    auto connection = connect(options(proxy.port()));
    proxy.swallow_after(direction);
    auto answer = connection->query("SELECT 1", std::chrono::steady_clock::now() + 200ms);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().error_class, ErrorClass::kOutage);
    EXPECT_TRUE(answer.error().connection_lost);
    EXPECT_TRUE(connection->broken());
    EXPECT_FALSE(connection->query("SELECT 1", soon()).ok());
    proxy.reset();
  }
}

TEST_F(PgConnectionTest, AStalledLineEndsWithTheDeadline) {
  CutProxy proxy(cluster().port());
  make_schema();
  auto connection = connect(options(proxy.port()));
  ASSERT_TRUE(connection->query("CREATE TABLE " + table("big") + " (t text)", soon()).ok());
  ASSERT_TRUE(connection->copy_start("COPY " + table("big") + " FROM STDIN", soon()).ok());
  proxy.stall(Direction::kToServer);
  const Deadline deadline = std::chrono::steady_clock::now() + 300ms;
  const std::string chunk(64 * 1024, 'x');
  PgResult<void> sent;
  for (int i = 0; i < 1000 && sent.ok(); ++i) sent = connection->copy_data(chunk, deadline);
  ASSERT_FALSE(sent.ok()) << "64 MB fit into socket buffers";
  EXPECT_TRUE(sent.error().connection_lost);
  EXPECT_TRUE(connection->broken());
}

TEST_F(PgConnectionTest, ATerminatedBackendIsNoticed) {
  auto connection = connect();
  const std::string pid = value(*connection, "SELECT pg_backend_pid()");
  cluster().query("SELECT pg_terminate_backend(" + pid + ")");
  auto answer = connection->query("SELECT 1", soon());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().error_class, ErrorClass::kOutage);
  EXPECT_TRUE(answer.error().connection_lost);
  EXPECT_TRUE(connection->broken());
}

TEST_F(PgConnectionTest, ErrorsLeaveTheConnectionUsable) {
  auto connection = connect();
  auto answer = connection->query("SELECT 1; SELECT 1/0; SELECT 2", soon(), "testing");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().sqlstate, "22012");
  EXPECT_EQ(answer.error().text, "testing: division by zero");
  EXPECT_FALSE(answer.error().connection_lost);
  EXPECT_TRUE(connection->usable());
  EXPECT_EQ(value(*connection, "SELECT 1; SELECT 2"), "2");
  ASSERT_TRUE(connection->query("BEGIN", soon()).ok());
  EXPECT_FALSE(connection->usable());
  EXPECT_FALSE(connection->broken());
}

TEST_F(PgConnectionTest, AnswersOfAllSizesComeThroughTls) {
  auto connection = connect();
  for (int size = 1; size < 3'000'000; size = size * 3 + 1) {
    EXPECT_EQ(value(*connection, "SELECT repeat('x', " + std::to_string(size) + ")").size(),
              static_cast<std::size_t>(size));
  }
}

TEST_F(PgConnectionTest, NoWarningOfATriggerIsTakenForACancelledWaitForTheStandby) {
  auto connection = connect();
  auto answer =
      connection->query("DO $$ BEGIN RAISE WARNING 'w'; RAISE WARNING SQLSTATE '57P01'; END $$", soon());
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->sync_wait_cancelled);
}

TEST_F(PgConnectionTest, AnErrorSaysHowManyStatementsWereDoneBeforeIt) {
  auto connection = connect();
  const auto refused = connection->query("SELECT 1;SELECT 2;SELECT 1/0;SELECT 3", soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().statements_done, 2u);
}

TEST_F(PgConnectionTest, CopyCountsAndRefuses) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query("CREATE TABLE " + table("numbers") + " (n int CHECK (n < 10))", soon()).ok());
  ASSERT_TRUE(connection->copy_start("COPY " + table("numbers") + " FROM STDIN", soon()).ok());
  ASSERT_TRUE(connection->copy_data("1\n2\n", soon()).ok());
  EXPECT_EQ(connection->copy_end(soon()).value(), 2u);
  EXPECT_TRUE(connection->usable());

  ASSERT_TRUE(connection->copy_start("COPY " + table("numbers") + " FROM STDIN", soon()).ok());
  ASSERT_TRUE(connection->copy_data("10\n", soon()).ok());
  auto ended = connection->copy_end(soon());
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().sqlstate, "23514");
  EXPECT_EQ(ended.error().constraint, "numbers_n_check");
  EXPECT_TRUE(connection->usable());

  EXPECT_EQ(connection->copy_start("COPY nowhere FROM STDIN", soon()).error().sqlstate, "42P01");
  EXPECT_TRUE(connection->usable());
  EXPECT_FALSE(connection->query("COPY " + table("numbers") + " FROM STDIN", soon()).ok());
  EXPECT_TRUE(connection->broken());
}

// The server refuses early, and megabytes are still on their way: neither side waits for the other.
TEST_F(PgConnectionTest, AnEarlyRefusalDoesNotBlockABigCopy) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query("CREATE TABLE " + table("numbers") + " (n int)", soon()).ok());
  ASSERT_TRUE(connection->copy_start("COPY " + table("numbers") + " FROM STDIN", soon()).ok());
  ASSERT_TRUE(connection->copy_data("not a number\n", soon()).ok());
  const std::string chunk(64 * 1024, '\n');
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(connection->copy_data(chunk, soon()).ok());
  EXPECT_EQ(connection->copy_end(soon()).error().sqlstate, "22P02");
  EXPECT_TRUE(connection->usable());
}

TEST_F(PgConnectionTest, QuotingHoldsAnything) {
  auto connection = connect();
  for (const char* text : {"", "'", "\\", "a'b\\c\"d", "Grüße", "$$", "\n"}) {
    EXPECT_EQ(value(*connection, "SELECT " + connection->quote_literal(text)), text);
    if (std::string_view(text).empty()) continue;
    EXPECT_EQ(value(*connection,
                    "SELECT length(x::text) FROM (SELECT 1 AS " + quote_identifier(text) + ") AS t(x)"),
              "1");
  }
  EXPECT_EQ(connection->quote_literal("\xff'"), "NULL");
}

TEST(PgConninfoTest, GoodOnes) {
  for (const char* conninfo : {"", "host=db port=5432", "host=a,b port=1,2 target_session_attrs=read-write",
                               "postgresql://u:p@db/app?sslmode=require", "postgres://",
                               "host='/var/run/postgresql' dbname='my db'"}) {
    EXPECT_TRUE(Connection::check_conninfo(conninfo).ok()) << conninfo;
  }
}

TEST(PgConninfoTest, BadOnesAreNamedWithoutTheirValues) {
  const std::vector<std::pair<const char*, const char*>> bad{
      {"host=db passwrod=secret", "passwrod"},
      {"host=db password=my secret", "without \"=\""},
      {"host='db password=secret", "unterminated"},
      {"postgresql://u:secret%zz@db", "percent"},
      {"postgresql://u:secret@[::1", "]"},
      {"postgresql://u:secret@db/app?nope=1", "nope"},
      {"sslmode=verify_full password=secret", "sslmode"},
      {"port=secret", "port"},
      {"port=70000", "port"},
      {"port=1,0", "port"},
      {"target_session_attrs=secret", "target_session_attrs"},
      {"tcp://secret@db", "tcp://"},
      {"mysql://u:secret@db/app", "mysql://"}};
  for (const auto& [conninfo, names] : bad) {
    auto checked = Connection::check_conninfo(conninfo);
    ASSERT_FALSE(checked.ok()) << conninfo;
    EXPECT_EQ(checked.error().error_class, ErrorClass::kSetup);
    EXPECT_NE(checked.error().text.find(names), std::string::npos) << checked.error().text;
    EXPECT_EQ(checked.error().text.find("secret"), std::string::npos) << checked.error().text;
  }
}

// What libpq will be given for a keyword; "" when nothing.
std::string given(const std::string& conninfo, std::string_view keyword) {
  PgOptions options;
  options.conninfo = conninfo;
  const auto parameters = ConnectParameters::make(options);
  const auto keywords = parameters->keywords();
  const auto values = parameters->values();
  for (std::size_t i = 0; keywords[i] != nullptr; ++i) {
    if (keywords[i] == keyword) return values[i];
  }
  return "";
}

// libpq would wait for a writer of it, beyond every deadline.
TEST(PgConninfoTest, AFileThatIsAPipeIsRefused) {
  const testing::TempFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const char* keyword : {"passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"}) {
    PgOptions options;
    options.conninfo = "host=127.0.0.1 port=1 " + std::string(keyword) + "=" + pipe;
    const auto connection = Connection::connect(options);
    ASSERT_FALSE(connection.ok());
    EXPECT_EQ(connection.error().error_class, ErrorClass::kSetup);
    EXPECT_NE(connection.error().text.find(std::string(keyword) + " names a pipe"), std::string::npos)
        << connection.error().text;
  }
  EXPECT_TRUE(Connection::check_conninfo("host=127.0.0.1 passfile=/dev/null").ok());
}

TEST(PgConninfoTest, DefaultsDoNotOverrule) {
  EXPECT_EQ(given("", "keepalives_idle"), "5");
  EXPECT_EQ(given("", "tcp_user_timeout"), "8000");
  EXPECT_EQ(given("keepalives_idle=7", "keepalives_idle"), "7");
  EXPECT_EQ(given("", "gssencmode"), "disable");
  EXPECT_EQ(given("gssencmode=prefer", "gssencmode"), "prefer");
  EXPECT_EQ(given("client_encoding=LATIN1", "client_encoding"), "UTF8");
  EXPECT_EQ(given("application_name=mine", "application_name"), "mine");
  EXPECT_EQ(given("", "fallback_application_name"), "hookspool");
  EXPECT_EQ(given("service=db", "keepalives_idle"), "");
  EXPECT_EQ(given("", "target_session_attrs"), "read-write");
  EXPECT_EQ(given("target_session_attrs=any", "target_session_attrs"), "any");
  setenv("PGGSSENCMODE", "require", 1);
  EXPECT_EQ(given("", "gssencmode"), "");
  unsetenv("PGGSSENCMODE");
}

TEST(PgConninfoTest, TellsAServerThatNobodyVerifies) {
  ASSERT_EQ(std::getenv("PGSSLMODE"), nullptr);
  EXPECT_EQ(Connection::unverified_server("host=db"), "db");
  EXPECT_EQ(Connection::unverified_server("postgresql://me@db.example.org/app?sslmode=require"),
            "db.example.org");
  EXPECT_EQ(Connection::unverified_server("host=localhost,db2 sslmode=prefer"), "db2");
  EXPECT_EQ(Connection::unverified_server("host=localhost hostaddr=192.0.2.7"), "192.0.2.7");
  for (const char* fine :
       {"", "dbname=app", "host=db sslmode=verify-full", "host=db sslmode=verify-ca", "host=localhost",
        "host=127.0.0.1,::1", "host=/run/postgresql", "service=db host=db"}) {
    EXPECT_EQ(Connection::unverified_server(fine), "") << fine;
  }
  setenv("PGSSLMODE", "verify-full", 1);
  EXPECT_EQ(Connection::unverified_server("host=db"), "");
  unsetenv("PGSSLMODE");
}

TEST(PgConninfoTest, ServersRotateTogether) {
  PgOptions options;
  options.conninfo = "host=a,b,c port=1,2,3";
  auto parameters = ConnectParameters::make(options);
  ASSERT_EQ(parameters->hosts(), 3u);
  parameters->rotate_hosts();
  EXPECT_STREQ(parameters->values()[0], "b,c,a");
  EXPECT_STREQ(parameters->values()[1], "2,3,1");
  options.conninfo = "host=a,b port=5";
  parameters = ConnectParameters::make(options);
  parameters->rotate_hosts();
  EXPECT_STREQ(parameters->values()[0], "b,a");
  EXPECT_STREQ(parameters->values()[1], "5");
}

TEST(PgConninfoTest, ConfiguredByAnyHint) {
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"})
    ASSERT_EQ(std::getenv(name), nullptr);
  EXPECT_FALSE(Connection::configured(""));
  EXPECT_FALSE(Connection::configured(" \n"));
  EXPECT_TRUE(Connection::configured("dbname=app"));
  setenv("PGHOST", "db", 1);
  EXPECT_TRUE(Connection::configured(""));
  unsetenv("PGHOST");
}

}  // namespace
}  // namespace hookspool::net
