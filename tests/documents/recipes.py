#!/usr/bin/python3
"""The recipes below packaging/ that are not run: each is valid by its own program's rules, and each configuration in them by `hookspool
check-config`. Ansible renders its template itself. ./dev unpacks cloud-init, of which only the schema is needed, into build/tools.

    tests/documents/recipes.py [AGENT]
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import yaml

TREE = Path(__file__).resolve().parents[2]
PACKAGING = TREE / "packaging"
SCHEMA = TREE / "build/tools/cloud-init/usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
YAMLLINT = "{extends: default, rules: {line-length: {max: 140}, comments: {require-starting-space: false}, document-start: disable}}"


def run(*argv, **more):
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, argv))}: ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def check_config(agent, folder, text, name):
    """As the machine would have it, with its folder elsewhere and a secret in each file that it names."""
    (folder / "etc").mkdir(exist_ok=True)
    for secret in ("github",):
        (folder / f"etc/{secret}.secret").write_text("a secret")
        (folder / f"etc/{secret}.secret").chmod(0o600)
    file = folder / f"etc/{name}.toml"
    file.write_text(text.replace("/etc/hookspool/", f"{folder}/etc/"))
    environment = {**os.environ, "GITHUB_WEBHOOK_SECRET": "a secret"}
    said = run(agent, "check-config", "--config", file, env=environment)
    if "source    github" not in said:
        sys.exit(f"{name}: no source github in its configuration: {said}")
    return 1


def ansible_configuration(folder):
    """The template, rendered by Ansible with the variables of the role and of site.yml."""
    role = PACKAGING / "ansible/roles/hookspool"
    variables = yaml.safe_load((role / "defaults/main.yml").read_text())
    variables.update(yaml.safe_load((PACKAGING / "ansible/site.yml").read_text())[0]["roles"][0])
    (folder / "variables.json").write_text(json.dumps(variables))
    run("ansible", "-i", "localhost,", "-c", "local", "localhost", "-m", "ansible.builtin.template",
        "-a", f"src={role}/templates/hookspool.toml.j2 dest={folder}/ansible.toml", "-e", f"@{folder}/variables.json",
        "-e", "ansible_python_interpreter=/usr/bin/python3", env={**os.environ, "HOME": str(folder)})
    return (folder / "ansible.toml").read_text()


def cloud_init_configuration():
    """Of the file that it writes, after the schema has held."""
    text = (PACKAGING / "cloud-init/hookspool.yaml").read_text()
    if not text.startswith("#cloud-config\n"):
        sys.exit("packaging/cloud-init/hookspool.yaml: the first line is not #cloud-config")
    config = yaml.safe_load(text)
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft4Validator(schema).validate(config)
    # Not every version's schema refuses a key that it does not know.
    known = set().union(*(module.get("properties", {}) for module in schema["$defs"].values()))
    if not config.keys() <= known:
        sys.exit(f"packaging/cloud-init/hookspool.yaml: unknown to cloud-init: {', '.join(config.keys() - known)}")
    return config["write_files"][0]["content"]


def main():
    agent = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HOOKSPOOL", TREE / "build/release/hookspool")
    files = sorted(path for suffix in ("yml", "yaml") for path in PACKAGING.rglob(f"*.{suffix}") if "prometheus" not in path.parts)
    if not files or not SCHEMA.exists():
        sys.exit(f"nothing to check, or {SCHEMA} is missing: ./dev test unpacks it")
    run("yamllint", "--strict", "-d", YAMLLINT, *files)
    with tempfile.TemporaryDirectory(prefix="hookspool-recipes-") as name:
        folder = Path(name)
        run("ansible-playbook", "--syntax-check", "-i", "localhost,", PACKAGING / "ansible/site.yml", env={**os.environ, "HOME": name})
        checked = check_config(agent, folder, cloud_init_configuration(), "cloud-init")
        checked += check_config(agent, folder, ansible_configuration(folder), "ansible")
        checked += check_config(agent, folder, (PACKAGING / "container/hookspool.toml").read_text(), "container")
    print(f"{len(files)} files of YAML, {checked} configurations")


main()
