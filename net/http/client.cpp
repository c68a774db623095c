#include "net/http/client.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>
#include <system_error>

#include "net/http/call_deadline.h"
#include "net/http/socket.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kAnswerBytesMax = 64u << 20;
constexpr int kProbeWaitMs = 200;

// errno of one more attempt to connect, for the library keeps it to itself; 0: the connection was accepted, or has not
// answered yet. Does not wait.
int connect_errno(const Address& address) {
  const int family = address.is_unix                               ? AF_UNIX
                     : address.host.find(':') != std::string::npos ? AF_INET6
                                                                   : AF_INET;
  const Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return errno;
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (family == AF_UNIX) {
    auto& local = reinterpret_cast<sockaddr_un&>(storage);
    if (address.host.size() >= sizeof(local.sun_path)) return ENAMETOOLONG;
    std::copy(address.host.begin(), address.host.end(), local.sun_path);
    length = sizeof(local);
  } else if (family == AF_INET6) {
    auto& inet = reinterpret_cast<sockaddr_in6&>(storage);
    ::inet_pton(family, address.host.c_str(), &inet.sin6_addr);
    inet.sin6_port = htons(address.port);
    length = sizeof(inet);
  } else {
    auto& inet = reinterpret_cast<sockaddr_in&>(storage);
    ::inet_pton(family, address.host.c_str(), &inet.sin_addr);
    inet.sin_port = htons(address.port);
    length = sizeof(inet);
  }
  storage.ss_family = static_cast<sa_family_t>(family);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0 || errno == EINPROGRESS) {
    pollfd waited{fd.get(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof(error);
    if (::poll(&waited, 1, kProbeWaitMs) == 1) ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
  return errno;
}

// What went wrong, as the system says it; the library's own words are "Connection" and "Read".
HttpError call_error(const Address& address, const std::string& what) {
  const int error = connect_errno(address);
  if (error == EACCES || error == EPERM)
    return {HttpError::Kind::kNotPermitted, std::generic_category().message(error)};
  if (error == ENOENT) return {HttpError::Kind::kSystem, "there is no such socket"};
  if (error != 0) {
    std::string text = std::generic_category().message(error);
    if (!text.empty())
      text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    return {HttpError::Kind::kSystem, text};
  }
  return {HttpError::Kind::kSystem, "a connection, but no answer (" + what + ")"};
}

ClientAnswer to_answer(const httplib::Response& response, std::string body) {
  return {response.status, response.get_header_value("Content-Type"), std::move(body)};
}

void set_deadlines(httplib::ClientImpl& client, std::chrono::milliseconds deadline) {
  client.set_tcp_nodelay(true);
  client.set_url_encode(false);
  client.set_decompress(false);
  client.set_connection_timeout(deadline);
  client.set_read_timeout(deadline);
  client.set_write_timeout(deadline);
}

Result<ClientAnswer, HttpError> call(const Address& address, httplib::Request& request,
                                     std::chrono::milliseconds deadline, bool tls) {
  const int port = address.is_unix ? 1 : address.port;
  std::unique_ptr<httplib::ClientImpl> owner;
  if (tls) {
    auto secure = std::make_unique<httplib::SSLClient>(address.host, port);
    secure->enable_server_certificate_verification(false);
    owner = std::move(secure);
  } else {
    owner = std::make_unique<httplib::ClientImpl>(address.host, port);
  }
  httplib::ClientImpl& client = *owner;
  if (address.is_unix) client.set_address_family(AF_UNIX);
  set_deadlines(client, deadline);

  std::string body;
  request.content_receiver = [&body](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (body.size() + size > kAnswerBytesMax) return false;
    body.append(data, size);
    return true;
  };
  const CallDeadline limit([&client] { client.stop(); }, deadline);
  const httplib::Result result = client.send(request);
  if (!result) return fail(call_error(address, httplib::to_string(result.error())));
  return to_answer(*result, std::move(body));
}

}  // namespace

Result<ClientAnswer, HttpError> http_call(const std::string& address_text, const std::string& method,
                                          const std::string& target,
                                          const std::vector<std::pair<std::string, std::string>>& headers,
                                          const std::string& body, std::chrono::milliseconds deadline,
                                          bool tls) {
  auto address = parse_address(address_text);
  if (!address) return fail(std::move(address).error());
  httplib::Request request;
  request.method = method == "GET" ? "GET" : "POST";
  request.path = target;
  for (const auto& [name, value] : headers) request.set_header(name, value);
  // The library would name the Unix socket's path, which is no host name.
  if (!request.has_header("Host")) request.set_header("Host", address->is_unix ? "localhost" : address_text);
  if (!request.has_header("User-Agent")) request.set_header("User-Agent", "hookspool");
  request.set_header("Connection", "close");
  if (request.method == "POST") request.body = body;
  try {
    return call(*address, request, deadline, tls);
  } catch (const std::exception& e) {
    return fail(call_error(*address, e.what()));
  }
}

}  // namespace hookspool::net
