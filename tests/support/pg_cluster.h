// A throwaway cluster of the newest PostgreSQL installed: TLS with its own authority, password logins over TCP with
// TLS only, a database and a role `hookspool` that owns it. Runs as user postgres when we are root, as ourselves
// otherwise. Not thread-safe, except query(), conninfo() and superuser_conninfo(). Throws std::runtime_error
// on failure.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace hookspool::testing {

using PgTable = std::vector<std::vector<std::optional<std::string>>>;  // rows of columns, text format

// Connects, runs, disconnects; the last statement's rows. Throws with PostgreSQL's message.
PgTable pg_query(const std::string& conninfo, const std::string& sql);

enum class StopMode { kFast, kImmediate };

struct PgClusterOptions {
  std::vector<std::string> config{};  // lines for postgresql.conf, the last word
  bool fsync = false;                 // true: a server that keeps its promises over a power cut
  std::vector<std::string> hba{};     // lines for pg_hba.conf, the first word
};

class PgCluster {
 public:
  explicit PgCluster(const PgClusterOptions& options = {});  // makes and starts it
  // A streaming, asynchronous standby of `primary`, started; waits until it has what the primary has now.
  // `primary` must outlive it, for they share their certificates.
  static std::unique_ptr<PgCluster> standby_of(const PgCluster& primary);
  ~PgCluster();
  PgCluster(const PgCluster&) = delete;
  PgCluster& operator=(const PgCluster&) = delete;

  void start();                                // returns when it takes connections
  void stop(StopMode mode = StopMode::kFast);  // returns when it has ended
  void restart(StopMode mode = StopMode::kFast);
  void kill();  // SIGKILL to the postmaster

  // Throws its data away for a copy of `primary`, and is its standby from now on, started, on the same port.
  void follow(const PgCluster& primary);
  void promote();                                      // the standby to a primary, on a timeline of its own
  void stop_receiving();                               // the standby: what is committed from now on, it lacks
  void wait_replayed(const PgCluster& primary) const;  // until the standby shows all that the primary has now
  // A base backup as a folder of files; and the data folder put back to it, same timeline. REQUIRES for the
  // latter: stopped. Both may be done several times.
  void back_up(const std::filesystem::path& backup) const;
  void restore(const std::filesystem::path& backup);
  // ALTER SYSTEM SET, or RESET where `value` is empty, and a reload.
  void set(const std::string& setting, const std::string& value) const;
  bool running();
  pid_t postmaster_pid() const;

  int port() const { return port_; }
  // As role hookspool over verified TLS; `port` of a proxy in front of it if not the cluster's own.
  std::string conninfo(std::optional<int> port = {}) const;
  // The same for another role and password.
  std::string conninfo_as(const std::string& user, const std::string& password,
                          std::optional<int> port = {}) const;
  std::string superuser_conninfo(const std::string& database = "hookspool") const;
  PgTable query(const std::string& sql) const;      // as superuser, database hookspool
  std::string value(const std::string& sql) const;  // of one row and one column; "" for NULL

  const CertificateFiles& authority() const { return authority_; }
  const CertificateFiles& certificate() const { return certificate_; }
  std::filesystem::path data_folder() const { return folder_ / "data"; }
  std::filesystem::path log_file() const { return folder_ / "log"; }
  std::filesystem::path folder() const { return folder_.path(); }
  std::string user() const { return user_; }  // of the server's processes; empty: ours

  static constexpr const char* kPassword = "not-a-secret-42";

 private:
  struct Copied {};
  PgCluster(const PgCluster& primary, Copied);
  void make_folder(const char* name) const;
  void initialise(const PgClusterOptions& options);
  std::string log_tail() const;

  TempFolder folder_{"hookspool-pg"};
  std::string user_;  // of the server's processes
  int port_ = 0;
  CertificateFiles authority_;
  CertificateFiles certificate_;
  std::unique_ptr<Process> postmaster_;
};

// For an agent that is to find whichever of the two is the primary.
std::string either_conninfo(const PgCluster& first, const PgCluster& second);

}  // namespace hookspool::testing
