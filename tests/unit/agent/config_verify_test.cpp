// How a source's sender proves itself, as the configuration says it: what is taken, and what is said of mistakes.
#include "agent/config/config_verify.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/config/config.h"
#include "net/verify/verifier.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

class ConfigVerify : public ::testing::Test {
 protected:
  ConfigVerify() { ::unsetenv("DATABASE_URL"); }

  // { file = "..." } of a file with this content
  std::string secret(const std::string& content) {
    const auto file = folder_.path() / ("secret" + std::to_string(files_++));
    std::ofstream(file) << content << "\n";
    ::chmod(file.c_str(), 0600);
    return "{ file = \"" + file.string() + "\" }";
  }
  static std::string faults_of(const std::string& toml) {
    const auto config = parse_config(toml, "t.toml");
    std::string all;
    if (!config) {
      for (const auto& line : config.error().lines) all += line + "\n";
    }
    return all;
  }
  static SourceConfig source_of(const std::string& toml) {
    const auto config = parse_config(toml, "t.toml");
    EXPECT_TRUE(config) << faults_of(toml);
    return config && !config->sources.empty() ? config->sources[0] : SourceConfig{};
  }
  static void expect_fault(const std::string& toml, const std::string& wanted) {
    const std::string faults = faults_of(toml);
    EXPECT_NE(faults.find(wanted), std::string::npos) << toml << "\n" << faults;
  }

  testing::TempFolder folder_;
  int files_ = 0;
};

