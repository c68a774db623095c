// A TLS client of the tests: OpenSSL over a blocking socket, with a patience. Checks the server's certificate
// against an authority. Not thread-safe. Throws std::system_error when it cannot connect.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace hookspool::testing {

struct TlsClientOptions {
  std::filesystem::path authority{};  // empty: the certificate is not checked
  std::string host = "localhost";     // checked with it
  int version_least = 0;              // as OpenSSL numbers them; 0: its default
  int version_most = 0;
  std::string ciphers{};  // of TLS 1.2; empty: its default
  std::string alpn{};     // in wire form; empty: none
  std::string groups{};   // of the key exchange; empty: its default
  std::string source{};   // the address it comes from; empty: any
};

class TlsClient {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  TlsClient(std::uint16_t port, const TlsClientOptions& options = {});
  ~TlsClient();
  TlsClient(TlsClient&&) noexcept;
  TlsClient(const TlsClient&) = delete;

  bool handshake();
  bool send(std::string_view bytes);
  std::string read(std::size_t bytes);  // so many, or fewer if it ends
  std::string read_answer();            // head and body of one answer; empty: none came
  bool sees_clean_end();                // close_notify and nothing else
  bool update_key(bool ask = true);     // TLS 1.3; `ask` for an update in return
  void end_sending();                   // close_notify
  std::string version() const;
  std::string alpn() const;
  std::string subject() const;  // of the server's certificate

 private:
  class Impl;
  explicit TlsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The first bytes of a handshake, as they go over the wire.
std::string client_hello(const std::string& groups = {});

}  // namespace hookspool::testing
