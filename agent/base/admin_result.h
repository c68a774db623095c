// Why an administrator's request was not done: an HTTP status, what happened, what to do. Plain values.
//   404  no such id, lane or path      400  the request makes no sense      409  things are not as it supposes
//   503  PostgreSQL or the journal's disk is needed and is not there: try later
#pragma once

#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

struct AdminError {
  int status = 400;
  std::string text;
  std::string hint{};
};

template <class T>
using AdminResult = Result<T, AdminError>;

// Of a layer's error, which has a text and may have a hint.
template <class Error>
AdminError admin_error_of(const Error& error) {
  if constexpr (requires { error.hint; }) {
    return {503, error.text, error.hint};
  } else {
    return {503, error.text, ""};
  }
}

}  // namespace hookspool::agent
