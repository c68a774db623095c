#include "tests/support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

// Forks on one thread that lives as long as the program: the kernel's parent-death signal is sent when the
// *thread* that forked ends, so a child started by a short-lived thread would die with it.
class Spawner {
 public:
  static Spawner& instance() {
    static Spawner spawner;
    return spawner;
  }
  pid_t spawn(std::function<pid_t()> fork_and_exec) {
    std::packaged_task<pid_t()> task(std::move(fork_and_exec));
    std::future<pid_t> pid = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
    return pid.get();
  }

 private:
  Spawner() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
      std::packaged_task<pid_t()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::packaged_task<pid_t()>> tasks_;
  std::jthread thread_;
};

struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> env_texts;
  std::vector<char*> env;
  std::string program;
  std::string output;
  std::string folder;
  uid_t uid = 0;
  gid_t gid = 0;
  bool change_user = false;
  int death_signal = 0;
  int passed_fd = -1;
};

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  for (std::size_t begin = 0; begin <= folders.size();) {
    std::size_t end = folders.find(':', begin);
    if (end == std::string::npos) end = folders.size();
    const std::string candidate = folders.substr(begin, end - begin) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  throw std::runtime_error("no program " + name + " in PATH");
}

// Empty: a hookspool without --config takes the embedded default, whatever is installed on the machine of the tests.
constexpr const char* kConfigVariable = "HOOKSPOOL_CONFIG";

void prepare_environment(const ProcessOptions& options, Prepared& prepared) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (!options.env.contains(name) && name != kConfigVariable) prepared.env_texts.push_back(text);
  }
  if (!options.env.contains(kConfigVariable))
    prepared.env_texts.push_back(std::string(kConfigVariable) + "=");
  for (const auto& [name, value] : options.env) {
    if (value) prepared.env_texts.push_back(name + "=" + *value);
  }
  for (std::string& text : prepared.env_texts) prepared.env.push_back(text.data());
  prepared.env.push_back(nullptr);
}

// Only system calls that are safe after fork() in a program with threads.
[[noreturn]] void become(const Prepared& prepared, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  const int output = open(prepared.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int input = open("/dev/null", O_RDONLY);
  if (output < 0 || input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(125);
  if (prepared.passed_fd >= 0 && dup2(prepared.passed_fd, 3) < 0) _exit(125);
  if (prepared.passed_fd == 3) fcntl(3, F_SETFD, 0);  // which dup2() onto itself does not do
  for (int fd = prepared.passed_fd >= 0 ? 4 : 3; fd < 1024; ++fd) close(fd);
  if (prepared.change_user) {
    if (setgroups(0, nullptr) != 0 || setgid(prepared.gid) != 0 || setuid(prepared.uid) != 0) _exit(125);
  }
  // After setuid(), which would clear it; and the parent may have died before this line.
  if (prctl(PR_SET_PDEATHSIG, prepared.death_signal) != 0 || getppid() != parent) _exit(125);
  if (!prepared.folder.empty() && chdir(prepared.folder.c_str()) != 0) _exit(125);
  execve(prepared.program.c_str(), prepared.argv.data(), prepared.env.data());
  _exit(127);
}

ExitStatus decode(int status) {
  if (WIFEXITED(status)) return {WEXITSTATUS(status), 0};
  return {-1, WTERMSIG(status)};
}

std::string joined(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Process::Process(const ProcessOptions& options) {
  if (options.argv.empty()) throw std::runtime_error("a process needs a command");
  std::vector<std::string> argv = options.argv;
  Prepared prepared;
  prepared.program = find_program(argv.front());
  for (std::string& word : argv) prepared.argv.push_back(word.data());
  prepared.argv.push_back(nullptr);
  prepare_environment(options, prepared);
  prepared.output = options.output.empty() ? "/dev/null" : options.output.string();
  prepared.folder = options.working_folder.string();
  prepared.death_signal = options.death_signal;
  prepared.passed_fd = options.passed_fd;
  if (!options.user.empty()) {
    const passwd* user = getpwnam(options.user.c_str());
    if (user == nullptr) throw std::runtime_error("no user " + options.user);
    prepared.uid = user->pw_uid;
    prepared.gid = user->pw_gid;
    prepared.change_user = true;
  }
  const pid_t parent = getpid();
  pid_ = Spawner::instance().spawn([&prepared, parent] {
    const pid_t pid = fork();
    if (pid == 0) become(prepared, parent);
    return pid;
  });
  if (pid_ < 0) throw std::runtime_error("cannot fork for " + joined(options.argv));
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}

Process::~Process() {
  kill();
}

bool Process::running() {
  return !wait(std::chrono::milliseconds(0));
}

void Process::signal(int number) {
  if (pid_ > 0 && running()) ::kill(pid_, number);
}

std::optional<ExitStatus> Process::wait(std::chrono::milliseconds limit) {
  if (pid_ < 0) return ExitStatus{};
  wait_until(limit, [this] {
    int status = 0;
    if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = decode(status);
    return status_.has_value();
  });
  return status_;
}

void Process::kill() {
  if (pid_ < 0 || status_) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = decode(status);
}

Captured run_and_capture(ProcessOptions options, std::chrono::milliseconds limit) {
  const TempFolder folder("hookspool-run");
  options.output = folder / "output";
  Captured captured;
  {
    Process process(options);
    if (const auto status = process.wait(limit)) {
      captured.status = *status;
    } else {
      process.kill();
      captured.status = {-1, SIGKILL};
    }
  }
  std::ifstream file(options.output, std::ios::binary);
  std::ostringstream copy;
  copy << file.rdbuf();
  captured.output = copy.str();
  return captured;
}

std::string run_checked(ProcessOptions options, std::chrono::milliseconds limit) {
  const std::string command = joined(options.argv);
  Captured captured = run_and_capture(std::move(options), limit);
  if (captured.status != ExitStatus{0, 0}) {
    throw std::runtime_error(command + ": exit " + std::to_string(captured.status.code) + ", signal " +
                             std::to_string(captured.status.signal) + "\n" + captured.output);
  }
  return captured.output;
}

}  // namespace hookspool::testing
