"""Builds the base images on this machine, under the public images' names, for an engine that pulls none."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers.failure import Failure
from servers.nodes import ROOT

from .commands import run, say
from .engine import FOLDER, Engine

IMAGES = ROOT / "Tests/Compose/images"
DEBIAN, POSTGRES, SWIFT = "debian:bookworm-slim", "postgres:15", "swift:6.3-bookworm"
MIRROR = "http://deb.debian.org/debian"
# The hash of everything that an image was built from.
LABEL = "keymeter.recipe"


def build(engine: Engine) -> None:
    """Builds the images that are missing or were built from another recipe."""
    unknown = base_images_in_use() - {DEBIAN, POSTGRES, SWIFT}
    if unknown:
        raise Failure(f"Tests/Compose/images has no replacement for {', '.join(sorted(unknown))}")
    debian = _build_debian(engine)
    _build_postgres(engine, debian)
    _build_swift(engine, debian)


def base_images_in_use() -> set[str]:
    """The images that Dockerfile and docker-compose.yml start from."""
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    services = re.findall(r"^ +image: ([^$\s]+)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    return set(stages) | set(services)


def _build_debian(engine: Engine) -> str:
    recipe = _recipe(MIRROR)
    if _is_built(engine, DEBIAN, recipe):
        return recipe
    say(f"building {DEBIAN} with debootstrap")
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        root = Path(folder) / "root"
        run("debootstrap", "--variant=minbase", "bookworm", root, MIRROR)
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        suites = [
            f"deb {MIRROR} bookworm main", f"deb {MIRROR} bookworm-updates main",
            f"deb {MIRROR}-security bookworm-security main",
        ]
        (root / "etc/apt/sources.list").write_text("\n".join(suites) + "\n")
        archive = subprocess.Popen(
            ["tar", "--create", "--numeric-owner", "--directory", root, "."], stdout=subprocess.PIPE)
        engine.docker("import", "--change", f"LABEL {LABEL}={recipe}", "-", DEBIAN, stdin=archive.stdout)
        archive.stdout.close()
        if archive.wait() != 0:
            raise Failure("tar could not read the new system")
    return recipe


def _build_postgres(engine: Engine, debian: str) -> None:
    folder = IMAGES / "postgres"
    recipe = _recipe(debian, *(file.read_text() for file in sorted(folder.iterdir())))
    if not _is_built(engine, POSTGRES, recipe):
        say(f"building {POSTGRES} from Debian's packages")
        engine.docker("build", *_options(POSTGRES, recipe), folder, timeout=900)


def _build_swift(engine: Engine, debian: str) -> None:
    toolchain = Path(shutil.which("swift") or "").resolve().parent.parent
    version = run("swift", "--version")
    repositories = ROOT / ".build/repositories"
    # The build in the container uses the clones of the dependencies that this makes.
    run("swift", "package", "resolve")
    recipe = _recipe(
        debian, (IMAGES / "swift/Dockerfile").read_text(), version, *sorted(path.name for path in repositories.iterdir()))
    if _is_built(engine, SWIFT, recipe):
        return
    say(f"building {SWIFT} from the toolchain in {toolchain}")
    context = subprocess.Popen(
        [
            "tar", "--create", "--owner=0", "--group=0", f"--transform=s,^{toolchain.name}\\(/\\|$\\),toolchain\\1,",
            "--directory", IMAGES / "swift", "Dockerfile", "--directory", repositories.parent, repositories.name,
            "--directory", toolchain.parent, toolchain.name,
        ], stdout=subprocess.PIPE)
    engine.docker("build", *_options(SWIFT, recipe), "-", stdin=context.stdout, timeout=1_800)
    context.stdout.close()
    if context.wait() != 0:
        raise Failure("tar could not read the toolchain")


def _options(name: str, recipe: str) -> list[str]:
    # apt needs the host's network, because a private engine has no NAT rules.
    return ["--network=host", "--force-rm", "--label", f"{LABEL}={recipe}", "--tag", name]


def _is_built(engine: Engine, name: str, recipe: str) -> bool:
    found = engine.docker(
        "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', name, check=False)
    return found.strip() == recipe


def _recipe(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