TEST_F(ConfigVerify, APresetAndSeveralSecrets) {
  ::setenv("HOOKSPOOL_TEST_SECRET", "from the environment", 1);
  const auto source = source_of("[sources.pay]\nverify = \"stripe\"\nsecrets = [" + secret("one") +
                                ", { env = \"HOOKSPOOL_TEST_SECRET\" }]\ntimestamp_tolerance = \"10m\"\n");
  EXPECT_EQ(source.verify, "stripe");
  EXPECT_EQ(source.secrets, (std::vector<std::string>{"one", "from the environment"}));
  EXPECT_EQ(source.scheme.headers, std::vector<std::string>{"stripe-signature"});
  EXPECT_EQ(source.scheme.tolerance, std::chrono::minutes(10));
  ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
  EXPECT_EQ(source_of("[sources.p]\nverify = \"stripe\"\nsecrets = [{ credential = \"secret0\" }]\n")
                .secrets.front(),
            "one");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(ConfigVerify, ANearMissOfAPreset) {
  const std::string faults = faults_of("[sources.a]\nverify = \"strpe\"\nsecrets = [" + secret("s") +
                                       "]\nsignature = { header = \"x\" }\n");
  EXPECT_NE(
      faults.find("t.toml:2:10: sources.a.verify: \"strpe\" is none of \"none\", \"standard-webhooks\""),
      std::string::npos)
      << faults;
  EXPECT_NE(faults.find("did you mean \"stripe\"?"), std::string::npos) << faults;
  EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n'), 1) << faults;
}

TEST_F(ConfigVerify, ASenderThatSignsTheUrlNeedsIt) {
  const std::string twilio = "[sources.t]\nverify = \"twilio\"\nsecrets = [" + secret("12345") + "]\n";
  expect_fault(twilio, "add public_url = \"https://...\"");
  EXPECT_EQ(source_of(twilio + "public_url = \"https://hooks.example.com/t\"\n").public_url,
            "https://hooks.example.com/t");
  expect_fault(twilio + "public_url = \"hooks.example.com\"\n", "needs to be a URL");
  expect_fault(twilio + "public_url = \"https:///t\"\n", "needs to be a URL");
  expect_fault(twilio + "public_url = \"https://hooks.example.com/t?a=1\"\n", "is without ? and #");
  expect_fault(
      "[sources.t]\nverify = \"github\"\nsecrets = [" + secret("s") + "]\npublic_url = \"https://x\"\n",
      "\"github\" does not");
}

TEST_F(ConfigVerify, AnHmacOfYourOwn) {
  const auto source = source_of("[sources.own]\nverify = \"hmac\"\nsecrets = [" + secret("a2V5") + R"(]
[sources.own.signature]
header = "X-Signature"
prefix = "v1="
separator = ","
encoding = "base64"
algorithm = "sha512"
signed = "{id}.{timestamp}.{body}"
id_header = "X-Id"
timestamp = "header:X-Time"
timestamp_unit = "ms"
secret_form = "base64"
)");
  const auto& scheme = source.scheme;
  EXPECT_EQ(scheme.headers, std::vector<std::string>{"x-signature"});
  EXPECT_EQ(scheme.prefix, "v1=");
  EXPECT_EQ(scheme.separator, ',');
  EXPECT_EQ(scheme.encoding, net::Encoding::kBase64);
  EXPECT_EQ(scheme.algorithm, net::Algorithm::kSha512);
  EXPECT_EQ(net::shown_signed(scheme.signed_parts), "{id}.{timestamp}.{body}");
  EXPECT_EQ(scheme.id_headers, std::vector<std::string>{"x-id"});
  EXPECT_EQ(scheme.timestamp.headers, std::vector<std::string>{"x-time"});
  EXPECT_EQ(scheme.timestamp.unit, net::TimestampUnit::kMilliseconds);
  EXPECT_EQ(scheme.secret_form, net::SecretForm::kBase64);
  const auto token = source_of("[sources.t]\nverify = \"token\"\nsecrets = [" + secret("k") +
                               "]\nsignature = { header = \"X-Api-Key\" }\n");
  EXPECT_EQ(token.scheme.kind, net::Scheme::Kind::kToken);
  EXPECT_EQ(token.scheme.headers, std::vector<std::string>{"x-api-key"});
}

TEST_F(ConfigVerify, MistakesOfAnHmacOfYourOwn) {
  const std::string source =
      "[sources.a]\nverify = \"hmac\"\nsecrets = [" + secret("s") + "]\nsignature = { ";
  expect_fault("[sources.a]\nverify = \"hmac\"\nsecrets = [" + secret("s") + "]\n", "needs signature = {");
  expect_fault(
      "[sources.a]\nverify = \"github\"\nsecrets = [" + secret("s") + "]\nsignature = { header = \"x\" }\n",
      "has rules of its own");
  expect_fault(source + "prefix = \"a\" }\n", "signature.header: is missing");
  expect_fault(source + "header = \"X Sig\" }\n", "is not a header's name");
  expect_fault(source + "header = \"x\", headr = \"y\" }\n", "did you mean \"header\"?");
  expect_fault(source + "header = \"x\", encoding = \"base46\" }\n", "did you mean \"base64\"?");
  expect_fault(source + "header = \"x\", algorithm = \"md5\" }\n", "is none of \"sha1\"");
  expect_fault(source + "header = \"x\", separator = \", \" }\n", "is one character");
  expect_fault(source + "header = \"x\", signed = \"{bdy}\" }\n", "{bdy} is none of {body}");
  expect_fault(source + "header = \"x\", signed = \"{timestamp}\" }\n", "leaves the body out");
  expect_fault(source + "header = \"x\", signed = \"{timestamp}{body}\" }\n", "say in timestamp where it is");
  expect_fault(source + "header = \"x\", signed = \"{id}{body}\" }\n", "say in id_header where it is");
  expect_fault(source + "header = \"x\", signed = \"{url}{body}\" }\n", "add public_url");
  expect_fault(source + "header = \"x\", timestamp = \"header:X-Time\" }\n", "any client could change it");
  expect_fault(source + "header = \"x\", timestamp = \"X-Time\" }\n", "is not a place");
  expect_fault(source + "header = \"x\", timestamp = \"signature:t\", signed = \"{timestamp}{body}\" }\n",
               "separator needs to say");
  expect_fault(source + "header = \"x\", timestamp = \"body:/at\", timestamp_unit = \"us\" }\n",
               "none of \"s\", \"ms\", \"rfc3339\"");
  expect_fault(source + "header = \"x\", signed = \"{id}{url}{body}\", id_header = \"y\" }\n",
               "nothing between {id} and {url}");
  expect_fault(source + "header = \"x\", signed = \"{body}.{body}\" }\n", "more than once");
}

TEST_F(ConfigVerify, SecretsThatCannotBeRight) {
  expect_fault("[sources.a]\nverify = \"svix\"\nsecrets = [" + secret("not base64!") + "]\n",
               "is not base64");
  expect_fault("[sources.a]\nverify = \"basic\"\nsecrets = [" + secret("nocolon") + "]\n", "user:password");
  expect_fault("[sources.a]\nverify = \"bearer\"\nsecrets = []\n", "needs secrets");
  expect_fault("[sources.a]\nsecrets = [" + secret("s") + "]\n", "verify is \"none\"");
  expect_fault(
      "[sources.a]\nverify = \"github\"\nsecrets = [" + secret("s") + "]\ntimestamp_tolerance = \"1m\"\n",
      "no timestamp that is signed");
  std::string many = "[sources.a]\nverify = \"github\"\nsecrets = [";
  for (std::size_t i = 0; i <= kSecretsMax; ++i) many += secret("s" + std::to_string(i)) + ", ";
  expect_fault(many + "]\n", "are more than 16");
  const std::string faults =
      faults_of("[sources.a]\nverify = \"svix\"\nsecrets = [" + secret("not base64!") + "]\n");
  EXPECT_EQ(faults.find("not base64!"), std::string::npos) << "the secret itself is shown";
}

TEST_F(ConfigVerify, ATimeInRfc3339) {
  const auto source =
      source_of("[sources.z]\nverify = \"hmac\"\nsecrets = [" + secret("s") +
                "]\nsignature = { header = \"X-Sig\", signed = \"{timestamp}{body}\", timestamp = "
                "\"header:X-Time\", timestamp_unit = \"rfc3339\" }\n");
  EXPECT_EQ(source.scheme.timestamp.unit, net::TimestampUnit::kRfc3339);
}

// What editors, `echo` and forms of Windows add is no part of a secret, wherever that comes from.
TEST_F(ConfigVerify, ASecretIsWhatAPersonHasTyped) {
  const auto file_of = [this](const std::string& bytes) {
    const auto file = folder_.path() / ("raw" + std::to_string(files_++));
    std::ofstream(file, std::ios::binary) << bytes;
    ::chmod(file.c_str(), 0600);
    return file.string();
  };
  const std::string meta = "[sources.m]\nverify = \"meta\"\nsecrets = [";
  for (const char* bytes : {"right", "right\n", "right\r\n", "right\n\n", "right\r\n\r\n\n",
                            "\xef\xbb\xbfright", "\xef\xbb\xbfright\r\n"}) {
    const std::string file = file_of(bytes);
    EXPECT_EQ(source_of(meta + "{ file = \"" + file + "\" }]\n").secrets.front(), "right") << bytes;
    EXPECT_EQ(source_of(meta + secret("s") + "]\nverify_token = { file = \"" + file + "\" }\n").verify_token,
              "right");
    ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
    const std::string name = std::filesystem::path(file).filename();
    EXPECT_EQ(source_of(meta + "{ credential = \"" + name + "\" }]\n").secrets.front(), "right") << bytes;
    ::unsetenv("CREDENTIALS_DIRECTORY");
    ::setenv("HOOKSPOOL_TEST_SECRET", bytes, 1);
    EXPECT_EQ(source_of(meta + "{ env = \"HOOKSPOOL_TEST_SECRET\" }]\n").secrets.front(), "right") << bytes;
  }
  EXPECT_EQ(
      source_of(meta + "{ file = \"" + file_of("\xef\xbb\xbf\xef\xbb\xbf a \n") + "\" }]\n").secrets.front(),
      "\xef\xbb\xbf a ")
      << "one mark, and no blanks";
  for (const auto& [bytes, wanted] : std::initializer_list<std::pair<std::string, const char*>>{
           {"", "is empty"},
           {"\r\n", "is empty"},
           {"\xef\xbb\xbf\n", "is empty"},
           {std::string("\xff\xfer\0\n\0", 6), "is in UTF-16"},
           {std::string("\xfe\xff\0r\0\n", 6), "is in UTF-16"},
           {std::string("r\0i\0", 4), "zero byte"}}) {
    expect_fault(meta + "{ file = \"" + file_of(bytes) + "\" }]\n", wanted);
  }
  ::setenv("HOOKSPOOL_TEST_SECRET", "\n", 1);
  expect_fault(meta + "{ env = \"HOOKSPOOL_TEST_SECRET\" }]\n", "HOOKSPOOL_TEST_SECRET is empty");
}

TEST_F(ConfigVerify, Probes) {
  using Methods = std::vector<std::string>;
  EXPECT_EQ(source_of("[sources.a]\nprobe = [\"HEAD\", \"GET\", \"HEAD\"]\n").probes,
            (Methods{"HEAD", "GET"}));
  EXPECT_EQ(source_of("[sources.a]\nprobe = [\"OPTIONS\"]\n").probes, Methods{"OPTIONS"});
  EXPECT_EQ(source_of("[sources.a]\n").probes, Methods{});
  for (const char* bad : {"[\"POST\"]", "[\"get\"]", "[1]"})
    expect_fault("[sources.a]\nprobe = " + std::string(bad) + "\n", "is a list of \"HEAD\"");
}

TEST_F(ConfigVerify, MetasVerifyToken) {
  const std::string meta = "[sources.m]\nverify = \"messenger\"\nsecrets = [" + secret("s") + "]\n";
  EXPECT_EQ(source_of(meta + "verify_token = " + secret("tok") + "\n").verify_token, "tok");
  EXPECT_EQ(source_of(meta).verify_token, "");
  expect_fault(meta + "verify_token = \"tok\"\n", "needs a table");
  expect_fault("[sources.g]\nverify = \"github\"\nsecrets = [" + secret("s") +
                   "]\nverify_token = " + secret("t") + "\n",
               "is for \"meta\"");
}

TEST_F(ConfigVerify, TheQuarantine) {
  const std::string source = "[sources.g]\nverify = \"github\"\nsecrets = [" + secret("s") + "]\n";
  EXPECT_FALSE(source_of(source).quarantine);
  EXPECT_FALSE(source_of(source + "on_bad_signature = \"refuse\"\n").quarantine);
  EXPECT_TRUE(source_of(source + "on_bad_signature = \"quarantine\"\n").quarantine);
  expect_fault(source + "on_bad_signature = \"quarantin\"\n", "did you mean \"quarantine\"?");
  expect_fault("[sources.g]\non_bad_signature = \"quarantine\"\n", "nothing can be bad");
  const auto config = parse_config(
      "[quarantine]\nmax_requests = 7\nmax_bytes = \"1MiB\"\nmax_requests_per_source = 3\n"
      "max_bytes_per_source = \"512KiB\"\nkeep = \"1d\"\n",
      "t.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->quarantine.requests_max, 7u);
  EXPECT_EQ(config->quarantine.bytes_max, 1u << 20);
  EXPECT_EQ(config->quarantine.source_requests_max, 3u);
  EXPECT_EQ(config->quarantine.source_bytes_max, 512u << 10);
  EXPECT_EQ(config->quarantine.keep, std::chrono::hours(24));
  expect_fault("[quarantine]\nmax_request = 7\n", "did you mean \"max_requests\"?");
}

}  // namespace
}  // namespace hookspool::agent
