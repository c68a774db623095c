#include "tests/integration/disk/injector.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

constexpr std::chrono::seconds kAttachLimit{20};
constexpr std::chrono::seconds kDetachLimit{5};
constexpr std::chrono::seconds kHitLimit{60};
// Every traced call stops its thread for a moment; one that is still stopped after so many looks is held there.
constexpr int kLooksAtAHeldThread = 20;

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// The value of a field of a thread's status ("TracerPid", "State"); empty once it has ended.
std::string status_of(pid_t process, pid_t thread, const std::string& field) {
  std::istringstream status(
      text_of("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":\t")) return line.substr(field.size() + 2);
  }
  return {};
}

bool is_traced(pid_t process, pid_t thread) {
  return status_of(process, thread, "TracerPid") != "0";
}

bool is_stopped_by_tracer(pid_t process, pid_t thread) {
  return status_of(process, thread, "State").starts_with('t');
}

std::uint64_t count_of(const std::string& text, const std::string& word) {
  std::uint64_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

std::vector<pid_t> threads_of(pid_t process, const std::string& name) {
  std::vector<pid_t> threads;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    if (name.empty() || text_of(entry.path() / "comm") == name + "\n")
      threads.push_back(static_cast<pid_t>(std::stol(entry.path().filename().string())));
  }
  return threads;
}

Injector::Injector(pid_t process, const Injection& injection)
    : process_(process), threads_(threads_of(process, injection.thread)) {
  if (threads_.empty()) throw std::runtime_error("no thread " + injection.thread);
  std::vector<std::string> argv;
  if (geteuid() != 0) argv = {"sudo", "-n"};
  argv.insert(argv.end(), {"strace", "-qq", "-e", "signal=none", "-o", folder_ / "calls"});
  std::string calls;
  for (const std::string& fault : injection.faults) {
    calls += (calls.empty() ? "" : ",") + fault.substr(0, fault.find(':'));
  }
  argv.insert(argv.end(), {"-e", "trace=" + calls});
  for (const std::string& fault : injection.faults) argv.insert(argv.end(), {"-e", "inject=" + fault});
  for (const auto& file : injection.only_files) argv.insert(argv.end(), {"-P", file});
  for (const pid_t thread : threads_) argv.insert(argv.end(), {"-p", std::to_string(thread)});
  strace_ = std::make_unique<Process>(
      ProcessOptions{.argv = std::move(argv), .output = folder_ / "complaints", .working_folder = "/"});
  const bool attached = wait_until(kAttachLimit, [&] {
    return !strace_->running() || std::all_of(threads_.begin(), threads_.end(),
                                              [&](pid_t thread) { return is_traced(process, thread); });
  });
  if (!attached || !strace_->running())
    throw std::runtime_error("strace did not attach: " + text_of(folder_ / "complaints"));
}

Injector::~Injector() {
  strace_->signal(SIGTERM);
  strace_->wait(kDetachLimit);  // SIGKILL then, which detaches as well
}

std::uint64_t Injector::hits() const {
  const std::string text = text_of(folder_ / "calls");
  return count_of(text, "(INJECTED)") + count_of(text, "(DELAYED)");
}

void Injector::wait_hits(std::uint64_t least) const {
  if (!wait_until(kHitLimit, [&] { return hits() >= least; }))
    throw std::runtime_error("the fault hit " + std::to_string(hits()) + " times only, not " +
                             std::to_string(least));
}

void Injector::wait_delayed() const {
  int looks = 0;
  const auto held = [&] {
    const bool stopped = std::any_of(threads_.begin(), threads_.end(),
                                     [&](pid_t thread) { return is_stopped_by_tracer(process_, thread); });
    looks = stopped ? looks + 1 : 0;
    return looks >= kLooksAtAHeldThread;
  };
  if (!wait_until(kHitLimit, held)) throw std::runtime_error("no thread was held in a delayed call");
}

}  // namespace hookspool::testing
