#include "storage/file/sqlite_version.h"

#include <sqlite3.h>

namespace hookspool::storage {

std::string sqlite_version() {
  return sqlite3_libversion();
}

}  // namespace hookspool::storage
