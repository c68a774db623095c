#include "net/http/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

namespace hookspool::net {
namespace {

// The queue of connections that are made but not yet accepted; the kernel caps it at net.core.somaxconn.
constexpr int kListenBacklog = 1024;

std::string reason(int error) {
  return std::generic_category().message(error);
}

HttpError listen_error(const std::string& address, const char* doing, int error) {
  const std::string text = "cannot listen on " + address + ": " + doing + ": " + reason(error);
  switch (error) {
    case EADDRINUSE:
      return {HttpError::Kind::kAddressInUse, text + "; stop the other process or choose another address"};
    case EACCES:
    case EPERM:
      return {
          HttpError::Kind::kNotPermitted,
          text +
              "; a port below 1024 needs CAP_NET_BIND_SERVICE, or with the packaged unit hookspool.socket "
              "enabled with this address as its ListenStream=; a Unix socket needs a folder this user may "
              "write"};
    case EADDRNOTAVAIL:
      return {HttpError::Kind::kBadAddress, text + "; no network interface of this machine has that address"};
    case ENOENT:
    case ENOTDIR:
      return {HttpError::Kind::kBadAddress, text + "; the folder of the socket must exist"};
    default:
      return {HttpError::Kind::kSystem, text};
  }
}

HttpError bad_address(const std::string& address, const std::string& why) {
  return {HttpError::Kind::kBadAddress,
          "'" + address + "' is no address: " + why +
              R"(; write "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock")"};
}

sockaddr_un unix_sockaddr(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

// bind, connect and accept all take the generic type.
template <class T>
sockaddr* generic(T* address) {
  return reinterpret_cast<sockaddr*>(address);
}

// Removes a socket file that no process listens on any more. 0, or the error that says why the path cannot be
// used.
int remove_stale_socket(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(file.st_mode)) return EADDRINUSE;
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return errno;
  sockaddr_un address = unix_sockaddr(path);
  if (::connect(probe.get(), generic(&address), sizeof address) == 0) return EADDRINUSE;
  // Anything but a refusal means that a process listens there, or that we must not know.
  if (errno != ECONNREFUSED) return errno == EAGAIN ? EADDRINUSE : errno;
  return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

Result<Address, HttpError> parse_address(const std::string& text) {
  static constexpr std::string_view kUnix = "unix:";
  Address address;
  if (text.starts_with(kUnix)) {
    address.is_unix = true;
    address.host = text.substr(kUnix.size());
    if (address.host.empty() || address.host.front() != '/' || address.host.find('\0') != std::string::npos)
      return fail(bad_address(text, "a Unix socket needs an absolute path"));
    if (address.host.size() >= sizeof(sockaddr_un::sun_path))
      return fail(bad_address(text, "the path of a Unix socket has at most 107 bytes"));
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail(bad_address(text, "the port is missing"));
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || parsed != end)
    return fail(bad_address(text, "the port is not a number up to 65535"));

  const bool bracketed = colon >= 2 && text.front() == '[' && text[colon - 1] == ']';
  address.host = bracketed ? text.substr(1, colon - 2) : text.substr(0, colon);
  if (address.host == "localhost") address.host = "127.0.0.1";
  const bool numeric =
      IpAddress::parse(std::string_view(address.host).substr(0, address.host.find('%'))).has_value();
  if (!numeric || (address.host.find(':') != std::string::npos) != bracketed)
    return fail(bad_address(text, "the host is not a numeric address"));
  return address;
}

std::string Address::text() const {
  if (is_unix) return "unix:" + host;
  const auto address = IpAddress::parse(host);
  const std::string shown = address ? address->text() : host;
  return (host.find(':') == std::string::npos ? shown : "[" + shown + "]") + ":" + std::to_string(port);
}

Result<Address, HttpError> bound_address(int fd) {
  const std::string what = "the socket that was passed as descriptor " + std::to_string(fd);
  int listening = 0;
  int type = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    return fail(HttpError{HttpError::Kind::kBadAddress,
                          what + " is not a listening stream socket; use ListenStream= and Accept=no"});
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, generic(&bound), &length) != 0)
    return fail(HttpError{HttpError::Kind::kSystem, what + " has no address: " + reason(errno)});
  Address address;
  if (bound.ss_family == AF_UNIX) {
    address.is_unix = true;
    address.host = reinterpret_cast<const sockaddr_un&>(bound).sun_path;
    return address;
  }
  const auto ip = IpAddress::of(bound);
  if (!ip) return fail(HttpError{HttpError::Kind::kBadAddress, what + " is neither IP nor Unix"});
  address.host = ip->text();
  address.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                   : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return address;
}

Result<Listener, HttpError> Listener::adopt(int fd, const std::string& text) {
  auto address = bound_address(fd);
  if (!address) return fail(std::move(address).error());
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
    return fail(listen_error(text, "fcntl", errno));
  const int on = 1;
  if (!address->is_unix && ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    return fail(listen_error(text, "setsockopt", errno));
  Listener listener;
  listener.fd_ = Fd(fd);
  listener.inherited_ = true;
  listener.port_ = address->port;
  return listener;
}

Result<Listener, HttpError> Listener::open(const std::string& text, unsigned unix_mode,
                                           std::optional<unsigned> unix_gid) {
  auto address = parse_address(text);
  if (!address) return fail(std::move(address).error());
  return address->is_unix ? open_unix(text, address->host, unix_mode, unix_gid) : open_tcp(text, *address);
}

Result<Listener, HttpError> Listener::open_tcp(const std::string& text, const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* list = nullptr;
  if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list) != 0)
    return fail(bad_address(text, "the host is not a numeric address"));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);

  Listener listener;
  listener.fd_ = Fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = listener.fd();
  if (fd < 0) return fail(listen_error(text, "socket", errno));
  const int on = 1;
  const int off = 0;
  // SO_REUSEADDR lets a restart follow at once. SO_REUSEPORT would let a second process take half of our
  // traffic. TCP_NODELAY is inherited by what is accepted; without it answers wait for delayed
  // acknowledgements.
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
      (list->ai_family == AF_INET6 && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0))
    return fail(listen_error(text, "setsockopt", errno));
  if (::bind(fd, list->ai_addr, list->ai_addrlen) != 0) return fail(listen_error(text, "bind", errno));
  if (::listen(fd, kListenBacklog) != 0) return fail(listen_error(text, "listen", errno));

  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, generic(&bound), &length) != 0) return fail(listen_error(text, "getsockname", errno));
  listener.port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                     : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return listener;
}

