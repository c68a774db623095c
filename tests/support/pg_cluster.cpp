#include "tests/support/pg_cluster.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/free_port.h"
#include "tests/support/pg_programs.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

constexpr std::chrono::seconds kStartLimit{60};
constexpr std::chrono::seconds kStopLimit{60};

void give_to(const std::filesystem::path& path, const std::string& user) {
  if (user.empty()) return;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr || chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    throw std::runtime_error("cannot give " + path.string() + " to " + user);
  }
}

}  // namespace

PgTable pg_query(const std::string& conninfo, const std::string& sql) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(conninfo.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection.get()));
  }
  PgTable table;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& columns = table.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column) != 0) {
        columns.emplace_back();
      } else {
        columns.emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return table;
}

PgCluster::PgCluster(const PgClusterOptions& options) {
  if (geteuid() == 0) user_ = "postgres";
  port_ = free_port();
  initialise(options);
  start();
  pg_query(superuser_conninfo("postgres"),
           std::string("CREATE ROLE hookspool LOGIN PASSWORD '") + kPassword + "'");
  pg_query(superuser_conninfo("postgres"), "CREATE DATABASE hookspool OWNER hookspool");
}

PgCluster::PgCluster(const PgCluster& primary, Copied)
    : user_(primary.user_),
      port_(free_port()),
      authority_(primary.authority_),
      certificate_(primary.certificate_) {
  make_folder("socket");
}

std::unique_ptr<PgCluster> PgCluster::standby_of(const PgCluster& primary) {
  std::unique_ptr<PgCluster> standby(new PgCluster(primary, Copied()));
  standby->follow(primary);
  return standby;
}

void PgCluster::follow(const PgCluster& primary) {
  if (running()) throw std::runtime_error("a running server's data folder is not replaced");
  std::filesystem::remove_all(data_folder());
  make_folder("data");
  run_checked({.argv = {pg_program("pg_basebackup"), "-d", primary.superuser_conninfo("postgres"), "-D",
                        data_folder(), "--checkpoint=fast", "--no-sync", "--write-recovery-conf"},
               .working_folder = "/",
               .user = user_});
  std::ofstream config(data_folder() / "postgresql.conf", std::ios::app);
  config << "port = " << port_ << "\nunix_socket_directories = '" << (folder_ / "socket").string() << "'\n";
  config.close();
  start();
  wait_replayed(primary);
}

PgCluster::~PgCluster() {
  if (!running()) return;
  postmaster_->signal(SIGQUIT);
  postmaster_->wait(kStopLimit);
}

void PgCluster::make_folder(const char* name) const {
  std::filesystem::create_directory(folder_ / name);
  std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_all);
  give_to(folder_ / name, user_);
}

void PgCluster::initialise(const PgClusterOptions& options) {
  authority_ = make_authority(folder_.path());
  certificate_ = make_certificate(authority_, folder_.path(), "server", "DNS:localhost,IP:127.0.0.1");
  give_to(certificate_.key, user_);
  make_folder("data");
  make_folder("socket");
  run_checked({.argv = {pg_program("initdb"), "--no-sync", "-D", data_folder(), "-U", "postgres", "-A",
                        "trust", "-E", "UTF8", "--locale=C.UTF-8"},
               .working_folder = "/",
               .user = user_});
  std::ofstream config(data_folder() / "postgresql.conf", std::ios::app);
  config << "listen_addresses = '127.0.0.1'\nport = " << port_ << "\n"
         << "unix_socket_directories = '" << (folder_ / "socket").string() << "'\n"
         << "ssl = on\nssl_min_protocol_version = 'TLSv1.2'\n"
         << "ssl_cert_file = '" << certificate_.certificate.string() << "'\n"
         << "ssl_key_file = '" << certificate_.key.string() << "'\n"
         << "password_encryption = 'scram-sha-256'\nshared_buffers = '32MB'\nmax_wal_size = '256MB'\n"
         << "logging_collector = off\nlog_line_prefix = '%m [%p] '\n"
         << "fsync = " << (options.fsync ? "on" : "off") << "\n";
  for (const std::string& line : options.config) config << line << "\n";
  std::ofstream hba(data_folder() / "pg_hba.conf", std::ios::trunc);
  for (const std::string& line : options.hba) hba << line << "\n";
  hba << "local all,replication postgres trust\nlocal all all scram-sha-256\nhostssl all all 127.0.0.1/32 "
         "scram-sha-256\n";
}

