#include <cstdio>

#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/journal_room.h"
#include "agent/units.h"

namespace hookspool::agent {
namespace {

void print_table(const net::TableMapping& table) {
  std::printf("    table   %s", table.shown_name().c_str());
  if (table.on_conflict != net::OnConflict::kError) {
    std::printf(", on conflict%s", table.conflict_keys.empty() ? "" : " of");
    for (std::size_t i = 0; i < table.conflict_keys.size(); ++i) {
      std::printf("%s %s", i == 0 ? "" : ",", table.conflict_keys[i].c_str());
    }
    std::printf(": %s", table.on_conflict == net::OnConflict::kUpdate ? "update" : "ignore");
  }
  std::printf("\n");
  for (const auto& column : table.columns) {
    std::printf("      %-20s <- %s\n", column.name.c_str(), column.source.spec.c_str());
  }
}

void print_room(const storage::LaneRoom& room) {
  std::printf("    room    ");
  if (room.bytes_max != UINT64_MAX)
    std::printf("up to %s undelivered, ", format_bytes(room.bytes_max).c_str());
  std::printf("%s\n", room.sender_retries ? "refused first when it gets short: the sender sends again"
                                          : "refused last: the sender is not known to send again");
}

}  // namespace

int report_config(const Config& config, const std::string& file) {
  const bool postgres = net::Connection::configured(config.postgres.options.conninfo);
  std::printf("%s: ok\n", file.empty() ? "embedded default" : file.c_str());
  std::printf("  intake    %s, bodies up to %s\n", config.intake.listen.c_str(),
              format_bytes(config.intake.body_bytes_max).c_str());
  std::printf("  admin     %s\n", config.admin.listen.c_str());
  storage::JournalOptions room;
  set_room(config, room);
  std::printf("  journal   %s, up to %s\n", config.journal.path.c_str(),
              format_bytes(config.journal.bytes_max).c_str());
  std::printf("  postgres  %s\n", postgres ? "configured" : "none: journal only");
  if (config.sources.empty()) std::printf("  sources   any POST /hooks/<name>\n");
  for (const auto& source : config.sources) {
    std::printf("  source    %s at %s, signature: %s\n", source.name.c_str(), source.path.c_str(),
                source.verify.c_str());
    print_room(room.lane_rooms.at(source.name));
    if (source.table) print_table(*source.table);
  }
  return kExitOk;
}

}  // namespace hookspool::agent
