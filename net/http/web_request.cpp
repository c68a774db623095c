#include "net/http/web_request.h"

#include <httplib.h>

#include <algorithm>
#include <memory>

namespace hookspool::net {
namespace {

// The library's own words are "Connection" and "SSLServerVerification".
std::string reason_of(httplib::Error error, const WebRequest& wanted) {
  const std::string where = wanted.address.shown();
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "no connection to " + where + ": it is not there, or does not answer";
    case httplib::Error::SSLConnection:
      return where + " does not speak TLS as it should";
    case httplib::Error::SSLLoadingCerts:
      return "the authorities in " + (wanted.ca_file.empty() ? "the system's store" : wanted.ca_file) +
             " cannot be read";
    case httplib::Error::SSLServerVerification:
      return "the certificate of " + where +
             " is not valid for that name, has expired, or is of an unknown authority";
    default:
      return "no answer from " + where + " (" + httplib::to_string(error) + ")";
  }
}

std::unique_ptr<httplib::ClientImpl> client_for(const WebRequest& wanted) {
  std::unique_ptr<httplib::ClientImpl> client;
  if (wanted.address.tls) {
    auto secure = std::make_unique<httplib::SSLClient>(wanted.address.host, wanted.address.port);
    secure->enable_server_certificate_verification(true);
    if (!wanted.ca_file.empty()) secure->set_ca_cert_path(wanted.ca_file);
    client = std::move(secure);
  } else {
    client = std::make_unique<httplib::ClientImpl>(wanted.address.host, wanted.address.port);
  }
  client->set_tcp_nodelay(true);
  client->set_url_encode(false);
  client->set_decompress(false);
  client->set_follow_location(false);
  client->set_connection_timeout(kWebConnectTimeout);
  client->set_read_timeout(kWebReadTimeout);
  client->set_write_timeout(kWebReadTimeout);
  return client;
}

Result<WebAnswer, std::string> call(const WebRequest& wanted, Cancellation& cancellation) {
  const auto client = client_for(wanted);
  httplib::Request request;
  request.method = wanted.method;
  request.path = wanted.address.target;
  for (const auto& [name, value] : wanted.headers) request.set_header(name, value);
  request.set_header("Host", wanted.address.authority());
  if (!request.has_header("User-Agent")) request.set_header("User-Agent", "hookspool");
  request.set_header("Connection", "close");
  request.body = wanted.body;
  WebAnswer answer;
  bool cut = false;
  request.response_handler = [&answer](const httplib::Response& response) {
    answer.status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    answer.body.append(data, std::min(size, kWebAnswerBytesMax - answer.body.size()));
    cut = answer.body.size() == kWebAnswerBytesMax;
    return !cut;
  };
  const CallDeadline deadline([&client] { client->stop(); }, kWebDeadline, cancellation);
  const httplib::Result result = client->send(request);
  if (cancellation.is_cancelled()) return fail(std::string("it was cancelled"));
  if (!result && !cut) return fail(reason_of(result.error(), wanted));
  return answer;
}

}  // namespace

Result<WebAnswer, std::string> web_request(const WebRequest& wanted, Cancellation& cancellation) {
  try {
    return call(wanted, cancellation);
  } catch (const std::exception& error) {
    return fail("no answer from " + wanted.address.shown() + " (" + error.what() + ")");
  }
}

}  // namespace hookspool::net
