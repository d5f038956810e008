"""`pixelmix doctor`: what works on this machine."""

import platform
import sys

import typer

from pixelmix import __version__
from pixelmix.cli.batch import Document
from pixelmix.cli.console import Console
from pixelmix.cli.options import Debug, Json, Quiet
from pixelmix.errors import DeviceError, ModelError


def doctor(
    *,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Say what works on this machine.

    Checks codecs, devices and the default model.

    Exits with 1 if the default model cannot run.
    """
    console = Console(json, quiet)
    console.say(f"pixelmix {__version__}, Python {platform.python_version()}, {sys.platform}")
    media, devices, model = _media(console), _devices(console), _default_model(console)
    console.document(
        {
            "pixelmix": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "media": media,
            "devices": devices,
            "model": model,
        }
    )
    if not model["ok"]:
        raise typer.Exit(1)


def _media(console: Console) -> Document:
    from pixelmix.media.capabilities import capabilities

    found = capabilities()
    console.say(f"FFmpeg {found.ffmpeg} through PyAV {found.pyav}")
    for kind, codecs in (("reads", found.decoders), ("writes", found.encoders)):
        there = ", ".join(name for name, has in codecs.items() if has)
        absent = ", ".join(name for name, has in codecs.items() if not has)
        console.say(f"  {kind}: {there}" + (f" (not {absent})" if absent else ""))
    return {
        "ffmpeg": found.ffmpeg,
        "pyav": found.pyav,
        "decoders": found.decoders,
        "encoders": found.encoders,
    }


def _devices(console: Console) -> dict[str, str]:
    from pixelmix.model.device import find_obstacle

    found: dict[str, str] = {}
    for name in ("cpu", "cuda", "tensorrt"):
        found[name] = find_obstacle(name) or "ok"
        console.say(f"device {name}: {found[name]}")
    return found


def _default_model(console: Console) -> dict[str, str | bool]:
    """Open the default model: checksums, graphs, and a device that really starts."""
    from pixelmix.model.bundle import find_bundle, load_bundle
    from pixelmix.model.session import Networks

    try:
        bundle = load_bundle(find_bundle("default"))
        with Networks.open(bundle, "auto") as networks:
            device = networks.device.name
    except (ModelError, DeviceError) as error:
        console.say(f"model default: {error}")
        return {"ok": False, "error": str(error)}
    console.say(f"model default ({bundle.id}): ok, runs on {device}")
    return {"ok": True, "id": bundle.id, "device": device}
