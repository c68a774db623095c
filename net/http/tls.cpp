#include "net/http/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

#include "net/http/tls_hello.h"

namespace hookspool::net {
namespace {

// Of what comes over the wire, in one receive(): a record of 16 KiB with what is around it.
constexpr std::size_t kWireBytesPerReceive = 20 * 1024;
// A handshake's buffers, with the first message in them; a record's. tests/unit/net/http_handshake_test.cpp measures the first.
constexpr std::size_t kHandshakeBytes = 64 * 1024;
constexpr std::size_t kRecordBytes = 17 * 1024;
// A connection needs one in 16 million records. Each costs more than a record, and nothing else limits them.
constexpr int kKeyUpdatesMax = 64;
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kCiphersOfTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kAlpn = "http/1.1";

// A socket as OpenSSL sees it.
struct Wire {
  int fd = -1;
  std::size_t leave = 0;  // bytes that may still be read in this receive()
  bool empty = false;     // the socket had no more, as opposed to no leave to read it
  bool ended = false;
  RecordWatch watch{};
  int key_updates = 0;
};

Wire& wire_of(BIO* bio) {
  return *static_cast<Wire*>(BIO_get_data(bio));
}

int wire_read(BIO* bio, char* to, int size) {
  Wire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  const std::size_t most = std::min(wire.leave, static_cast<std::size_t>(std::max(size, 0)));
  if (most == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  ssize_t n = 0;
  do {
    n = ::recv(wire.fd, to, most, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    if (!wire.watch.take({to, static_cast<std::size_t>(n)})) return -1;
    wire.leave -= static_cast<std::size_t>(n);
    return static_cast<int>(n);
  }
  if (n == 0) {
    wire.ended = true;
    return 0;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    wire.empty = true;
    BIO_set_retry_read(bio);
  }
  return -1;
}

int wire_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t n = 0;
  do {
    n = ::send(wire_of(bio).fd, from, static_cast<std::size_t>(std::max(size, 0)),
               MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

long wire_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is held back
  if (command == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
  return 0;
}

BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hookspool socket");
    BIO_meth_set_read(made, wire_read);
    BIO_meth_set_write(made, wire_write);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

std::string reason() {
  const unsigned long error = ERR_peek_error();
  const char* const text = ERR_reason_error_string(error);
  std::string reason = text != nullptr ? text : "unknown reason";
  // What the system said comes without a text of OpenSSL's own.
  if (ERR_SYSTEM_ERROR(error)) reason = std::generic_category().message(ERR_GET_REASON(error));
  ERR_clear_error();
  return reason;
}

HttpError bad_file(const std::string& file, const std::string& why) {
  return {HttpError::Kind::kBadCertificate, file + ": " + why};
}

// Clients that offer protocols must offer ours (RFC 7301 section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned offered_bytes, void*) {
  for (unsigned at = 0; at < offered_bytes; at += 1u + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1),
                                std::min<std::size_t>(offered[at], offered_bytes - at - 1));
    if (name != kAlpn) continue;
    *chosen = offered + at + 1;
    *length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void count_key_updates(int sent, int, int type, const void* message, std::size_t bytes, SSL* ssl, void*) {
  if (sent != 0 || type != SSL3_RT_HANDSHAKE || bytes == 0) return;
  if (*static_cast<const unsigned char*>(message) == SSL3_MT_KEY_UPDATE)
    ++wire_of(SSL_get_rbio(ssl)).key_updates;
}

class Context final : public TlsContext {
 public:
  Context() : ssl_(SSL_CTX_new(TLS_server_method())) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() override { SSL_CTX_free(ssl_); }

  bool configure() {
    if (ssl_ == nullptr) return false;
    SSL_CTX_set_options(ssl_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                  SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    // An idle connection keeps no buffers; an answer goes out in pieces, from wherever it lies.
    SSL_CTX_set_mode(
        ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(ssl_, count_key_updates);
    SSL_CTX_set_alpn_select_cb(ssl_, choose_protocol, nullptr);
    // A key with a passphrase would ask for it on the terminal.
    SSL_CTX_set_default_passwd_cb(ssl_, [](char*, int, int, void*) { return 0; });
    return SSL_CTX_set_min_proto_version(ssl_, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl_, kCiphersOfTls12) == 1 &&
           SSL_CTX_set1_groups_list(ssl_, kGroups) == 1 && SSL_CTX_set_num_tickets(ssl_, 0) == 1 &&
           SSL_CTX_set_max_early_data(ssl_, 0) == 1;
  }

  Result<void, HttpError> take(const TlsFiles& files) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl_, files.certificate_file.c_str()) != 1)
      return fail(bad_file(files.certificate_file, "not a certificate in PEM form (" + reason() + ")"));
    if (SSL_CTX_use_PrivateKey_file(ssl_, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      return fail(
          bad_file(files.key_file,
                   "not the certificate's key, in PEM form and without a passphrase (" + reason() + ")"));
    if (SSL_CTX_check_private_key(ssl_) != 1)
      return fail(bad_file(files.key_file, "is not the key of " + files.certificate_file));
    tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ssl_)), &end) == 1)
      not_after_s_ = ::timegm(&end);
    return {};
  }

  std::int64_t not_after_s() const override { return not_after_s_; }
  SSL_CTX* ssl() const { return ssl_; }

 private:
  SSL_CTX* const ssl_;
  std::int64_t not_after_s_ = 0;
};

class Session final : public TlsSession {
 public:
  Session(std::shared_ptr<const TlsContext> context, int fd) : context_(std::move(context)) { wire_.fd = fd; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() override { SSL_free(ssl_); }

  bool begin() override {
    // OpenSSL counts the references of its own context.
    ssl_ = SSL_new(static_cast<const Context&>(*context_).ssl());
    BIO* const bio = ssl_ == nullptr ? nullptr : BIO_new(wire_method());
    if (bio == nullptr) return false;
    BIO_set_data(bio, &wire_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
    context_.reset();
    usable_ = true;
    return true;
  }
  bool has_begun() const override { return ssl_ != nullptr; }

  std::size_t held_bytes() const override {
    if (ssl_ == nullptr) return 0;
    if (!is_established()) return kHandshakeBytes;
    return wire_.watch.in_record() ? kRecordBytes : 0;
  }

  // Does the handshake as well, as far as it has come.
  Received receive(std::span<char> scratch, std::string_view& bytes) override {
    if (ssl_ == nullptr) return look_for_hello(scratch);
    ERR_clear_error();
    wire_.leave = kWireBytesPerReceive;
    wire_.empty = false;
    std::size_t got = 0;
    if (SSL_read_ex(ssl_, scratch.data(), scratch.size(), &got) == 1) {
      bytes = std::string_view(scratch.data(), got);
      return Received::kBytes;
    }
    if (wire_.key_updates > kKeyUpdatesMax) {
      usable_ = false;
      return Received::kBroken;
    }
    switch (SSL_get_error(ssl_, 0)) {
      case SSL_ERROR_WANT_READ:
        return wire_.empty ? Received::kNothing : Received::kLater;
      case SSL_ERROR_WANT_WRITE:
        return Received::kWantsWrite;
      case SSL_ERROR_ZERO_RETURN:
        return Received::kEnd;
      default:
        break;
    }
    const int why = ERR_GET_REASON(ERR_peek_error());
    usable_ = false;
    return why == SSL_R_HTTP_REQUEST || why == SSL_R_HTTPS_PROXY_REQUEST ? Received::kPlain
                                                                         : Received::kBroken;
  }

  bool send(std::string_view bytes, std::size_t& sent) override {
    if (ssl_ == nullptr) return false;
    while (sent < bytes.size()) {
      ERR_clear_error();
      std::size_t count = 0;
      if (SSL_write_ex(ssl_, bytes.data() + sent, bytes.size() - sent, &count) == 1) {
        sent += count;
        continue;
      }
      const int error = SSL_get_error(ssl_, 0);
      if (error == SSL_ERROR_WANT_WRITE) return true;
      usable_ = false;
      return false;
    }
    return true;
  }

  bool is_established() const override { return ssl_ != nullptr && SSL_is_init_finished(ssl_) == 1; }

  void say_goodbye() override {
    if (!usable_ || !is_established()) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }

 private:
  // It stays in the socket, where it takes none of our memory, until it is whole.
  Received look_for_hello(std::span<char> scratch) const {
    ssize_t n = 0;
    do {
      n = ::recv(wire_.fd, scratch.data(), std::min(scratch.size(), kHelloWireBytesMax),
                 MSG_PEEK | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Received::kNothing : Received::kBroken;
    if (n == 0) return Received::kEnd;
    const std::size_t came = static_cast<std::size_t>(n);
    switch (judge_hello({scratch.data(), came})) {
      case Hello::kMore:
        return came < kHelloWireBytesMax ? Received::kNothing : Received::kBroken;
      case Hello::kWhole:
        return Received::kHello;
      case Hello::kPlain:
        return Received::kPlain;
      case Hello::kBad:
        break;
    }
    return Received::kBroken;
  }

  Wire wire_;
  std::shared_ptr<const TlsContext> context_;  // until it begins
  SSL* ssl_ = nullptr;
  bool usable_ = false;
};

}  // namespace

Result<std::shared_ptr<const TlsContext>, HttpError> TlsContext::load(const TlsFiles& files) {
  auto context = std::make_shared<Context>();
  if (!context->configure())
    return fail(HttpError{HttpError::Kind::kSystem, "OpenSSL cannot do TLS here: " + reason()});
  auto taken = context->take(files);
  if (!taken) return fail(std::move(taken).error());
  return std::shared_ptr<const TlsContext>(std::move(context));
}

std::unique_ptr<TlsSession> TlsSession::accept(std::shared_ptr<const TlsContext> context, int fd) {
  return std::make_unique<Session>(std::move(context), fd);
}

}  // namespace hookspool::net
