#include "tests/integration/system/agent_process.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

constexpr std::chrono::seconds kStatusLimit{5};
constexpr std::size_t kLogTailBytes = 6000;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Answer get(int port, const std::string& path) {
  RawClient client(port);
  client.send(get_request(path));
  return client.receive(kStatusLimit);
}

std::string toml_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string value_at(const std::string& json, const std::string& pointer) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  const nlohmann::json::json_pointer place(pointer);
  if (document.is_discarded() || !document.contains(place)) return {};
  const auto& value = document.at(place);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string agent_binary() {
  const char* other = std::getenv("HOOKSPOOL_TEST_AGENT");
  return other != nullptr && *other != '\0' ? other : HOOKSPOOL_BINARY;
}

bool agent_may_be_sanitized() {
  return agent_binary() != HOOKSPOOL_BINARY;
}

AgentProcess::AgentProcess(AgentOptions options)
    : options_(std::move(options)),
      journal_(options_.journal.empty() ? folder_ / "journal" : options_.journal),
      config_file_(folder_ / "hookspool.toml"),
      log_file_(folder_ / "log"),
      intake_port_(options_.intake_port != 0 ? options_.intake_port : free_port()),
      admin_port_(options_.admin_port != 0 ? options_.admin_port : free_port()) {
  write_config();
}

void AgentProcess::write_config() const {
  std::ofstream config(config_file_, std::ios::trunc);
  config << "[agent]\n";
  if (!options_.agent_id.empty()) config << "id = " << toml_string(options_.agent_id) << "\n";
  config << "[intake]\nlisten = \"127.0.0.1:" << intake_port_ << "\"\n"
         << options_.more_intake << "\n[admin]\nlisten = \"127.0.0.1:" << admin_port_ << "\"\n"
         << "[journal]\npath = " << toml_string(journal_.string()) << "\n"
         << options_.more_journal << "\n[postgres]\n";
  if (!options_.conninfo.empty()) config << "conninfo = " << toml_string(options_.conninfo) << "\n";
  config << options_.more_postgres << "\n" << options_.sources << "\n";
  if (!config) throw std::runtime_error("cannot write " + config_file_.string());
}

void AgentProcess::launch() {
  write_config();
  std::vector<std::string> argv = options_.under;
  argv.insert(argv.end(), {options_.binary, "run", "--config", config_file_.string()});
  // No PostgreSQL but the one in the configuration.
  std::map<std::string, std::optional<std::string>> env = options_.env;
  for (const char* name :
       {"DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGDATABASE", "PGUSER"}) {
    env.emplace(name, std::nullopt);
  }
  process_ = std::make_unique<Process>(ProcessOptions{.argv = std::move(argv),
                                                      .env = std::move(env),
                                                      .output = log_file_,
                                                      .working_folder = folder_.path(),
                                                      .user = {},
                                                      .passed_fd = options_.passed_fd});
}

void AgentProcess::wait_ready(std::chrono::milliseconds limit) {
  // The admin listener is opened last, so that with its answer every other one is there.
  const auto is_ready = [](int port) { return get(port, "/readyz").outcome == Outcome::kOk; };
  const bool ready = wait_until(limit, [&] {
    return !running() || (is_ready(admin_port_) && (options_.intake_tls || is_ready(intake_port_)));
  });
  if (!ready || !running()) throw std::runtime_error("the agent did not get ready:\n" + log_tail());
}

void AgentProcess::start() {
  launch();
  wait_ready();
}

void AgentProcess::kill() {
  if (process_) process_->kill();
}

ExitStatus AgentProcess::terminate(std::chrono::milliseconds limit) {
  if (!process_) throw std::runtime_error("the agent was never started");
  process_->signal(SIGTERM);
  const auto status = process_->wait(limit);
  if (!status) throw std::runtime_error("the agent did not end after SIGTERM:\n" + log_tail());
  return *status;
}

std::optional<ExitStatus> AgentProcess::wait_end(std::chrono::milliseconds limit) {
  return process_ ? process_->wait(limit) : std::nullopt;
}

bool AgentProcess::running() {
  return process_ && process_->running();
}

pid_t AgentProcess::pid() const {
  return process_ ? process_->pid() : -1;
}

std::string AgentProcess::log() const {
  return read_file(log_file_);
}

std::string AgentProcess::log_tail() const {
  std::string text = log();
  if (text.size() > kLogTailBytes) text.erase(0, text.size() - kLogTailBytes);
  return text;
}

std::size_t AgentProcess::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) * 1024;
  }
  throw std::runtime_error("no VmRSS of the agent:\n" + log_tail());
}

std::string AgentProcess::health() const {
  return get(admin_port_, "/health").body;
}

std::string AgentProcess::health(const std::string& pointer) const {
  return value_at(health(), pointer);
}

long long AgentProcess::health_number(const std::string& pointer) const {
  const std::string text = health(pointer);
  return text.empty() ? -1 : std::stoll(text);
}

void AgentProcess::wait_mode(const std::string& mode, std::chrono::milliseconds limit) const {
  if (wait_until(limit, [&] { return health("/mode") == mode; })) return;
  throw std::runtime_error("the mode did not become " + mode + ": " + health() + "\n" + log_tail());
}

void AgentProcess::wait_caught_up(std::chrono::milliseconds limit) const {
  const bool caught_up = wait_until(limit, [&] {
    const std::string now = health();
    return value_at(now, "/journal/pending") == "0" && value_at(now, "/mode") == "online";
  });
  if (!caught_up) throw std::runtime_error("the agent did not catch up: " + health() + "\n" + log_tail());
}

}  // namespace hookspool::testing
