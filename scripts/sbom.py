#!/usr/bin/env python3
# Writes what a release binary is made of, as SPDX 2.3 in JSON; licences are those of docs/DEPENDENCIES.md.
# SPDX-License-Identifier: Apache-2.0
"""usage: scripts/sbom.py BINARY OUTPUT"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME_LICENCE = "Apache-2.0 WITH Swift-exception"


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def fail(reason: str) -> None:
    sys.exit(f"sbom: {reason}")


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table below a heading of docs/DEPENDENCIES.md, by their first column."""
    text = (ROOT / "docs/DEPENDENCIES.md").read_text(encoding="utf-8")
    part = text.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows[2:]}


def identifier(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name: str, version: str, licence: str, location: str, purl: str, **more: object) -> dict[str, object]:
    return {
        "SPDXID": identifier(name), "name": name, "versionInfo": version, "downloadLocation": location,
        "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
        **more,
    }


def swift_packages() -> list[dict[str, object]]:
    known = table("Swift packages, in the binary")
    found = []
    for pin in json.loads((ROOT / "Package.resolved").read_text(encoding="utf-8"))["pins"]:
        name, state = pin["identity"], pin["state"]
        if name not in known:
            fail(f"{name} is not in docs/DEPENDENCIES.md")
        notice = next((ROOT / ".build/checkouts" / name).glob("LICENSE*"), None)
        if notice is None or "Apache License" not in notice.read_text(encoding="utf-8"):
            fail(f"{name} is not under the licence that docs/DEPENDENCIES.md says")
        found.append(package(
            name, state["version"], known[name][0], f"git+{pin['location']}@{state['revision']}",
            f"pkg:swift/{pin['location'].removeprefix('https://')}@{state['version']}"))
    if missing := known.keys() - {entry["name"] for entry in found}:
        fail(f"docs/DEPENDENCIES.md has what the build has not: {', '.join(sorted(missing))}")
    return found


def libraries(binary: Path) -> list[dict[str, object]]:
    known = table("Shared libraries")
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--dynamic", "--wide", str(binary)))
    found: dict[str, dict[str, object]] = {}
    for library in needed:
        if library not in known:
            fail(f"{library} is not in docs/DEPENDENCIES.md")
        name, licence = known[library][0], known[library][1]
        version = output("dpkg-query", "--show", "--showformat", "${Version}", name)
        found[name] = package(
            name, version, licence, "NOASSERTION", f"pkg:deb/debian/{name}@{version.replace(':', '%3A')}")
    return [found[name] for name in sorted(found)]


def document(binary: Path) -> dict[str, object]:
    version = output(str(binary), "--version").removeprefix("ovafs ")
    revision = output("git", "rev-parse", "HEAD")
    # The time of the sources, so that the same sources give the same document.
    seconds = int(output("git", "show", "--no-patch", "--format=%ct", "HEAD"))
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    own = package(
        "ovafs", version, "Apache-2.0", "NOASSERTION", f"pkg:generic/ovafs@{version}",
        primaryPackagePurpose="APPLICATION", sourceInfo=f"git revision {revision}",
        checksums=[{"algorithm": "SHA256", "checksumValue": digest}])
    swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
    runtime = package(
        "swift-runtime", swift[1] if swift else "NOASSERTION", RUNTIME_LICENCE, "https://www.swift.org/install/linux",
        f"pkg:generic/swift@{swift[1] if swift else ''}")
    contained = [runtime, *swift_packages()]
    loaded = libraries(binary)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    relations += [(own["SPDXID"], "CONTAINS", entry["SPDXID"]) for entry in contained]
    relations += [(own["SPDXID"], "DYNAMIC_LINK", entry["SPDXID"]) for entry in loaded]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"ovafs-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/ovafs-{version}-{digest}",
        "creationInfo": {
            "created": datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: scripts/sbom.py"]},
        "packages": [own, *contained, *loaded],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations],
    }


def main() -> None:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    binary = Path(sys.argv[1]).resolve()
    text = json.dumps(document(binary), indent=2, ensure_ascii=False)
    Path(sys.argv[2]).write_text(text + "\n", encoding="utf-8")
    print(f"{sys.argv[2]}: {len(json.loads(text)['packages'])} packages")


if __name__ == "__main__":
    main()
