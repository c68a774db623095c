#include "agent/intake/form_body.h"

#include <utility>

#include "agent/intake/event_headers.h"

namespace hookspool::agent {

FormBody::FormBody(const net::HttpRequest& request, const SourceConfig& source) : json_(request.body) {
  const auto* type = request.header("content-type");
  if (!source.form || type == nullptr) return;
  // As the delivery sees it, which has the type as a text.
  auto reading = net::read_form(utf8_text(*type), request.body, *source.form);
  if (!reading) return;
  form_ = std::move(reading->json);
  json_ = reading->refusal.empty() ? std::string_view(form_) : std::string_view();
}

}  // namespace hookspool::agent
