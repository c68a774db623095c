#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>

#include "agent/commands/command_options.h"
#include "agent/commands/commands.h"
#include "agent/commands/events.h"
#include "agent/commands/tail.h"

namespace hookspool::agent {
namespace {

constexpr unsigned kWatchSeconds = 2, kWatchSecondsMax = 3600;

// "true" is what the parser has where no number follows.
unsigned watch_seconds(const std::string& text) {
  if (text.empty() || text == "true") return kWatchSeconds;
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > kWatchSecondsMax)
    throw CLI::ValidationError("--watch",
                               "is a number of seconds from 1 to " + std::to_string(kWatchSecondsMax));
  return seconds;
}

void add_status(CommandSet& commands) {
  const auto seconds = std::make_shared<unsigned>(0);
  auto& status = commands.add(
      {"status", "show what the running agent does", {"status", "status --watch", "status --json"}},
      Reads::kAgentAddress, [seconds, &commands](const CommandSet::Invocation& now) {
        const StatusCommand status_command{commands.admin_address()};
        if (*seconds > 0) return status_command.watch(now.config, *seconds);
        return status_command.run(now.config, commands.json());
      });
  commands.add_admin_address(status);
  auto* json = status.add_flag("--json", commands.json_wanted(), "print /health unchanged");
  status
      .add_option_function<std::string>(
          "--watch", [seconds](const std::string& text) { *seconds = watch_seconds(text); },
          "one screen, again and again, every 2 seconds or as given; Ctrl-C ends it")
      ->type_name("SECONDS")
      ->expected(0, 1)
      ->excludes(json);
}

void add_events(CommandSet& commands) {
  const auto events = std::make_shared<EventsCommand>();
  auto& group = commands.add_group({"events",
                                    "webhooks that the journal still holds, delivered or not",
                                    {"events list --source shop", "events show ID"}});
  auto& list = commands.add_asking(
      group,
      {"list",
       "list what came in the last hour, the newest last",
       {"events list", "events list --source shop --since 24h --limit 1000",
        "events list --where '/type = \"invoice.paid\" and /data/amount >= 100'",
        "events list --delivery-id evt_1Nx --since 7d --json"}},
      [events](const Config& config, const AdminTarget& target) { return events->list(config, target); });
  list.add_option("--source", events->source, "this source only")->type_name("NAME");
  list.add_option("--since", events->since, "received since; \"2h\" (ago) or RFC 3339; default: 1h")
      ->type_name("TIME");
  list.add_option("--until", events->until, "received before")->type_name("TIME");
  list.add_option("--id", events->id, "this event only, whenever it came")->type_name("ID");
  list.add_option("--delivery-id", events->delivery_id, "with this id of the sender's")->type_name("TEXT");
  list.add_option("--where", events->where,
                  "a condition over body and headers, as of keep and where (CONFIGURATION.md)")
      ->type_name("CONDITION");
  list.add_option("--limit", events->limit, "the newest N (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kEventsListedMax));
  auto& show = commands.add_asking(
      group,
      {"show",
       "show what is known of one event, from its receipt to its commit",
       {"events show 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10",
        "events show --headers 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10",
        "events show --body 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10 > body.json"}},
      [events](const Config& config, const AdminTarget& target) { return events->show(config, target); });
  show.add_flag("--headers", events->headers, "with its headers");
  show.add_flag(
      "--body", events->body,
      "only the body: its bytes into a file or a pipe, escaped on a terminal; with --json: as well");
  show.add_option("id", events->id, "id of the event")->type_name("ID")->required();
}

void add_tail(CommandSet& commands) {
  const auto tail = std::make_shared<TailCommand>();
  auto& command = commands.add_asking(
      commands.app(),
      {"tail",
       "show webhooks as they pass, or send them on to a service in development",
       {"tail", "tail --source shop --json", "tail --source shop --forward http://localhost:3000/webhooks"}},
      [tail](const Config& config, const AdminTarget& target) { return tail->run(config, target); });
  command.add_option("--source", tail->source, "this source only")->type_name("NAME");
  command
      .add_option("--forward", tail->forward,
                  "send each on, once, with the bytes and headers that came: http:// or https://")
      ->type_name("URL");
  command.add_flag("--headers", tail->headers, "with their headers, in --json");
  command.add_flag("--body", tail->body, "with their bodies, in --json");
}

void add_send(CommandSet& commands) {
  const auto send = std::make_shared<SendCommand>();
  auto& command = commands.add(
      {"send",
       "post one webhook to a running agent",
       {"send --source shop order.json", "echo '{\"hello\":\"world\"}' | hookspool send --source shop -"}},
      Reads::kConfig, [send](const CommandSet::Invocation& now) { return send->run(now.config); });
  command.add_option("--to", send->address, "address of the intake")->type_name("HOST:PORT");
  command.add_option("--source", send->source, "the source to post to")->type_name("NAME");
  command.add_option("--delivery-id", send->delivery_id, "sent as Webhook-Id")->type_name("ID");
  command.add_option("-H,--header", send->headers, "an additional header, 'Name: value'")
      ->type_name("HEADER");
  command.add_option("file", send->file, "the body; - for standard input")->type_name("FILE")->required();
}

void add_verify_signature(CommandSet& commands) {
  const auto options = std::make_shared<VerifySignatureCommand>();
  auto& command = commands.add(
      {"verify-signature",
       "say which part of a webhook's signature does not fit; 65 if one does not",
       {"verify-signature --source shop --request captured.http",
        "verify-signature --scheme github --secret-file github.secret -H 'X-Hub-Signature-256: sha256=...' "
        "body.json"}},
      Reads::kConfig, [options, &commands](const CommandSet::Invocation& now) {
        return options->run(now.config, commands.json());
      });
  command.add_option("--source", options->source, "check as this source of the configuration")
      ->type_name("NAME");
  command.add_option("--scheme", options->scheme, "check as this provider: github, stripe, ...")
      ->type_name("NAME");
  command
      .add_option("--secret-file", options->secret_files, "secret for --scheme; may be given several times")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--public-url", options->public_url, "URL for --scheme, if it signs the URL")
      ->type_name("URL");
  command.add_option("--request", options->request_file, "file with head and body as they were sent")
      ->type_name("FILE");
  command.add_option("-H,--header", options->headers, "a header, 'Name: value'")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  command.add_option("--method", options->method, "method; default: that of --request, or POST");
  command.add_option("--query", options->query, "query string of the URL")->type_name("TEXT");
  command.add_option("--at", options->at, "time of arrival: RFC 3339 or \"2h\" (ago); default: now")
      ->type_name("TIME");
  command.add_option("body", options->body_file, "the raw body; - for standard input")->type_name("FILE");
  commands.add_json(command);
}

}  // namespace

void add_event_commands(CommandSet& commands) {
  add_status(commands);
  add_events(commands);
  add_tail(commands);
  add_send(commands);
  add_verify_signature(commands);
}

}  // namespace hookspool::agent
