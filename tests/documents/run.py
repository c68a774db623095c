#!/usr/bin/python3
"""Runs every block of commands, SQL and configuration of the documents, as it is printed: all blocks of a document in their order in
one shell, as root on a throwaway machine of its own (this one's files under an overlay in memory, no network but its own loopback).

    tests/documents/run.py [DOCUMENT...]        all documents and guides, if none is named
    tests/documents/run.py --list               the blocks, and what becomes of each
    tests/documents/run.py --boot [DOCUMENT...] on machines that a real systemd has booted (systemd-nspawn), in place of the stand-in

HOOKSPOOL names another agent than build/release/hookspool; `./dev run` then starts that one without building it. Blocks that cannot
run so are in tests/documents/not_run, each with its reason. checks/NAME.before.sh and NAME.after.sh run in the document's
shell before its first and after its last block, NAME.before-HEADING.sh before the first block of a section; NAME is the document's
path with - for /.
"""
import argparse
import concurrent.futures
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blocks import as_script, blocks_of
from machine import in_root, mount, overlay, run_booted, run_in_namespaces, without_systemd

TREE = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DOCUMENTS = ["README.md", "OPERATIONS.md", "POSTGRES.md", "CONFIGURATION.md", "SIGNATURES.md", "METRICS.md", "CONTRIBUTING.md"]
AT_ONCE = 2  # documents
VARIABLES = ("HOOKSPOOL", "DOCUMENTS_VERBOSE")  # the latter: everything that the blocks print
MOUNTED = "DOCUMENTS_MOUNTED"
MEMORY = "4g"  # most that the machines' files may take, all together


def documents():
    return DOCUMENTS + sorted(str(path.relative_to(TREE)) for path in TREE.glob("packaging/**/*.md"))


def reasons():
    """{(document, first line of a block): why it is not run}."""
    found = {}
    for number, line in enumerate((HERE / "not_run").read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 3 or not all(parts):
            sys.exit(f"tests/documents/not_run:{number}: DOCUMENT | FIRST LINE OF THE BLOCK | REASON")
        found[parts[0], parts[1]] = parts[2]
    return found


def name_of(document):
    return document.removesuffix(".md").removesuffix("/README").replace("/", "-")


def session_of(document, blocks, name):
    script = ["set -eEo pipefail", f"cd {TREE}", "exec 9>/documents/where", f". {HERE}/session.sh"]

    def part(place, text):
        script.extend([f"echo {place} >&9", text])

    def check(when):
        file = HERE / "checks" / f"{name}.{when}.sh"
        if file.exists():
            part(f"tests/documents/checks/{file.name}", f". {file}")

    check("before")
    heading = None
    for block in blocks:
        if block.heading != heading:
            heading = block.heading
            check(f"before-{heading}")
        part(block.place, as_script(block))
    check("after")
    return "\n".join(script) + "\n"


def run_document(document, folder, base, blocks, boot):
    """In namespaces of its own (see main). The exit code."""
    root = overlay([base, "/"], folder)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "documents/session").write_text(session_of(document, blocks, name_of(document)))
    status = run_booted(root) if boot else run_in_namespaces(root)
    if status != 0 or os.environ.get("DOCUMENTS_VERBOSE"):
        print((root / "documents/output").read_text(errors="replace")[-8000:])
        for log in sorted((root / "var/log").glob("hookspool*.log")):
            print(f"--- {log.name}", *(line[:500] for line in log.read_text(errors="replace").splitlines()[-15:]), sep="\n")
    if status != 0:
        where = (root / "documents/where").read_text().split() if (root / "documents/where").exists() else []
        print(f"{document}: ended with {status} in the block at {where[-1] if where else 'its start'}")
    return status


