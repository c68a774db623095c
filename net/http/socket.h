// Addresses and listening sockets. Not thread-safe.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "net/http/ip_address.h"
#include "net/http/server.h"
#include "storage/base/fd.h"
#include "storage/model/result.h"

namespace hookspool::net {

struct Address {
  bool is_unix = false;
  std::string host;  // numeric, without brackets; of a Unix socket the path
  std::uint16_t port = 0;
  std::string text() const;  // one form for each address
};

// "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock". Names are not looked up, but "localhost" is 127.0.0.1.
Result<Address, HttpError> parse_address(const std::string& text);

// Where a listening stream socket that came from elsewhere listens.
Result<Address, HttpError> bound_address(int listening_fd);

// A listening socket, non-blocking. A Unix socket's file is removed when it closes, if it is still the same
// file.
class Listener {
 public:
  static Result<Listener, HttpError> open(const std::string& address, unsigned unix_mode,
                                          std::optional<unsigned> unix_gid = std::nullopt);
  // Takes over a socket that listens on `address` already. The file of a Unix socket is its owner's affair.
  static Result<Listener, HttpError> adopt(int fd, const std::string& address);
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener() { close(); }

  int fd() const { return fd_.get(); }
  // Another process (systemd) holds this socket too, and hands it to the next one.
  bool is_inherited() const { return inherited_; }
  std::uint16_t port() const { return port_; }
  // The accepted connection, non-blocking; not open when accept4 failed, errno tells why. `peer`: nothing for
  // a Unix socket.
  Fd accept(std::optional<IpAddress>& peer) const;
  void close();

 private:
  Listener() = default;
  static Result<Listener, HttpError> open_tcp(const std::string& text, const Address& address);
  static Result<Listener, HttpError> open_unix(const std::string& text, const std::string& path,
                                               unsigned mode, std::optional<unsigned> gid);

  Fd fd_;
  bool inherited_ = false;
  std::uint16_t port_ = 0;
  std::string unix_path_;
  struct stat unix_file_ {};
};

}  // namespace hookspool::net
