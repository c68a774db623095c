#!/usr/bin/env python3
"""Writes what a hookspool_*.deb is made of as SPDX 2.3 (JSON).

sbom.py DEB OUTPUT: to be run where the .deb was built, for the versions are those of the packages installed here.
Libraries it loads are found by the program's NEEDED entries; those that are compiled into it are the development packages of
debian/control whose libraries it does not load.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

NAMESPACE = "https://hookspool.invalid/spdx/"


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def installed(package: str) -> tuple[str, str]:
    """Version and source package."""
    version, source = output("dpkg-query", "-W", "-f", "${Version}\t${source:Package}\n", package).splitlines()[0].split("\t")
    return version, source


def owner(library: str) -> str:
    """The package of a library's file; where /lib is a link, dpkg knows it by its other name."""
    real = os.path.realpath(library)
    for name in (real, real.removeprefix("/usr"), library):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise SystemExit(f"sbom: no package owns {library}")


def loaded_packages(program: Path) -> set[str]:
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", str(program))))
    paths = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", str(program))))
    return {owner(paths[name]) for name in needed if name in paths}


def build_packages(control: str) -> list[str]:
    block = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)
    assert block, "no Build-Depends in debian/control"
    return [line.strip().rstrip(",").split(" ")[0] for line in block.group(1).splitlines()]


def is_compiled_in(package: str, loaded_sources: set[str]) -> bool:
    is_library = package.endswith("-dev")
    return is_library and installed(package)[1] not in loaded_sources


def identifier(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def described(package: str) -> dict:
    version, source = installed(package)
    return {"SPDXID": identifier(package), "name": package, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION", "sourceInfo": f"Debian source package {source}",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{package}@{version}"}]}


def main(deb: str, target: str) -> None:
    fields = dict(line.split(": ", 1) for line in output("dpkg-deb", "-f", deb, "Package", "Version").splitlines())
    checksum = output("sha256sum", deb).split()[0]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
        loaded = sorted(loaded_packages(Path(folder) / "usr/bin/hookspool"))
    control = (Path(__file__).parent / "debian/control").read_text(encoding="utf-8")
    sources = {installed(package)[1] for package in loaded}
    compiled = sorted(package for package in build_packages(control) if is_compiled_in(package, sources))
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or None
    created = datetime.fromtimestamp(epoch, timezone.utc) if epoch else datetime.now(timezone.utc)
    name = f"{fields['Package']}-{fields['Version']}"
    this = {"SPDXID": "SPDXRef-hookspool", "name": fields["Package"], "versionInfo": fields["Version"],
            "packageFileName": Path(deb).name, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": checksum}]}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-hookspool")]
    relations += [("SPDXRef-hookspool", "DYNAMIC_LINK", identifier(package)) for package in loaded]
    relations += [("SPDXRef-hookspool", "STATIC_LINK", identifier(package)) for package in compiled]
    document = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
                "documentNamespace": f"{NAMESPACE}{name}-{checksum[:16]}",
                "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                 "creators": ["Tool: hookspool packaging/sbom.py"]},
                "packages": [this] + [described(package) for package in loaded + compiled],
                "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                                  for a, kind, b in relations]}
    Path(target).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"sbom: {len(loaded)} packages loaded, {len(compiled)} compiled in: {', '.join(compiled)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: sbom.py DEB OUTPUT")
    main(sys.argv[1], sys.argv[2])
