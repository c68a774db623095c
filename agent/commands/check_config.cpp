#include <cstdio>

#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/exit_codes.h"
#include "agent/journal_room.h"
#include "agent/units.h"

namespace hookspool::agent {
namespace {

void print_table(const net::TableMapping& table) {
  print("    table   %s", table.shown_name().c_str());
  if (table.on_conflict != net::OnConflict::kError) {
    print(", on conflict%s", table.conflict_keys.empty() ? "" : " of");
    for (std::size_t i = 0; i < table.conflict_keys.size(); ++i) {
      print("%s %s", i == 0 ? "" : ",", table.conflict_keys[i].c_str());
    }
    print(": %s", table.on_conflict == net::OnConflict::kUpdate ? "update" : "ignore");
  }
  print("\n");
  for (const auto& column : table.columns) {
    print("      %-20s <- %s\n", column.name.c_str(), column.source.spec.c_str());
  }
}

void print_room(const storage::LaneRoom& room) {
  print("    room    ");
  if (room.bytes_max != UINT64_MAX) print("up to %s undelivered, ", format_bytes(room.bytes_max).c_str());
  print("%s\n", room.sender_retries ? "refused first when it gets short: the sender sends again"
                                    : "refused last: the sender is not known to send again");
}

}  // namespace

int report_config(const Config& config, const std::string& file) {
  const bool postgres = net::Connection::configured(config.postgres.options.conninfo);
  print("%s: ok\n", file.empty() ? "embedded default" : file.c_str());
  print("  intake    %s, bodies up to %s\n", config.intake.listen.c_str(),
        format_bytes(config.intake.body_bytes_max).c_str());
  print("  admin     %s\n", config.admin.listen.c_str());
  storage::JournalOptions room;
  set_room(config, room);
  print("  journal   %s, up to %s\n", config.journal.path.c_str(),
        format_bytes(config.journal.bytes_max).c_str());
  print("  postgres  %s\n", postgres ? "configured" : "none: journal only");
  if (config.sources.empty()) print("  sources   any POST /hooks/<name>\n");
  for (const auto& source : config.sources) {
    print("  source    %s at %s, signature: %s\n", source.name.c_str(), source.path.c_str(),
          source.verify.c_str());
    print_room(room.lane_rooms.at(source.name));
    if (source.table) print_table(*source.table);
  }
  return kExitOk;
}

}  // namespace hookspool::agent
