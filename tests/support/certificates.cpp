#include "tests/support/certificates.h"

#include "tests/support/process.h"

namespace hookspool::testing {
namespace {

std::vector<std::string> request(const CertificateFiles& files, const std::string& common_name) {
  return {"openssl",
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-sha256",
          "-days",
          "30",
          "-subj",
          "/CN=" + common_name,
          "-keyout",
          files.key,
          "-out",
          files.certificate};
}

}  // namespace

CertificateFiles make_authority(const std::filesystem::path& folder, const std::string& name) {
  CertificateFiles files{folder / (name + ".crt"), folder / (name + ".key")};
  std::vector<std::string> argv = request(files, "hookspool test authority " + name);
  argv.insert(argv.end(), {"-addext", "keyUsage=critical,keyCertSign,cRLSign"});
  run_checked({.argv = argv});
  return files;
}

CertificateFiles make_certificate(const CertificateFiles& authority, const std::filesystem::path& folder,
                                  const std::string& name, const std::string& subject_alt_name) {
  CertificateFiles files{folder / (name + ".crt"), folder / (name + ".key")};
  std::vector<std::string> argv = request(files, name);
  argv.insert(argv.end(),
              {"-CA", authority.certificate, "-CAkey", authority.key, "-addext",
               "subjectAltName=" + subject_alt_name, "-addext", "basicConstraints=critical,CA:FALSE"});
  run_checked({.argv = argv});
  return files;
}

}  // namespace hookspool::testing
