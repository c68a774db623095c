// The body of a request as JSON pointers see it: a form of a source that reads them is the JSON that it becomes. Not
// thread-safe: of one request.
#pragma once

#include <string>
#include <string_view>

#include "agent/config/config.h"
#include "net/http/server.h"

namespace hookspool::agent {

class FormBody {
 public:
  // `request` must outlive it, unmoved.
  FormBody(const net::HttpRequest& request, const SourceConfig& source);
  FormBody(const FormBody&) = delete;
  FormBody& operator=(const FormBody&) = delete;
  std::string_view json() const { return json_; }

 private:
  std::string form_;
  std::string_view json_;
};

}  // namespace hookspool::agent
