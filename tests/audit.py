"""What is installed beside what was asked for: pins, requirements that do not fit, licences, known vulnerabilities. `make lint` runs it.

All but the last needs no network. Without one the last is not done, which is said and is no failure.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
ASKED, CARRIERS = ROOT / "requirements.txt", ROOT / "data" / "packaged.txt"
SERVICE = "https://api.osv.dev"
"""Not PyPI's own: a mirror of PyPI answers there as well, and knows of no vulnerability."""
PATIENCE_S, AUDIT_S = 5, 300
COPYLEFT = re.compile(r"\b(?:A?GPL|LGPL|SSPL|General Public License)", re.IGNORECASE)
"""What a package under the MIT licence must not come to depend on unnoticed."""


def pins(text: str) -> dict[str, str]:
    """Name -> version of a file of requirements. Raises ValueError for a line that pins nothing."""
    found = {}
    for line in text.splitlines():
        asked = line.partition("#")[0].strip()
        if not asked:
            continue
        pinned = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][^\s*]*)", asked)
        if pinned is None:
            raise ValueError(f"{asked!r} is not pinned; write NAME==VERSION")
        found[_name(pinned[1])] = pinned[2]
    return found


def others(asked: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What is asked for and is not there, or is of another version. Builds of one version, as torch's +cpu, are alike."""
    found = {name: there.get(name, "nothing") for name in asked}
    return [f"{name} {asked[name]} is asked for, {one} is there" for name, one in found.items() if one.partition("+")[0] != asked[name]]


def misfits(said: str, carriers: Iterable[str]) -> list[str]:
    """What `pip check` complains of, but for packages that only carry files and are installed without what they require."""
    return [line for line in said.splitlines() if " requires " in line and _name(line.split()[0]) not in set(carriers)]


def copyleft(licences: Mapping[str, str]) -> list[str]:
    """Packages that are under a licence of that kind, and leave no choice."""
    return [f"{name}: {text}" for name, text in licences.items() if COPYLEFT.search(text) and " OR " not in text.upper()]


def licence_of(found: importlib.metadata.Distribution) -> str:
    """As its metadata tells it: an expression, else classifiers, else the first line of what its authors wrote."""
    told = found.metadata
    classified = [one.rpartition("::")[2].strip() for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    return told.get("License-Expression") or ", ".join(classified) or (told.get("License") or "").strip().partition("\n")[0]


def unreachable() -> str:
    """Why the service that knows of vulnerabilities cannot be asked; empty where it can."""
    try:
        urllib.request.urlopen(SERVICE, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError:
        return ""  # it answers, if only that nothing is at its root
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""


def vulnerabilities() -> list[str]:
    """Those that are known of what is installed. Raises RuntimeError where they could not be looked up after all."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--vulnerability-service", "osv"]
    done = subprocess.run([*command, "--progress-spinner", "off", "--format", "json"], capture_output=True, text=True, timeout=AUDIT_S)
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it said nothing"])[-1]) from error
    return [f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version yet'}"
            for one in told for found in one.get("vulns", ())]  # fmt: skip


def main() -> int:
    """Say what was found; 1 where something is wrong."""
    installed = {_name(one.metadata["Name"]): one for one in importlib.metadata.distributions() if one.metadata["Name"]}
    asked, carriers = pins(ASKED.read_text(encoding="utf-8")), pins(CARRIERS.read_text(encoding="utf-8"))
    wrong = others(asked | carriers, {name: one.version for name, one in installed.items()})
    print(f"audit: {len(asked | carriers)} requirements are pinned; {len(installed)} packages are installed with all that these pull in")
    said = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True).stdout
    wrong += misfits(said, carriers)
    licences = {name: licence_of(one) for name, one in installed.items()}
    wrong += copyleft(licences)
    print(f"audit: {sum(map(bool, licences.values()))} of {len(licences)} packages tell their licence")
    if reason := unreachable():
        print(f"audit: KNOWN VULNERABILITIES WERE NOT LOOKED UP: {SERVICE} is not reached ({reason}); run this where a network is")
    else:
        try:
            found = vulnerabilities()
            print(f"audit: {len(found)} known vulnerabilities, by {SERVICE}")
            wrong += found
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"audit: KNOWN VULNERABILITIES WERE NOT LOOKED UP: pip-audit did not come to an end ({error})")
    for line in wrong:
        print(f"audit: {line}", file=sys.stderr)
    return int(bool(wrong))


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


if __name__ == "__main__":
    sys.exit(main())
