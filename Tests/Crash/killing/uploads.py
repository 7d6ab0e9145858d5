# `ovafs upload`: after a kill the service has no active image that is not whole.
# SPDX-License-Identifier: Apache-2.0
"""SEMANTICS G12. What SIGKILL leaves is an image that is queued: nobody can boot it."""

from __future__ import annotations

from pathlib import Path

from killing.cases import Case
from killing.cloud import Cloud, Image
from killing.inputs import Inputs
from killing.tracer import Tracer

NAME = "disk"


class Upload(Case):
    """A disk that is decoded while it is sent. Calls on sockets count."""

    title = "upload: a disk"
    counts_sockets = True

    def __init__(self, tracer: Tracer, program: list[str], inputs: Inputs, cloud: Cloud) -> None:
        super().__init__(tracer, program)
        self.inputs = inputs
        self.cloud = cloud

    def prepare(self, at: Path) -> None:
        (at / "home").mkdir()
        other = Image({"id": "00000000-0000-4000-8000-000000000001", "name": NAME}, "active", b"another's")
        self.cloud.images = {str(other.record["id"]): other}

    def command(self, at: Path) -> list[str]:
        return ["upload", str(self.inputs.disk), "--name", NAME]

    def environment(self, at: Path) -> dict[str, str]:
        return {
            **super().environment(at), "HOME": str(at / "home"), "OS_AUTH_URL": f"{self.cloud.address}/v3",
            "OS_USERNAME": "demo", "OS_PASSWORD": "demo", "OS_PROJECT_NAME": "demo",
            "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default"}

    def plan(self, at: Path) -> list[tuple[Path, Path]]:
        reference = self.tracer.folder / "reference-upload"
        reference.write_bytes(self.inputs.raw)
        return [(at, reference)]

    def look(self, at: Path) -> list[str]:
        self.cloud.settle()
        found = [f"{path.name} is left" for path in (at / "home").iterdir()]
        other, *made = self.cloud.images.values()
        if other.status != "active" or other.data != b"another's":
            found.append("another image is changed or gone")
        if len(made) > 1:
            found.append(f"{len(made)} images are made")
        for image in made:
            if image.status == "active" and image.data != self.inputs.raw:
                found.append(f"the image is active with {len(image.data)} bytes of {len(self.inputs.raw)}")
            if image.status not in ("active", "queued"):
                found.append(f"the image is {image.status}")
        return found

    def complete(self, at: Path) -> list[str]:
        found = self.look(at)
        states = [image.status for image in list(self.cloud.images.values())[1:]]
        return found or ([] if states == ["active"] else ["there is no active image"])

    def again(self, at: Path) -> list[str]:
        earlier = dict(self.cloud.images)
        code, errors = self.call(at, self.command(at))
        if code != 0:
            return [f"the next run ends with {code}: {errors}"]
        self.cloud.settle()
        made = [image for key, image in self.cloud.images.items() if key not in earlier]
        if [(image.status, image.data) for image in made] != [("active", self.inputs.raw)]:
            return ["the next run makes no whole image"]
        lost = [key for key in earlier if key not in self.cloud.images]
        return [f"the next run deletes {lost}"] if lost else []
