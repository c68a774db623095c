"""A throwaway PostgreSQL over TLS, of the newest version installed. As root its processes are those of user postgres."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile

PASSWORD = "not-a-secret-42"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quiet(*argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stdout}")
    return done.stdout


class Postgres:
    """Role and database `bot`, by password over TLS only."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hookspool-migration-")
        self.port = free_port()
        self.authority = f"{self.folder}/ca.crt"
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))[-1]
        self.user = "postgres" if os.geteuid() == 0 else None
        self.postmaster = None
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        folder, data = self.folder, f"{self.folder}/data"
        quiet("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
              "-subj", "/CN=migration", "-keyout", f"{folder}/ca.key", "-out", self.authority)
        quiet("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
              "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.csr")
        with open(f"{folder}/names", "w") as names:
            names.write("subjectAltName=DNS:localhost\n")
        quiet("openssl", "x509", "-req", "-in", f"{folder}/server.csr", "-CA", self.authority, "-CAkey", f"{folder}/ca.key",
              "-CAcreateserial", "-days", "2", "-extfile", f"{folder}/names", "-out", f"{folder}/server.crt")
        os.chmod(folder, 0o755)
        if self.user:
            for name in (folder, f"{folder}/server.key", f"{folder}/server.crt"):
                shutil.chown(name, self.user)
        quiet(f"{self.bin}/initdb", "-A", "trust", "-U", "postgres", "-N", "-D", data, user=self.user, cwd=folder)
        with open(f"{data}/pg_hba.conf", "w") as rules:
            rules.write("local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        with open(f"{data}/postgresql.conf", "a") as settings:
            settings.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
                           f"ssl = on\nssl_cert_file = '{folder}/server.crt'\nssl_key_file = '{folder}/server.key'\n")
        self.start()
        self.sql(f"CREATE ROLE bot LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE bot OWNER bot", database="postgres")

    def start(self):
        with open(f"{self.folder}/log", "a") as log:
            self.postmaster = subprocess.Popen([f"{self.bin}/postgres", "-D", f"{self.folder}/data"], user=self.user,
                                               cwd=self.folder, stdout=log, stderr=log)
        while not self._answers():
            try:
                self.postmaster.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            with open(f"{self.folder}/log") as log:
                raise RuntimeError("PostgreSQL does not start: " + log.read()[-2000:])

    def _answers(self):
        argv = [f"{self.bin}/pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(argv, check=False).returncode == 0

    def stop(self):
        """At once, as in a crash of the server."""
        self.postmaster.send_signal(signal.SIGQUIT)
        self.postmaster.wait()

    def sql(self, *statements, database="bot"):
        argv = [f"{self.bin}/psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port), "-U", "postgres",
                "-d", database]
        for statement in statements:
            argv += ["-c", statement]
        return quiet(*argv).strip()

    def url(self, port):
        return f"postgresql://bot:{PASSWORD}@localhost:{port}/bot?sslmode=verify-full&sslrootcert={self.authority}"

    def close(self):
        if self.postmaster and self.postmaster.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