Result<Listener, HttpError> Listener::open_unix(const std::string& text, const std::string& path,
                                                unsigned mode, std::optional<unsigned> gid) {
  const int stale = remove_stale_socket(path);
  if (stale != 0) return fail(listen_error(text, "the path is taken", stale));
  Listener listener;
  listener.fd_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = listener.fd();
  if (fd < 0) return fail(listen_error(text, "socket", errno));
  sockaddr_un address = unix_sockaddr(path);
  // On Linux the file gets the socket's own mode, less the umask: never more than asked for.
  ::fchmod(fd, static_cast<mode_t>(mode));
  if (::bind(fd, generic(&address), sizeof address) != 0) return fail(listen_error(text, "bind", errno));
  if (::lstat(path.c_str(), &listener.unix_file_) != 0) return fail(listen_error(text, "stat", errno));
  listener.unix_path_ = path;
  if (gid && ::chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
    const int error = errno;
    return fail(
        HttpError{HttpError::Kind::kNotPermitted,
                  "cannot listen on " + text + ": the socket cannot be given to group " +
                      std::to_string(*gid) + ": " + reason(error) +
                      "; this user must be a member of that group (usermod -aG, SupplementaryGroups=)"});
  }
  // No client can connect before listen(), so there is no moment with the wrong mode.
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) return fail(listen_error(text, "chmod", errno));
  if (::listen(fd, kListenBacklog) != 0) return fail(listen_error(text, "listen", errno));
  return listener;
}

Fd Listener::accept(std::optional<IpAddress>& peer) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Fd fd(::accept4(fd_.get(), generic(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.is_open()) peer = IpAddress::of(address);
  return fd;
}

void Listener::close() {
  if (!fd_.is_open()) return;
  fd_.reset();
  if (unix_path_.empty()) return;
  struct stat file {};
  if (::lstat(unix_path_.c_str(), &file) == 0 && file.st_ino == unix_file_.st_ino &&
      file.st_dev == unix_file_.st_dev)
    ::unlink(unix_path_.c_str());
}

}  // namespace hookspool::net
