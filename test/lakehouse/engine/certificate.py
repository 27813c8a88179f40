"""A certificate for localhost, made anew at each start."""

import subprocess
from pathlib import Path


def make(folder: Path) -> tuple[Path, Path]:
    """(certificate, key), both PEM."""
    certificate, key = folder / "door.pem", folder / "door.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    return certificate, key
