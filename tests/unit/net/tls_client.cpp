#include "tests/unit/net/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hookspool::testing {
namespace {

int connected(std::uint16_t port, const std::string& source) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  if (!source.empty()) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    ::inet_pton(AF_INET, source.c_str(), &from.sin_addr);
    ::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);
  }
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    throw std::system_error(error, std::generic_category(), "connect");
  }
  return fd;
}

}  // namespace

class TlsClient::Impl {
 public:
  Impl(int fd, const TlsClientOptions& options) : fd_(fd), context_(SSL_CTX_new(TLS_client_method())) {
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    // What old clients may speak is the server's decision here.
    SSL_CTX_set_security_level(context_, 0);
    if (options.version_least != 0) SSL_CTX_set_min_proto_version(context_, options.version_least);
    if (options.version_most != 0) SSL_CTX_set_max_proto_version(context_, options.version_most);
    if (!options.groups.empty()) SSL_CTX_set1_groups_list(context_, options.groups.c_str());
    if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context_, options.ciphers.c_str());
    if (!options.authority.empty()) {
      SSL_CTX_load_verify_file(context_, options.authority.c_str());
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    ssl_ = SSL_new(context_);
    if (!options.authority.empty()) SSL_set1_host(ssl_, options.host.c_str());
    if (!options.alpn.empty())
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    SSL_set_fd(ssl_, fd_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ::close(fd_);
    ERR_clear_error();
  }

  SSL* ssl() const { return ssl_; }

 private:
  const int fd_;
  SSL_CTX* const context_;
  SSL* ssl_ = nullptr;
};

TlsClient::TlsClient(std::uint16_t port, const TlsClientOptions& options)
    : TlsClient(std::make_unique<Impl>(connected(port, options.source), options)) {}
TlsClient::TlsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClient::~TlsClient() = default;
TlsClient::TlsClient(TlsClient&&) noexcept = default;

bool TlsClient::handshake() {
  return SSL_connect(impl_->ssl()) == 1;
}

bool TlsClient::send(std::string_view bytes) {
  std::size_t sent = 0;
  return bytes.empty() || SSL_write_ex(impl_->ssl(), bytes.data(), bytes.size(), &sent) == 1;
}

std::string TlsClient::read(std::size_t bytes) {
  std::string all;
  std::array<char, 16384> buffer;
  std::size_t got = 0;
  while (all.size() < bytes &&
         SSL_read_ex(impl_->ssl(), buffer.data(), std::min(buffer.size(), bytes - all.size()), &got) == 1)
    all.append(buffer.data(), got);
  return all;
}

std::string TlsClient::read_answer() {
  static constexpr std::string_view kLength = "\r\nContent-Length: ";
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string byte = read(1);
    if (byte.empty()) return {};
    head += byte;
  }
  const std::size_t at = head.find(kLength);
  return at == std::string::npos ? head : head + read(std::stoul(head.substr(at + kLength.size())));
}

bool TlsClient::sees_clean_end() {
  char byte = 0;
  std::size_t got = 0;
  const int result = SSL_read_ex(impl_->ssl(), &byte, 1, &got);
  return result != 1 && SSL_get_error(impl_->ssl(), result) == SSL_ERROR_ZERO_RETURN;
}

bool TlsClient::update_key(bool ask) {
  return SSL_key_update(impl_->ssl(), ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(impl_->ssl()) == 1;
}

void TlsClient::end_sending() {
  SSL_shutdown(impl_->ssl());
}

std::string TlsClient::version() const {
  return SSL_get_version(impl_->ssl());
}

std::string TlsClient::alpn() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(impl_->ssl(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string TlsClient::subject() const {
  X509* const certificate = SSL_get1_peer_certificate(impl_->ssl());
  if (certificate == nullptr) return {};
  std::array<char, 512> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), static_cast<int>(text.size()));
  X509_free(certificate);
  return text.data();
}

std::string client_hello(const std::string& groups) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (!groups.empty()) SSL_CTX_set1_groups_list(context, groups.c_str());
  SSL* const ssl = SSL_new(context);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  SSL_connect(ssl);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string hello(bytes, static_cast<std::size_t>(size));
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  return hello;
}

}  // namespace hookspool::testing
