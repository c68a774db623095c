// One agent whose configuration changes while it serves, and what asks it to read it again.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {

inline constexpr const char* kJson = "Content-Type: application/json\r\n";

inline std::string github_header(const std::string& secret, const std::string& body) {
  const std::string_view piece = body;
  return "X-Hub-Signature-256: sha256=" +
         net::encode_hex(net::hmac(net::Algorithm::kSha256, secret, std::span(&piece, 1)).value()) + "\r\n";
}

class ReloadTest : public ::testing::Test {
 protected:
  explicit ReloadTest(const std::string& conninfo = "") : agent_(agent_options(conninfo)) {}

  std::string secret_file(const std::string& name, const std::string& content) {
    const auto file = secrets_.path() / name;
    std::ofstream(file, std::ios::trunc) << content << "\n";
    ::chmod(file.c_str(), 0600);
    return "{ file = \"" + file.string() + "\" }";
  }
  Captured command(std::vector<std::string> words) const {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_.config_file().string()});
    return run_and_capture({.argv = std::move(words)}, std::chrono::seconds(60));
  }
  // `hookspool reload` with these sources.
  Captured reload_with(const std::string& sources) {
    agent_.options().sources = sources;
    agent_.write_config();
    return command({"reload"});
  }
  void reload_to(const std::string& sources) {
    const Captured done = reload_with(sources);
    ASSERT_EQ(done.status.code, 0) << done.output << agent_.log();
  }
  int post(const std::string& path, const std::string& body = "{}",
           const std::string& headers = kJson) const {
    return RawClient(agent_.intake_port()).exchange(post_request(path, headers, body)).status;
  }
  bool logged(const std::string& text) const {
    return wait_until(std::chrono::seconds(20), [&] { return agent_.log().find(text) != std::string::npos; });
  }

  TempFolder secrets_{"hookspool-secrets"};
  AgentProcess agent_;
};

class ReloadDatabaseTest : public ReloadTest {
 protected:
  ReloadDatabaseTest() : ReloadTest("") { agent_.options().conninfo = postgres_.conninfo(); }
  PgCluster postgres_;
};

}  // namespace hookspool::testing
