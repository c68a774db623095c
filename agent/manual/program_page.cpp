#include "agent/manual/program_page.h"

#include "agent/base/exit_codes.h"
#include "agent/config/config_place.h"
#include "agent/config/source_files.h"
#include "agent/manual/roff.h"

namespace hookspool::agent {
namespace {

struct Explained {
  std::string term;
  const char* text;
};

std::vector<Explained> exit_codes() {
  const auto code = [](int number) { return std::to_string(number); };
  return {
      {code(kExitOk), "Done."},
      {code(kExitUsage), "The command line is wrong."},
      {code(kExitData), "Refused, unknown or missing; or a journal of a newer hookspool."},
      {code(kExitNoInput), "A file that is named is not there."},
      {code(kExitUnavailable), "The agent or PostgreSQL does not answer, or an address is taken."},
      {code(kExitSoftware), "An internal error."},
      {code(kExitIo), "A disk fails, or output cannot be written."},
      {code(kExitTempFail), "Not now: try again later."},
      {code(kExitNoPermission), "A right is missing."},
      {code(kExitConfig), "The configuration is wrong."},
  };
}

std::vector<Explained> files() {
  return {
      {kPackagedConfigFile, "The configuration: see hookspool.toml(5)."},
      {"/etc/hookspool/" + std::string(kSourcesFolder) + "/*.toml",
       "Files that add sources, a source or several each, read in the order of their names."},
      {kPackagedEnvironmentFile,
       "Variables of the service, as PGPASSWORD and DATABASE_URL; 0640, root:_hookspool."},
      {"/etc/hookspool/credentials/",
       "A file for each secret, for root alone: systemd hands them to the service as credentials."},
      {"/var/lib/hookspool/journal/", "The journal: what is in it was acknowledged. Never delete it."},
      {"/run/hookspool/admin.sock", "Where the commands ask the agent; the file's mode says who may."},
      {"/usr/share/doc/hookspool/", "The documents: operations, configuration, signatures, PostgreSQL."},
  };
}

std::vector<Explained> variables() {
  return {
      {"HOOKSPOOL_CONFIG", "The configuration file of every command without --config; empty: none."},
      {"DATABASE_URL", "Names the PostgreSQL, if the configuration does not."},
      {"PGHOST, PGPASSWORD, ...", "What libpq reads, where neither says anything."},
      {"CREDENTIALS_DIRECTORY, NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC", "Set by systemd."},
  };
}

std::vector<Explained> signals() {
  return {
      {"SIGTERM, SIGINT",
       "Ends the agent: requests are answered for one more second, the delivery under way is finished, the "
       "journal "
       "is closed. A second one ends it at once, which is safe as well."},
      {"SIGHUP", "Reads the configuration again, all or nothing, as hookspool-reload(1) does."},
  };
}

void write(Roff& page, const char* title, const std::vector<Explained>& lines) {
  page.section(title);
  for (const auto& line : lines) page.terms({line.term}, line.text);
}

}  // namespace

Page program_page(const std::vector<ListedCommand>& commands, const std::string& description,
                  const Edition& edition) {
  const auto colon = description.find(": ");
  std::string summary = description.substr(colon == std::string::npos ? 0 : colon + 2);
  if (summary.ends_with('.')) summary.pop_back();
  Roff page({"hookspool", 8, summary, edition.date, edition.version});
  page.section("SYNOPSIS");
  page.synopsis("hookspool", "COMMAND [OPTION...]");
  page.synopsis("hookspool run", "[--config FILE]");
  page.section("DESCRIPTION");
  page.paragraph(
      "A small agent beside a service. It takes each webhook over HTTP, writes it to a local journal, "
      "answers 2xx only "
      "when it is on disk, and replays the journal into PostgreSQL, with backoff, whenever the connection is "
      "there. "
      "Outages cost latency, never events.");
  page.paragraph("A 2xx means: the webhook is on disk, and it will be in PostgreSQL exactly once.");
  page.section("COMMANDS");
  for (const auto& command : commands)
    page.terms({command.name}, command.help + ": hookspool-" + command.name + "(1).");
  page.terms({"help [COMMAND]"}, "Options and examples of a command.");
  write(page, "FILES", files());
  write(page, "ENVIRONMENT", variables());
  write(page, "SIGNALS", signals());
  write(page, "EXIT STATUS", exit_codes());
  std::vector<std::string> others = {"hookspool.toml(5)"};
  for (const auto& command : commands) others.push_back("hookspool-" + command.name + "(1)");
  page.see_also(others);
  return {"hookspool.8", page.text()};
}

}  // namespace hookspool::agent
