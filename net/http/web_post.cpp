#include "net/http/web_post.h"

#include <httplib.h>

#include <algorithm>
#include <memory>

namespace hookspool::net {
namespace {

// The library's own words are "Connection" and "SSLServerVerification".
std::string reason_of(httplib::Error error, const WebPost& post) {
  const std::string where = post.address.shown();
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "no connection to " + where + ": it is not there, or does not answer";
    case httplib::Error::SSLConnection:
      return where + " does not speak TLS as it should";
    case httplib::Error::SSLLoadingCerts:
      return "the authorities in " + (post.ca_file.empty() ? "the system's store" : post.ca_file) +
             " cannot be read";
    case httplib::Error::SSLServerVerification:
      return "the certificate of " + where +
             " is not valid for that name, has expired, or is of an unknown authority (webhook_ca_file)";
    default:
      return "no answer from " + where + " (" + httplib::to_string(error) + ")";
  }
}

std::unique_ptr<httplib::ClientImpl> client_for(const WebPost& post) {
  std::unique_ptr<httplib::ClientImpl> client;
  if (post.address.tls) {
    auto secure = std::make_unique<httplib::SSLClient>(post.address.host, post.address.port);
    secure->enable_server_certificate_verification(true);
    if (!post.ca_file.empty()) secure->set_ca_cert_path(post.ca_file);
    client = std::move(secure);
  } else {
    client = std::make_unique<httplib::ClientImpl>(post.address.host, post.address.port);
  }
  client->set_tcp_nodelay(true);
  client->set_url_encode(false);
  client->set_decompress(false);
  client->set_follow_location(false);
  client->set_connection_timeout(kPostConnectTimeout);
  client->set_read_timeout(kPostReadTimeout);
  client->set_write_timeout(kPostReadTimeout);
  return client;
}

Result<WebAnswer, std::string> call(const WebPost& post, Cancellation& cancellation) {
  const auto client = client_for(post);
  httplib::Request request;
  request.method = "POST";
  request.path = post.address.target;
  for (const auto& [name, value] : post.headers) request.set_header(name, value);
  request.set_header("Host", post.address.authority());
  request.set_header("User-Agent", "hookspool");
  request.set_header("Connection", "close");
  request.body = post.body;
  WebAnswer answer;
  bool cut = false;
  request.response_handler = [&answer](const httplib::Response& response) {
    answer.status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    answer.body.append(data, std::min(size, kPostAnswerBytesMax - answer.body.size()));
    cut = answer.body.size() == kPostAnswerBytesMax;
    return !cut;
  };
  const CallDeadline deadline([&client] { client->stop(); }, kPostDeadline, cancellation);
  const httplib::Result result = client->send(request);
  if (cancellation.is_cancelled()) return fail(std::string("it was cancelled"));
  if (!result && !cut) return fail(reason_of(result.error(), post));
  return answer;
}

}  // namespace

Result<WebAnswer, std::string> web_post(const WebPost& post, Cancellation& cancellation) {
  try {
    return call(post, cancellation);
  } catch (const std::exception& error) {
    return fail("no answer from " + post.address.shown() + " (" + error.what() + ")");
  }
}

}  // namespace hookspool::net
