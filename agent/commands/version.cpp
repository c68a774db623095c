#include "agent/base/version.h"

#include <cstdio>

#include "agent/base/exit_codes.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "net/pg/link/connection.h"
#include "storage/file/sqlite_version.h"

namespace hookspool::agent {

int print_version(bool json) {
  const std::string sqlite = storage::sqlite_version();
  const std::string libpq = net::libpq_version();
  const char* format = json ? "{\"hookspool\":\"%s\",\"sqlite\":\"%s\",\"libpq\":\"%s\"}\n"
                            : "hookspool %s\nSQLite %s\nlibpq %s\n";
  print(format, kVersion, sqlite.c_str(), libpq.c_str());
  return kExitOk;
}

}  // namespace hookspool::agent
