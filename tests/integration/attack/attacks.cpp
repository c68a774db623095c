#include "tests/integration/attack/attacks.h"

#include <utility>

namespace hookspool::testing {
namespace {

using std::string_literals::operator""s;

const std::string kHost = "Host: localhost\r\n";
const std::string kStart = "POST /hooks/attack HTTP/1.1\r\n" + kHost;
const std::string kChunked = kStart + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kSmuggled = "POST /hooks/smuggled HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}";

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + "\r\n";
}

std::string post(const std::string& lines, const std::string& body = "{}") {
  return kStart + "Content-Length: " + std::to_string(body.size()) + "\r\n" + lines + "\r\n" + body;
}

std::string without_length(const std::string& lines) {
  return kStart + lines + "\r\n";
}

std::string many(std::size_t count, const std::string& text) {
  std::string all;
  all.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

std::vector<Attack> malformed_attacks() {
  std::vector<Attack> attacks;
  const auto add = [&](const std::string& what, const std::string& bytes, int status = 400) {
    attacks.push_back({"A8 " + what, bytes, status});
  };
  // Line ends and control characters.
  add("bare LF everywhere", "POST /hooks/attack HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}");
  add("bare LF after the request line",
      "POST /hooks/attack HTTP/1.1\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  add("bare LF after a header", kStart + "X: y\nContent-Length: 2\r\n\r\n{}");
  add("bare CR in a header", kStart + "X: a\rb\r\nContent-Length: 2\r\n\r\n{}");
  add("CR CR LF", "POST /hooks/attack HTTP/1.1\r\r\nHost: a\r\n\r\n");
  add("LF first", "\n" + post(""));
  add("NUL in the target", "GET /hooks/\0attack HTTP/1.1\r\nHost: a\r\n\r\n"s);
  add("NUL in a value", kStart + "X: a\0b\r\n\r\n"s);
  add("NUL in a name", kStart + "X\0Y: b\r\n\r\n"s);
  add("only NULs", std::string(100, '\0'));
  add("escape in a value", post("X: \x1b[2J\r\n"));
  add("escape in the target", "GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n");
  add("backspace in a value", post("X: a\x08\r\n"));
  add("DEL in a value", post("X: \x7f\r\n"));
  add("vertical tab for a space", kStart +
                                      "Content-Length:\x0b"
                                      "2\r\n\r\n{}");
  add("form feed for a space", kStart +
                                   "Content-Length:\x0c"
                                   "2\r\n\r\n{}");
  add("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s);
  add("an SSLv2 hello", "\x80\x2e\x01\x00\x02"s);
  add("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n");
  add("mail", "EHLO example.com\r\n\r\n");
  // Request line.
  add("no version", "POST /hooks/attack\r\n" + kHost + "\r\n");
  add("a word", "POST\r\n\r\n");
  add("two spaces", "POST  /hooks/attack HTTP/1.1\r\n" + kHost + "\r\n");
  add("a space in the target", get("/hooks/at tack"));
  add("tabs for spaces", "POST\t/hooks/attack\tHTTP/1.1\r\n" + kHost + "\r\n");
  add("a space at the end", "POST /hooks/attack HTTP/1.1 \r\n" + kHost + "\r\n");
  add("a space at the start", " POST /hooks/attack HTTP/1.1\r\n" + kHost + "\r\n");
  add("a bad method", "PO(ST /hooks/attack HTTP/1.1\r\n" + kHost + "\r\n");
  add("a method with a colon", "POST: /hooks/attack HTTP/1.1\r\n" + kHost + "\r\n");
  add("no method", " /hooks/attack HTTP/1.1\r\n" + kHost + "\r\n");
  add("UTF-8 in the method", "P\xc3\x96ST / HTTP/1.1\r\n" + kHost + "\r\n");
  add("a relative target", get("hooks/attack"));
  add("an asterisk", "OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n");
  add("CONNECT", "CONNECT db:5432 HTTP/1.1\r\n" + kHost + "\r\n");
  add("an absolute target of another scheme", get("file:///etc/passwd"));
  add("an absolute target with a user", get("http://u:p@a/"));
  add("a fragment", get("/hooks/attack#x"));
  add("lower-case version", "POST /hooks/attack http/1.1\r\n" + kHost + "\r\n");
  add("version without a dot", "POST /hooks/attack HTTP/11\r\n" + kHost + "\r\n");
  add("long version", "POST /hooks/attack HTTP/1.10\r\n" + kHost + "\r\n");
  add("version 1.2", "POST /hooks/attack HTTP/1.2\r\n" + kHost + "\r\n", 505);
  add("version 9.9", "POST /hooks/attack HTTP/9.9\r\n" + kHost + "\r\n", 505);
  add("version 0.9", "GET / HTTP/0.9\r\n\r\n", 505);
  add("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  // Header lines.
  add("obs-fold", kStart + "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}");
  add("obs-fold by a tab", kStart + "X: a\r\n\tb\r\nContent-Length: 2\r\n\r\n{}");
  add("fold first", "POST /hooks/attack HTTP/1.1\r\n Host: a\r\n\r\n");
  add("space before the colon", kStart + "Content-Length : 2\r\n\r\n{}");
  add("tab before the colon", kStart + "Content-Length\t: 2\r\n\r\n{}");
  add("no colon", kStart + "X\r\n\r\n");
  add("no name", kStart + ": x\r\n\r\n");
  add("a space in a name", kStart + "X Y: z\r\n\r\n");
  add("a slash in a name", kStart + "X/Y: z\r\n\r\n");
  add("Latin-1 in a name", kStart + "X\xe9: z\r\n\r\n");
  // Host.
  add("no Host", "POST /hooks/attack HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  add("two Hosts", kStart + kHost + "Content-Length: 2\r\n\r\n{}");
  add("two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
  add("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n");
  add("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
  add("a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n");
  add("a Host with a quote", "GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n");
  // What the intake has no use for.
  add("PUT with a body", "PUT /hooks/attack HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}", 405);
  add("TRACE with a body", "TRACE / HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}", 405);
  add("an unknown expectation", post("Expect: miracles\r\n"), 417);
  return attacks;
}

std::vector<Attack> smuggling_attacks() {
  std::vector<Attack> attacks;
  const std::string length = "Content-Length: " + std::to_string(kSmuggled.size()) + "\r\n";
  const auto add = [&](const std::string& what, const std::string& head, int status = 400) {
    // Once with the second request in the same segment, once after the refusal.
    attacks.push_back({"A9 " + what + ", at once", head + kSmuggled, status});
    attacks.push_back({"A9 " + what + ", later", head, status, kSmuggled});
  };
  add("CL and TE", kStart + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("TE and CL", kStart + "Transfer-Encoding: chunked\r\n" + length + "\r\n0\r\n\r\n");
  add("TE of another name and CL", kStart + length + "Transfer-Encoding: xchunked\r\n\r\n");
  add("TE xchunked", without_length("Transfer-Encoding: xchunked\r\n"), 501);
  add("TE chunked, identity", without_length("Transfer-Encoding: chunked, identity\r\n"), 501);
  add("TE identity, chunked", without_length("Transfer-Encoding: identity, chunked\r\n"), 501);
  add("TE twice", without_length("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501);
  add("TE twice, one unknown", without_length("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), 501);
  add("TE empty", without_length("Transfer-Encoding:\r\n"), 501);
  add("TE quoted", without_length("Transfer-Encoding: \"chunked\"\r\n"), 501);
  add("TE with a space before the colon", kStart + "Transfer-Encoding : chunked\r\n" + length + "\r\n");
  add("TE with a vertical tab", kStart +
                                    "Transfer-Encoding:\x0b"
                                    "chunked\r\n\r\n");
  add("TE folded", kStart + "Transfer-Encoding:\r\n chunked\r\n\r\n");
  add("TE in 1.0", "POST /hooks/attack HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("two lengths", kStart + "Content-Length: 0\r\n" + length + "\r\n");
  add("the same length twice", kStart + length + length + "\r\n");
  add("a list of lengths", kStart + "Content-Length: 0, 0\r\n\r\n");
  add("length abc", kStart + "Content-Length: abc\r\n\r\n");
  add("length -1", kStart + "Content-Length: -1\r\n\r\n");
  add("length +0", kStart + "Content-Length: +0\r\n\r\n");
  add("length 0x0", kStart + "Content-Length: 0x0\r\n\r\n");
  add("length 0 0", kStart + "Content-Length: 0 0\r\n\r\n");
  add("length empty", kStart + "Content-Length:\r\n\r\n");
  add("GET with a body", "GET / HTTP/1.1\r\n" + kHost + length + "\r\n");
  add("GET chunked", "GET / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("HEAD with a body", "HEAD / HTTP/1.1\r\n" + kHost + length + "\r\n");
  add("DELETE with a body", "DELETE / HTTP/1.1\r\n" + kHost + length + "\r\n", 405);
  attacks.push_back({"A9 a body left unread after 411", kStart + "\r\n" + kSmuggled, 411});
  add("a body left unread after 415", kStart + "Content-Encoding: gzip\r\n" + length + "\r\n", 415);
  add("a body left unread after 417", kStart + "Expect: x\r\n" + length + "\r\n", 417);
  add("a body left unread after 413", kStart + "Content-Length: 99999999\r\n\r\n", 413);
  add("a chunk that ends in bare LF", kChunked + "2\r\n{}\n0\r\n\r\n");
  add("a chunk size with bare LF", kChunked + "2\n{}\r\n0\r\n\r\n");
  add("an extension with bare LF", kChunked + "2;a\n\r\n{}\r\n0\r\n\r\n");
  add("a last chunk with bare LF", kChunked + "0\n\n");
  attacks.push_back({"A9 a request for a trailer", kChunked + "0\r\n" + kSmuggled, 400});
  return attacks;
}

std::vector<Attack> limit_attacks() {
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  return {
      {"A5 a body of 10 GB", kStart + "Content-Length: 10000000000\r\n\r\n" + std::string(100'000, 'x'), 413},
      {"A5 a body of 10 GB that expects to be asked",
       kStart + "Content-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n", 413},
      {"A5 a body of 2^64", kStart + "Content-Length: 18446744073709551616\r\n\r\n", 413},
      {"A5 one byte too many", kStart + "Content-Length: 1048577\r\n\r\n", 413},
      {"A6 an endless chunked body", kChunked + many(64, chunk), 413},
      {"A6 a chunk of 2^64 - 1", kChunked + "ffffffffffffffff\r\n", 413},
      {"A6 chunk size -2", kChunked + "-2\r\n{}\r\n0\r\n\r\n", 400},
      {"A6 chunk size 0x2", kChunked + "0x2\r\n{}\r\n0\r\n\r\n", 400},
      {"A6 chunk size with a space", kChunked + "2 \r\n{}\r\n0\r\n\r\n", 400},
      {"A6 chunk size of 17 digits", kChunked + "00000000000000002\r\n{}\r\n0\r\n\r\n", 400},
      {"A6 a bad terminator", kChunked + "3\r\nabcXX\r\n0\r\n\r\n", 400},
      {"A6 an extension of 64 KiB", kChunked + "2;" + std::string(65536, 'e') + "\r\n{}\r\n0\r\n\r\n", 431},
      {"A6 extensions on every byte", kChunked + many(100'000, "1;eeeeeeee\r\nx\r\n"), 431},
      {"A6 endless trailers", kChunked + "0\r\n" + many(10'000, "X: yyyyyyyy\r\n"), 431},
      {"A7 300,000 headers", kStart + many(300'000, "X: y\r\n") + "\r\n", 431},
      {"A7 129 headers", kStart + many(129, "X: y\r\n") + "\r\n", 431},
      {"A7 a header line of 64 MiB", kStart + "X: " + std::string(64u << 20, 'y') + "\r\n\r\n", 431},
      {"A7 a header name of 1 MiB", kStart + std::string(1u << 20, 'X') + ": y\r\n\r\n", 431},
      {"A7 a request line of 1 MiB", "GET /" + std::string(1u << 20, 'a'), 414},
      {"A7 a method of 1 MiB", std::string(1u << 20, 'A'), 414},
      {"A10 gzip", post("Content-Encoding: gzip\r\n", "\x1f\x8b\x08\x00"s + std::string(98'000, '\0')), 415},
      {"A10 br", post("Content-Encoding: br\r\n"), 415},
      {"A10 deflate after identity", post("Content-Encoding: identity\r\nContent-Encoding: deflate\r\n"),
       415},
      {"A10 gzip as a transfer coding", without_length("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"A20 a path of 8,000 bytes", get("/in/" + std::string(8'000, 'a')), 414},
  };
}

std::vector<Attack> published_attacks() {
  const std::string form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--b--\r\n";
  return {
      {"CVE-2025-46728 chunked past the limit", kChunked + "100001\r\n" + std::string(0x100001, 'x'), 413},
      {"CVE-2025-46728 no length", without_length("") + std::string(100'000, 'x'), 411},
      {"CVE-2025-53628 an endless line", "GET / HTTP/1.1\r\n" + std::string(4u << 20, 'X'), 431},
      {"CVE-2025-53629 chunks that fill the memory",
       kChunked + many(3000, "400\r\n" + std::string(1024, 'x') + "\r\n"), 413},
      {"CVE-2025-52887 too many headers", kStart + many(100'000, "A: b\r\n") + "\r\n", 431},
      {"CVE-2026-22776 a gzip bomb", post("Content-Encoding: gzip\r\n", "\x1f\x8b\x08"s), 415},
      {"CVE-2026-28435 a gzip bomb, chunked",
       without_length("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 415},
      {"CVE-2026-28435 a multipart gzip bomb",
       post("Content-Type: multipart/form-data; boundary=b\r\nContent-Encoding: gzip\r\n", form), 415},
      {"CVE-2026-34441 a body with GET",
       "GET / HTTP/1.1\r\n" + kHost + "Content-Length: " + std::to_string(kSmuggled.size()) + "\r\n\r\n" +
           kSmuggled,
       400},
      {"CVE-2026-45352 chunk size -2", kChunked + "-2\r\n", 400},
      {"CVE-2026-31870 a malformed length", kStart + "Content-Length: 12abc\r\n\r\n", 400},
      {"duplicate Content-Length (1e97c28)", kStart + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
       400},
      {"invalid Content-Length (6fd97ae)", kStart + "Content-Length: 2;\r\n\r\n{}", 400},
      {"unbounded headers (#2530)", kStart + many(20'000, "Header-" + std::string(90, 'n') + ": v\r\n"), 431},
      {"regex on a long path (8824017)", get("/" + std::string(7'000, '/')), 414},
  };
}

std::vector<Attack> odd_requests() {
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=" + std::string(60'000, 'a') +
      "''x\r\n\r\nbody\r\n--b--\r\n";
  return {
      {"A12 invalid UTF-8", post("", "{\"a\":\"\xff\xfe\xc3\"}"), 200},
      {"A12 a lone surrogate", post("", R"({"a":"\ud800"})"), 200},
      {"A12 an escaped NUL", post("", R"({"a":"\u0000"})"), 200},
      {"A12 a raw NUL", post("", "a\0b"s), 200},
      {"A12 nothing", post("", ""), 200},
      {"A12 every byte",
       post("",
            [] {
              std::string all;
              for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
              return all;
            }()),
       200},
      {"A12 deep nesting", post("", std::string(500'000, '[')), 200},
      {"A19 a form of 20 KB",
       post("Content-Type: application/x-www-form-urlencoded\r\n", "payload=" + std::string(20'000, 'a')),
       200},
      {"A19 multipart", post("Content-Type: multipart/form-data; boundary=b\r\n", form), 200},
      {"CVE-2026-29076 filename* for a std::regex",
       post("Content-Type: multipart/form-data; boundary=b\r\n", form), 200},
      {"CVE-2026-29076 a Range for a std::regex", post("Range: bytes=" + many(3'000, "0-1,") + "0-1\r\n"),
       200},
      {"CVE-2025-66570 REMOTE_ADDR",
       post("REMOTE_ADDR: 203.0.113.66\r\nREMOTE_PORT: 1\r\nLOCAL_ADDR: 203.0.113.66\r\nX-Forwarded-For: "
            "203.0.113.66\r\n"),
       200},
      {"CVE-2026-45372 percent signs in a value", post("X-Evil: a%0d%0aSet-Cookie:%20x%00c\r\n"), 200},
      {"CVE-2026-21428 CR LF for a header of the answer", post("Content-Type: text/x%0d%0aX-Injected: 1\r\n"),
       200},
      {"CVE-2023-26130 CR LF in a content type", post("Content-Type: text/evil\r\nX-Injected: evil\r\n"),
       200},
      {"CVE-2025-0825 letters whose low bytes are CR LF",
       post("Content-Type: text/x\xc4\x8d\xc4\x8aX-Injected: evil\r\n"), 200},
      {"CVE-2026-28434 what would throw", post("Accept: ;;;,,,q=q=\r\nAuthorization: Digest \xff\r\n"), 200},
      {"Latin-1 in a value", post("X-Name: caf\xe9\r\n"), 200},
      {"A8 an empty line first", "\r\n" + post(""), 200},
      {"A8 raw UTF-8 in the target",
       "POST /hooks/attack?q=caf\xc3\xa9 HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}", 200},
      {"A8 invalid UTF-8 in the target",
       "POST /hooks/attack?q=\xff\xfe HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\n\r\n{}", 200},
      {"A6 chunked as it should be", kChunked + "2\r\n{}\r\n0\r\n\r\n", 200},
  };
}

}  // namespace hookspool::testing