void PgCluster::start() {
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  // After a SIGKILL the old backends may hold the shared memory for a moment: try again.
  while (std::chrono::steady_clock::now() < deadline) {
    postmaster_ =
        std::make_unique<Process>(ProcessOptions{.argv = {pg_program("postgres"), "-D", data_folder()},
                                                 .output = log_file(),
                                                 .working_folder = "/",
                                                 .user = user_,
                                                 .death_signal = SIGQUIT});
    const std::string conninfo = superuser_conninfo("postgres");
    bool ready = false;
    wait_until(
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()),
        [&] {
          ready = PQping(conninfo.c_str()) == PQPING_OK;
          return ready || !postmaster_->running();
        });
    if (ready) return;
  }
  throw std::runtime_error("PostgreSQL did not start:\n" + log_tail());
}

void PgCluster::stop(StopMode mode) {
  if (!postmaster_) return;
  postmaster_->signal(mode == StopMode::kFast ? SIGINT : SIGQUIT);
  if (!postmaster_->wait(kStopLimit)) throw std::runtime_error("PostgreSQL did not stop:\n" + log_tail());
}

void PgCluster::restart(StopMode mode) {
  stop(mode);
  start();
}

void PgCluster::kill() {
  if (postmaster_) postmaster_->kill();
}

void PgCluster::promote() {
  if (value("SELECT pg_promote(true, 60)") != "t") throw std::runtime_error("not promoted:\n" + log_tail());
}

void PgCluster::stop_receiving() {
  set("primary_conninfo", "''");
  if (!wait_until(kStopLimit, [this] { return value("SELECT count(*) FROM pg_stat_wal_receiver") == "0"; })) {
    throw std::runtime_error("the standby still receives:\n" + log_tail());
  }
}

void PgCluster::wait_replayed(const PgCluster& primary) const {
  const std::string there = primary.value("SELECT pg_current_wal_lsn()");
  if (!wait_until(kStartLimit, [&] {
        return value("SELECT coalesce(pg_last_wal_replay_lsn() >= '" + there + "', false)") == "t";
      })) {
    throw std::runtime_error("the standby lags behind:\n" + log_tail());
  }
}

void PgCluster::back_up(const std::filesystem::path& backup) const {
  std::filesystem::create_directory(backup);
  std::filesystem::permissions(backup, std::filesystem::perms::owner_all);
  give_to(backup, user_);
  run_checked({.argv = {pg_program("pg_basebackup"), "-d", superuser_conninfo("postgres"), "-D", backup,
                        "--checkpoint=fast", "--no-sync"},
               .working_folder = "/",
               .user = user_});
}

void PgCluster::restore(const std::filesystem::path& backup) {
  if (running()) throw std::runtime_error("a running server's data folder is not replaced");
  std::filesystem::remove_all(data_folder());
  run_checked({.argv = {"cp", "-a", backup, data_folder()}});
}

void PgCluster::set(const std::string& setting, const std::string& value) const {
  query("ALTER SYSTEM " + (value.empty() ? "RESET " + setting : "SET " + setting + " = " + value));
  query("SELECT pg_reload_conf()");
}

bool PgCluster::running() {
  return postmaster_ && postmaster_->running();
}

pid_t PgCluster::postmaster_pid() const {
  return postmaster_ ? postmaster_->pid() : -1;
}

std::string PgCluster::conninfo(std::optional<int> port) const {
  return conninfo_as("hookspool", kPassword, port);
}

std::string PgCluster::conninfo_as(const std::string& user, const std::string& password,
                                   std::optional<int> port) const {
  // hostaddr saves the name look-up; the certificate is still checked against host.
  return "host=localhost hostaddr=127.0.0.1 port=" + std::to_string(port.value_or(port_)) +
         " dbname=hookspool user=" + user + " password='" + password +
         "' sslmode=verify-full sslrootcert=" + authority_.certificate.string();
}

std::string PgCluster::superuser_conninfo(const std::string& database) const {
  return "host=" + (folder_ / "socket").string() + " port=" + std::to_string(port_) +
         " user=postgres dbname=" + database + " application_name=test";
}

PgTable PgCluster::query(const std::string& sql) const {
  return pg_query(superuser_conninfo(), sql);
}

std::string PgCluster::value(const std::string& sql) const {
  const PgTable table = query(sql);
  if (table.size() != 1 || table.front().size() != 1) throw std::runtime_error("not one value: " + sql);
  return table.front().front().value_or("");
}

std::string PgCluster::log_tail() const {
  std::ifstream file(log_file());
  std::ostringstream copy;
  copy << file.rdbuf();
  const std::string text = copy.str();
  return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
}

std::string either_conninfo(const PgCluster& first, const PgCluster& second) {
  return "host=127.0.0.1,127.0.0.1 port=" + std::to_string(first.port()) + "," +
         std::to_string(second.port()) + " dbname=hookspool user=hookspool password='" +
         PgCluster::kPassword +
         "' sslmode=verify-full sslrootcert=" + first.authority().certificate.string() +
         " target_session_attrs=read-write";
}

}  // namespace hookspool::testing
