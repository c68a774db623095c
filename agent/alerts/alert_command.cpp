#include "agent/alerts/alert_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "agent/base/units.h"
#include "storage/base/fd.h"

namespace hookspool::agent {
namespace {

using Clock = std::chrono::steady_clock;

std::string reason(int error) {
  return std::generic_category().message(error);
}

struct Pipe {
  Fd read, write;
};

// Both ends close themselves in a child.
bool open_pipe(Pipe& pipe) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = Fd(ends[0]);
  pipe.write = Fd(ends[1]);
  return true;
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "HOME", "LANG", "TZ"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) variables.push_back(std::string(name) + "=" + value);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// A child in a process group of its own, with the signals as a program expects them.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) end();
  }

  // 0 or errno.
  int start(std::vector<std::string> words, int input, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> variables = environment();
    const int error = ::posix_spawn(&pid_, words.front().c_str(), &files, &attributes, pointers(words).data(),
                                    pointers(variables).data());
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) {
      pid_ = -1;
      return error;
    }
    ended_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    return ended_.is_open() ? 0 : errno;
  }

  int ended_fd() const { return ended_.get(); }  // readable when it has

  // Kills what is left of it and its group. Its exit code; -1: a signal.
  int end() {
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  Fd ended_;
};

// What goes in and comes out while it runs.
class Talk {
 public:
  Talk(const std::string& input, Fd to, Fd from) : input_(input), to_(std::move(to)), from_(std::move(from)) {
    for (const Fd* fd : {&to_, &from_}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }

  // In the order of poll(2)'s entries; -1: no more of it.
  int to() const { return to_.is_open() ? to_.get() : -1; }
  int from() const { return from_.is_open() ? from_.get() : -1; }
  const std::string& output() const { return output_; }

  void give() {
    const ssize_t written = ::write(to_.get(), input_.data() + given_, input_.size() - given_);
    if (written > 0) given_ += static_cast<std::size_t>(written);
    const bool refused = written < 0 && errno != EAGAIN && errno != EINTR;
    if (refused || given_ == input_.size()) to_ = Fd();  // it sees the end
  }

  void take() {
    std::array<char, 4'096> bytes{};
    const ssize_t read = ::read(from_.get(), bytes.data(), bytes.size());
    if (read > 0) {
      const std::size_t room = kCommandOutputBytesMax - output_.size();
      output_.append(bytes.data(), std::min(static_cast<std::size_t>(read), room));
    } else if (read == 0 || (errno != EAGAIN && errno != EINTR)) {
      from_ = Fd();
    }
  }

 private:
  const std::string& input_;
  std::size_t given_ = 0;
  Fd to_, from_;
  std::string output_;
};

}  // namespace

Result<CommandEnd, std::string> run_alert_command(const std::vector<std::string>& words,
                                                  const std::string& input, std::chrono::milliseconds limit,
                                                  net::Cancellation& cancellation) {
  const auto deadline = Clock::now() + limit;
  Pipe to_child, from_child;
  const Fd cancelled(::eventfd(0, EFD_CLOEXEC));
  if (!cancelled.is_open() || !open_pipe(to_child) || !open_pipe(from_child))
    return fail("no pipe for it: " + reason(errno));
  const net::Cancellation::Scope cancellable(cancellation, [&cancelled] {
    const std::uint64_t one = 1;
    (void)!::write(cancelled.get(), &one, sizeof(one));
  });
  Child child;
  if (const int error = child.start(words, to_child.read.get(), from_child.write.get()); error != 0)
    return fail(words.front() + " cannot be started: " + reason(error));
  to_child.read.reset();
  from_child.write.reset();
  Talk talk(input, std::move(to_child.write), std::move(from_child.read));
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0)
      return fail(words.front() + " was killed: it took longer than " + format_duration(limit));
    std::array<pollfd, 4> waited{{{child.ended_fd(), POLLIN, 0},
                                  {cancelled.get(), POLLIN, 0},
                                  {talk.from(), POLLIN, 0},
                                  {talk.to(), POLLOUT, 0}}};
    if (::poll(waited.data(), waited.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
      return fail("waiting for " + words.front() + ": " + reason(errno));
    if (waited[1].revents != 0) return fail(std::string("it was cancelled"));
    if (waited[2].revents != 0) talk.take();
    if (waited[3].revents != 0) talk.give();
    if (waited[0].revents == 0 || waited[2].revents != 0) continue;  // what it wrote last is read first
    const int code = child.end();
    return CommandEnd{code, talk.output()};
  }
}

}  // namespace hookspool::agent
