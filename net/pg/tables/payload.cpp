#include "net/pg/tables/payload.h"

#include <array>
#include <utility>

namespace hookspool::net {

Payload to_payload(std::string_view body) {
  const JsonReading reading = read_json(body);
  Payload payload;
  payload.is_json = reading.fits_jsonb();
  if (!payload.is_json) {
    payload.issue = reading.refusal;
    return payload;
  }
  payload.unaltered = reading.text;
  if (reading.nul || reading.surrogate) payload.altered = with_unfit_replaced(reading.text);
  const std::array<std::pair<bool, std::string_view>, 5> all{{{reading.bom, "bom"},
                                                              {reading.duplicate_key, "duplicate_key"},
                                                              {reading.negative_zero, "negative_zero"},
                                                              {reading.nul, "nul"},
                                                              {reading.surrogate, "surrogate"}}};
  for (const auto& [there, name] : all) {
    if (there) payload.issue.append(payload.issue.empty() ? "" : ",").append(name);
  }
  return payload;
}

}  // namespace hookspool::net
