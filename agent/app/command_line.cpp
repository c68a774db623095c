#include "agent/app/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <string>

#include "agent/app/agent.h"
#include "agent/base/exit_codes.h"
#include "agent/commands/admin_options.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/config/config.h"
#include "agent/config/config_environment.h"
#include "agent/config/config_place.h"

namespace hookspool::agent {
namespace {

int tell_faults(const ConfigFaults& faults) {
  for (const auto& line : faults.lines) tell("%s\n", line.c_str());
  return exit_code_of(faults);
}

// What the packaged service finds in its environment, for the commands that say what a service will meet. The packaged
// file belongs to the packaged configuration.
int take_environment(const std::string& given, const std::string& config_file) {
  std::string file = given;
  if (file.empty() && config_file == kPackagedConfigFile && ::access(kPackagedEnvironmentFile, F_OK) == 0)
    file = kPackagedEnvironmentFile;
  if (file.empty()) return kExitOk;
  const auto taken = take_environment_file(file);
  if (taken) return kExitOk;
  tell("%s\n", taken.error().c_str());
  if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) return kExitNoInput;
  tell(
      "The service may find its PostgreSQL there: run this as root, or give another one with "
      "--environment.\n");
  return kExitNoPermission;
}

void add_verify_signature(CLI::App& command, VerifySignatureCommand& options) {
  command.add_option("--source", options.source, "check as this source of the configuration")
      ->type_name("NAME");
  command.add_option("--scheme", options.scheme, "check as this provider: github, stripe, ...")
      ->type_name("NAME");
  command
      .add_option("--secret-file", options.secret_files, "secret for --scheme; may be given several times")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--public-url", options.public_url, "URL for --scheme, if it signs the URL")
      ->type_name("URL");
  command.add_option("--request", options.request_file, "file with head and body as they were sent")
      ->type_name("FILE");
  command.add_option("-H,--header", options.headers, "a header, 'Name: value'")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  command.add_option("--method", options.method, "method; default: that of --request, or POST");
  command.add_option("--query", options.query, "query string of the URL")->type_name("TEXT");
  command.add_option("--at", options.at, "time of arrival: RFC 3339 or \"2h\" (ago); default: now")
      ->type_name("TIME");
  command.add_option("body", options.body_file, "the raw body; - for standard input")->type_name("FILE");
}

void add_salvage(CLI::App& command, SalvageCommand& options) {
  command
      .add_option("files", options.files,
                  "segments, also of other folders; default: those set aside in the journal's folder")
      ->type_name("FILE");
  command.add_option("--epoch", options.epochs, "an epoch to try, if the file has lost its own")
      ->type_name("UUID");
  command.add_option("--source", options.lanes, "a source's name to try, if the file has lost it")
      ->type_name("NAME");
  command.add_flag("--dry-run", options.dry_run, "report only, change nothing");
}

CLI::App* add_reload(CLI::App& app, ReloadCommand& options, bool& json) {
  auto* reload =
      app.add_subcommand("reload", "make the running agent read its configuration again; 78 if it refuses");
  reload->add_option("--socket", options.socket, "the agent's admin socket")->type_name("PATH");
  reload->add_flag("--json", json, "as JSON");
  return reload;
}

CLI::App* add_doctor(CLI::App& app, DoctorCommand& options, bool& json) {
  auto* doctor = app.add_subcommand("doctor", "check PostgreSQL, its schema and each source's table");
  doctor->add_flag("--sql", options.sql, "print the SQL for an administrator");
  doctor->add_flag("--json", json, "as JSON");
  return doctor;
}

CLI::App* add_consumers(CLI::App& app, bool& json) {
  auto* consumers =
      app.add_subcommand("consumers", "show what each consumer of the events still has before it");
  consumers->add_flag("--json", json, "as JSON");
  return consumers;
}

CLI::App* add_export(CLI::App& app, ExportCommand& options) {
  auto& command = *app.add_subcommand("export", "print rows of the events table in PostgreSQL as JSON Lines");
  command.add_option("--source", options.sources, "of this source; may be given several times")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--since", options.since, "received at this time or later: RFC 3339 or \"2h\" (ago)")
      ->type_name("TIME");
  command.add_option("--until", options.until, "received before this time")->type_name("TIME");
  return &command;
}

