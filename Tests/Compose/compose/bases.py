"""The base images, where none is pulled: made on this machine, under the names that the files use."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .commands import PROJECT, TestFailure, run, say
from .engine import FOLDER, Engine

IMAGES = PROJECT / "Tests/Compose/images"
DEBIAN, POSTGRES, SWIFT = "debian:bookworm-slim", "postgres:15", "swift:6.3-bookworm"
MIRROR = "http://deb.debian.org/debian"
LABEL = "keymeter.recipe"


def make(engine: Engine) -> None:
    """Makes what is not there yet, or by another recipe."""
    unknown = wanted() - {DEBIAN, POSTGRES, SWIFT}
    if unknown:
        raise TestFailure(f"Tests/Compose/images has nothing to stand in for {', '.join(sorted(unknown))}")
    debian = _debian(engine)
    _postgres(engine, debian)
    _swift(engine, debian)


def wanted() -> set[str]:
    """The images that Dockerfile and docker-compose.yml begin with."""
    stages = re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    services = re.findall(r"^ +image: ([^$\s]+)$", (PROJECT / "docker-compose.yml").read_text(), re.MULTILINE)
    return set(stages) | set(services)


def _debian(engine: Engine) -> str:
    recipe = _recipe(MIRROR)
    if _is_made(engine, DEBIAN, recipe):
        return recipe
    say(f"making {DEBIAN} by debootstrap")
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
            raise TestFailure("tar could not read the new system")
    return recipe


def _postgres(engine: Engine, below: str) -> None:
    folder = IMAGES / "postgres"
    recipe = _recipe(below, *(file.read_text() for file in sorted(folder.iterdir())))
    if not _is_made(engine, POSTGRES, recipe):
        say(f"making {POSTGRES} of Debian's packages")
        engine.docker("build", *_terms(POSTGRES, recipe), folder, timeout=900)


def _swift(engine: Engine, below: str) -> None:
    toolchain = Path(shutil.which("swift") or "").resolve().parent.parent
    version = run("swift", "--version")
    repositories = PROJECT / ".build/repositories"
    # What the build in the container needs is what the build here has.
    run("swift", "package", "resolve")
    recipe = _recipe(
        below, (IMAGES / "swift/Dockerfile").read_text(), version, *sorted(path.name for path in repositories.iterdir()))
    if _is_made(engine, SWIFT, recipe):
        return
    say(f"making {SWIFT} of the toolchain in {toolchain}")
    context = subprocess.Popen(
        [
            "tar", "--create", "--owner=0", "--group=0", f"--transform=s,^{toolchain.name}\\(/\\|$\\),toolchain\\1,",
            "--directory", IMAGES / "swift", "Dockerfile", "--directory", repositories.parent, repositories.name,
            "--directory", toolchain.parent, toolchain.name,
        ], stdout=subprocess.PIPE)
    engine.docker("build", *_terms(SWIFT, recipe), "-", stdin=context.stdout, timeout=1_800)
    context.stdout.close()
    if context.wait() != 0:
        raise TestFailure("tar could not read the toolchain")


def _terms(name: str, recipe: str) -> list[str]:
    # The host's network, for apt: an engine that changes no firewall leads nowhere else.
    return ["--network=host", "--force-rm", "--label", f"{LABEL}={recipe}", "--tag", name]


def _is_made(engine: Engine, name: str, recipe: str) -> bool:
    found = engine.docker(
        "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', name, check=False)
    return found.strip() == recipe


def _recipe(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
