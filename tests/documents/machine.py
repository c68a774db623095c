"""Throwaway machines: this machine's files under an overlay in memory, and a session in it, either in namespaces of its own, where
programs/systemctl stands for systemd, or on a systemd that systemd-nspawn boots. The caller has mounts of its own.

In a machine /documents has the session, what it printed, and where it is.
"""
import os
import shutil
import signal
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
SESSION_S_MAX = 480  # on a slow and loaded machine
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
               "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}
BOOTED = """[Unit]
After=basic.target
[Service]
Type=oneshot
Environment={environment}
ExecStart=/bin/bash -c 'ip link set lo up; bash /documents/session >/documents/output 2>&1; echo $? >/documents/status'
ExecStopPost=/bin/bash -c 'journalctl -u hookspool -o cat >/var/log/hookspool.log'
ExecStopPost=/usr/bin/systemctl --no-block poweroff
"""


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def overlay(lowers, folder):
    """A root of this machine's files under `lowers`; changes go into folder/upper."""
    root = folder / "root"
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True)
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={':'.join(map(str, lowers))},upperdir={folder}/upper,workdir={folder}/work",
          str(root))
    # A folder that is a file system of its own is not seen through the overlay of the root.
    if os.stat(TREE).st_dev != os.stat("/").st_dev:
        (folder / "tree").mkdir()
        (folder / "tree-work").mkdir()
        mount("-t", "overlay", "overlay", "-o", f"lowerdir={TREE},upperdir={folder}/tree,workdir={folder}/tree-work", f"{root}{TREE}")
    (root / "documents").mkdir(exist_ok=True)
    return root


def without_systemd(root):
    """What a boot would mount and make in it."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/run")
    mount("--rbind", "/dev", f"{root}/dev")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/dev/shm")
    mount("-t", "proc", "proc", f"{root}/proc")
    (root / "run/throwaway-machine").touch()
    os.makedirs(f"{root}/run/lock")
    os.chmod(f"{root}/run/lock", 0o1777)
    in_root(root, ["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "2775", "/run/postgresql"], check=True)
    in_root(root, ["install", "-d", "-o", "haproxy", "-g", "haproxy", "-m", "775", "/run/haproxy"], check=True)


def in_root(root, argv, **more):
    return subprocess.run(["chroot", str(root), *argv], **more)


def run_in_namespaces(root):
    """The session, without a systemd. Its exit code."""
    mount("--make-rprivate", "/")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    without_systemd(root)
    with open(root / "documents/output", "w") as output:
        session = subprocess.Popen(["chroot", str(root), "bash", "/documents/session"], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, env=ENVIRONMENT)
    return ended(session.pid, SESSION_S_MAX)


def run_booted(root):
    """The session, as a service of a systemd of its own. Its exit code."""
    (root / "usr/local/bin/systemctl").unlink()
    units = root / "etc/systemd/system"
    for wants in units.glob("*.wants"):
        shutil.rmtree(wants)
    (units / "documents.service").write_text(BOOTED.format(environment=" ".join(f"{key}={value}" for key, value in ENVIRONMENT.items())))
    (units / "multi-user.target.wants").mkdir()
    (units / "multi-user.target.wants/documents.service").symlink_to("../documents.service")
    default = units / "default.target"
    default.unlink(missing_ok=True)
    default.symlink_to("/lib/systemd/system/multi-user.target")
    with open(root / "documents/console", "w") as console:
        subprocess.run(["timeout", "--kill-after=10", str(SESSION_S_MAX), "systemd-nspawn", "--quiet", "--keep-unit", "--register=no",
                        "--private-network", "--boot", f"--directory={root}"], stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                       check=False)
    status = root / "documents/status"
    if status.exists():
        return int(status.read_text())
    print((root / "documents/console").read_text(errors="replace")[-4000:])
    return 124


def ended(pid, seconds_max):
    """Waits for the session as the first process of a machine has to: for every other that has lost its parent as well."""
    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds_max)
    try:
        while True:
            gone, status = os.wait()
            if gone == pid:
                return os.waitstatus_to_exitcode(status)
    except TimeoutError:
        print(f"not at its end after {seconds_max} s")
        return 124