void add_send(CLI::App& command, SendCommand& options) {
  command.add_option("--to", options.address, "address of the intake")->type_name("HOST:PORT");
  command.add_option("--source", options.source, "the source to post to")->type_name("NAME");
  command.add_option("--delivery-id", options.delivery_id, "sent as Webhook-Id")->type_name("ID");
  command.add_option("-H,--header", options.headers, "an additional header, 'Name: value'")
      ->type_name("HEADER");
  command.add_option("file", options.file, "the body; - for standard input")->type_name("FILE")->required();
}

}  // namespace

int command_line(int argc, char** argv) {
  CLI::App app{
      "hookspool: takes webhooks over HTTP, journals them on disk, delivers them to PostgreSQL exactly "
      "once."};
  app.require_subcommand(1);
  std::string config_file;
  bool json = false;
  const auto with_config = [&](CLI::App* command) {
    add_config_option(*command, config_file);
    return command;
  };

  auto* run = with_config(app.add_subcommand("run", "serve until SIGTERM"));

  std::string environment_file;
  const auto with_environment_file = [&](CLI::App* command) {
    command
        ->add_option(
            "--environment", environment_file,
            "file with the service's variables, as EnvironmentFile= of its unit; default with the packaged "
            "configuration: /etc/hookspool/environment")
        ->type_name("FILE");
    return command;
  };
  auto* check = with_environment_file(with_config(
      app.add_subcommand("check-config", "report every fault of a configuration; 78 if there is one")));

  auto* status = with_config(app.add_subcommand("status", "show what the running agent does"));
  StatusCommand status_command;
  status->add_option("--admin", status_command.address, "address of the admin listener")
      ->type_name("HOST:PORT");
  status->add_flag("--json", json, "print /health unchanged");

  ReloadCommand reload_command;
  auto* reload = with_config(add_reload(app, reload_command, json));

  DoctorCommand doctor_command;
  auto* doctor = with_environment_file(with_config(add_doctor(app, doctor_command, json)));

  auto* consumers = with_environment_file(with_config(add_consumers(app, json)));

  ExportCommand export_command;
  auto* exporting = with_environment_file(with_config(add_export(app, export_command)));

  auto* salvage = with_config(app.add_subcommand(
      "salvage", "recover intact events from damaged or old segments; the agent must be stopped"));
  salvage->alias("import");
  SalvageCommand salvage_command;
  add_salvage(*salvage, salvage_command);
  salvage->add_flag("--json", json, "as JSON");

  auto* send = with_config(app.add_subcommand("send", "post one webhook to a running agent"));
  SendCommand send_command;
  add_send(*send, send_command);

  VerifySignatureCommand verify_signature_command;
  auto* verify_signature = with_config(app.add_subcommand(
      "verify-signature", "say which part of a webhook's signature does not fit; 65 if one does not"));
  add_verify_signature(*verify_signature, verify_signature_command);
  verify_signature->add_flag("--json", json, "as JSON");

  const AdminOptions admin(app, config_file);

  auto* version = app.add_subcommand("version", "show the versions of hookspool and its libraries");
  version->add_flag("--json", json, "as JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kExitUsage;
  }

  if (*version) return print_version(json);
  config_file = chosen_config_file(config_file);
  // Judging the file is for the agent to do, which tells why it refuses it.
  if (*reload) return reload_command.run(config_file, json);
  // With its address an agent is asked whatever its configuration is, which this user may not even read.
  if (*status && !status_command.address.empty()) return status_command.run(Config{}, json);
  if (admin.has_socket()) return admin.run(Config{}).value_or(kExitUsage);
  if (*check || *doctor || *consumers || *exporting) {
    if (const int code = take_environment(environment_file, config_file); code != kExitOk) return code;
  }
  const auto config = read_config(config_file);
  if (!config) return tell_faults(config.error());
  if (*check) return report_config(*config, config_file);
  if (*run) return run_agent(*config, config_file);
  if (*status) return status_command.run(*config, json);
  if (*doctor) return doctor_command.run(*config, json);
  if (*consumers) return ConsumersCommand{}.run(*config, json);
  if (*exporting) return export_command.run(*config);
  if (*send) return send_command.run(*config);
  if (*verify_signature) return verify_signature_command.run(*config, json);
  if (*salvage) return salvage_command.run(*config, json);
  return admin.run(*config).value_or(kExitUsage);
}

}  // namespace hookspool::agent