def inside(arguments):
    """`run.py --inside FOLDER DOCUMENT`, `--booted ...`, or `--prepare FOLDER`: already in namespaces of their own."""
    folder = Path(arguments[1])
    base = folder / "base/upper"
    if arguments[0] == "--prepare":
        mount("--make-rprivate", "/")
        argv = ["bash", f"{HERE}/prepare.sh", str(TREE)] + ([os.environ["HOOKSPOOL"]] if os.environ.get("HOOKSPOOL") else [])
        root = overlay(["/"], folder / "base")
        without_systemd(root)
        return in_root(root, argv, check=False).returncode
    document = arguments[2]
    why = reasons()
    blocks = [block for block in blocks_of(TREE, document) if (document, block.first_line) not in why]
    return run_document(document, folder / name_of(document), base, blocks, arguments[0] == "--booted")


def in_namespaces(*arguments):
    """This program with `arguments`, with processes, mounts and network of its own: its exit code, and what it printed. Of a machine
    that is booted, systemd-nspawn makes all but the mounts."""
    spaces = ["--mount"] if arguments[0] == "--booted" else ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    done = subprocess.run(["unshare", *spaces, "/usr/bin/python3", __file__, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


@contextlib.contextmanager
def machines():
    """A folder in memory for the machines' files."""
    with tempfile.TemporaryDirectory(prefix="hookspool-documents-") as folder:
        mount("--make-rprivate", "/")
        mount("-t", "tmpfs", "-o", f"size={MEMORY},mode=755", "tmpfs", folder)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def listed(names):
    """What becomes of each block: [(block, reason or None)]. Ends the program where not_run names a block that is not there."""
    why, all_blocks = reasons(), []
    for document in documents():
        all_blocks += [(block, why.get((document, block.first_line))) for block in blocks_of(TREE, document)]
    stale = set(why) - {(block.document, block.first_line) for block, _ in all_blocks}
    if stale:
        sys.exit("tests/documents/not_run: no such block: " + "; ".join(" | ".join(entry) for entry in sorted(stale)))
    return [(block, reason) for block, reason in all_blocks if block.document in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", metavar="DOCUMENT")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--boot", action="store_true")
    options = parser.parse_args()
    unknown = set(options.documents) - set(documents())
    if unknown:
        sys.exit(f"no such document: {', '.join(sorted(unknown))}")
    names = options.documents or documents()
    blocks = listed(names)
    if options.list:
        for block, reason in blocks:
            print(f"{block.place}: {'not run: ' + reason if reason else 'run'}: {block.first_line}")
        return 0
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-n", f"--preserve-env={','.join(VARIABLES)}", "/usr/bin/python3", __file__, *sys.argv[1:]])
    # What is mounted below is mounted here alone, and gone with this process.
    if MOUNTED not in os.environ:
        os.environ[MOUNTED] = "yes"
        os.execvp("unshare", ["unshare", "--mount", "/usr/bin/python3", __file__, *sys.argv[1:]])
    ran, passed, failed = 0, [], []
    with machines() as folder:
        status, output = in_namespaces("--prepare", folder)
        if status != 0:
            sys.exit(f"{output}the throwaway machine could not be prepared")
        counts = {name: sum(1 for block, reason in blocks if block.document == name and reason is None) for name in names}

        def outcome(document):
            began = time.monotonic()
            status, output = in_namespaces("--booted" if options.boot else "--inside", folder, document)
            print(output, end="")
            if status == 0:
                print(f"{document}: {counts[document]} blocks, {time.monotonic() - began:.1f} s", flush=True)
            return document, status

        with concurrent.futures.ThreadPoolExecutor(1 if options.boot else AT_ONCE) as pool:
            for document, status in pool.map(outcome, (name for name in names if counts[name] > 0 or list(HERE.glob(f"checks/{name_of(name)}.*")))):
                if status == 0:
                    ran += counts[document]
                    passed.append(document)
                else:
                    failed.append(document)
    left_out = [(block, reason) for block, reason in blocks if reason]
    for block, reason in left_out:
        print(f"not run: {block.place}: {block.first_line}: {reason}")
    print(f"{ran} blocks were run, {len(left_out)} were not")
    # A document that was named may have checks alone.
    if failed or not passed or (ran == 0 and not options.documents):
        print(f"failed: {', '.join(failed) or 'no block was run'}")
        return 1
    return 0


if sys.argv[1:2] in (["--inside"], ["--booted"], ["--prepare"]):
    sys.exit(inside(sys.argv[1:]))
sys.exit(main())
