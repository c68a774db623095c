// Throwaway certificates from the openssl command. Throws std::runtime_error when that fails.
#pragma once

#include <filesystem>
#include <string>

namespace hookspool::testing {

struct CertificateFiles {
  std::filesystem::path certificate;  // PEM
  std::filesystem::path key;          // PEM, 0600
};

// A certificate authority of its own: folder/<name>.crt and .key.
CertificateFiles make_authority(const std::filesystem::path& folder, const std::string& name = "ca");

// A server certificate signed by `authority`. `subject_alt_name` as openssl writes it:
// "DNS:localhost,IP:127.0.0.1".
CertificateFiles make_certificate(const CertificateFiles& authority, const std::filesystem::path& folder,
                                  const std::string& name, const std::string& subject_alt_name);

}  // namespace hookspool::testing
