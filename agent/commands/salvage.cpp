#include "storage/salvage/salvage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/base/journal_exit.h"
#include "agent/base/stop_note.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/commands/progress.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;
using storage::SalvagedFile;

constexpr std::size_t kNumbersShownMax = 20;

std::string count_of(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string range(const SalvagedFile::Numbers& numbers) {
  return "source " + numbers.lane + ", epoch " + numbers.epoch.to_string() + ", " +
         (numbers.first_seq == numbers.last_seq
              ? "number " + std::to_string(numbers.first_seq)
              : "numbers " + std::to_string(numbers.first_seq) + " to " + std::to_string(numbers.last_seq));
}

void print_file(const SalvagedFile& file, bool dry_run) {
  print("%s\n", file.file.c_str());
  print("  %s found in %s: %llu intact, %llu damaged\n", count_of(file.found, "event", "events").c_str(),
        count_of(file.pages, "page", "pages").c_str(), static_cast<unsigned long long>(file.intact),
        static_cast<unsigned long long>(file.damaged));
  if (file.unreadable_pages > 0) {
    print("  the disk did not give %s\n", count_of(file.unreadable_pages, "page", "pages").c_str());
  }
  for (std::size_t i = 0; i < file.damaged_rows.size() && i < kNumbersShownMax; ++i) {
    const auto& row = file.damaged_rows[i];
    print("  damaged: source %s, number %llu, id %s\n", row.lane.empty() ? "(not known)" : row.lane.c_str(),
          static_cast<unsigned long long>(row.seq), row.id.to_string().c_str());
  }
  for (std::size_t i = 0; i < file.missing.size() && i < kNumbersShownMax; ++i) {
    print("  missing: %s\n", range(file.missing[i]).c_str());
  }
  if (file.already_there > 0) {
    print("  in the journal already: %llu\n", static_cast<unsigned long long>(file.already_there));
  }
  if (file.refused > 0) {
    print("  answered with an error when they came, and so left out: %llu\n",
          static_cast<unsigned long long>(file.refused));
  }
  print("  %s: %llu", dry_run ? "could be put back" : "put back",
        static_cast<unsigned long long>(file.imported));
  if (file.already_delivered > 0) {
    print(", of which PostgreSQL had passed %llu", static_cast<unsigned long long>(file.already_delivered));
  }
  print("\n");
  if (!file.renamed_to.empty()) print("  it is called %s from now on\n", file.renamed_to.c_str());
}

Json file_json(const SalvagedFile& file) {
  Json json{{"file", file.file}};
  if (!file.error.empty()) {
    json["error"] = file.error;
    return json;
  }
  json.update({{"pages", file.pages},
               {"unreadable_pages", file.unreadable_pages},
               {"found", file.found},
               {"intact", file.intact},
               {"damaged", file.damaged},
               {"already_there", file.already_there},
               {"already_delivered", file.already_delivered},
               {"refused", file.refused},
               {"imported", file.imported},
               {"segments", file.segments},
               {"renamed_to", file.renamed_to}});
  json["damaged_rows"] = Json::array();
  for (const auto& row : file.damaged_rows) {
    json["damaged_rows"].push_back({{"source", row.lane}, {"seq", row.seq}, {"id", row.id.to_string()}});
  }
  json["missing"] = Json::array();
  for (const auto& numbers : file.missing) {
    json["missing"].push_back({{"source", numbers.lane},
                               {"epoch", numbers.epoch.to_string()},
                               {"first_seq", numbers.first_seq},
                               {"last_seq", numbers.last_seq}});
  }
  return json;
}

// Files of another user's would keep the agent from its own journal.
bool belongs_to_us(const std::string& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return true;
  tell(
      "%s belongs to user %u, and this is user %u: run it as that one, as in sudo -u \\#%u hookspool "
      "salvage ...\n",
      folder.c_str(), status.st_uid, ::geteuid(), status.st_uid);
  return false;
}

storage::JournalResult<storage::SalvageReport> salvage_with_progress(storage::SalvageOptions options) {
  Progress progress;
  options.on_step = [&](const storage::SalvageStep& step) {
    progress.show("file " + std::to_string(step.file_number) + " of " + std::to_string(step.files) + ", " +
                  step.file.filename().string() + ": " + count_of(step.events, "event", "events"));
  };
  return storage::salvage(options);
}

int failed(const storage::JournalError& error) {
  tell("%s\n", error.text.c_str());
  if (error.kind == storage::JournalError::Kind::kLocked) {
    tell(
        "Salvage needs the journal for itself: systemctl stop hookspool.socket hookspool.service (or end the "
        "agent), "
        "salvage, start it again.\n");
  }
  return exit_code_of(error);
}

}  // namespace

int SalvageCommand::run(const Config& config, bool json) const {
  storage::SalvageOptions options;
  options.folder = config.journal.path;
  options.files.assign(files.begin(), files.end());
  options.lanes = lanes;
  options.dry_run = dry_run;
  for (const std::string& text : epochs) {
    const auto epoch = Uuid::parse(text);
    if (!epoch) {
      tell("--epoch %s: is not a UUID in lower case, as in 0190a0b0-0000-4000-8000-000000000000\n",
           text.c_str());
      return kExitUsage;
    }
    options.epochs.push_back(*epoch);
  }
  if (!belongs_to_us(config.journal.path)) return kExitNoPermission;
  if (!dry_run) {
    if (const auto removed = remove_stop_note(config.journal.path); !removed) {
      tell("%s\n", removed.error().c_str());
      return kExitIo;
    }
  }
  const auto report = salvage_with_progress(std::move(options));
  if (!report) return failed(report.error());
  int code = kExitOk;
  Json all = Json::array();
  for (const auto& file : report->files) {
    if (!file.error.empty()) {
      tell("%s\n", file.error.c_str());
      code = kExitNoInput;
    } else if (code == kExitOk && (file.damaged > 0 || !file.missing.empty() || file.unreadable_pages > 0)) {
      code = kExitData;
    }
    all.push_back(file_json(file));
    if (!json && file.error.empty()) print_file(file, dry_run);
  }
  if (json) {
    const Json whole{{"files", std::move(all)}, {"notes", report->notes}};
    print("%s\n", whole.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
    return code;
  }
  for (const auto& note : report->notes) print("journal: %s\n", note.c_str());
  if (report->files.empty()) print("nothing was set aside in %s\n", config.journal.path.c_str());
  return code;
}

}  // namespace hookspool::agent
