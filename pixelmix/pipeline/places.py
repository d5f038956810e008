"""Which regions a command works on: those pointed at, those of the project file, or found ones."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pixelmix.errors import OutputError, UsageError
from pixelmix.hearing import Progress, Source
from pixelmix.model.session import Networks
from pixelmix.regions.parse import PlaceSpec, resolve
from pixelmix.regions.project import Project, fingerprint, load, project_path
from pixelmix.types import MediaInfo, Region

Places = Sequence[PlaceSpec] | None
"""Places as they were written; None for what the project file says, or else is found."""


def choose_regions(
    places: Places,
    source: Source,
    info: MediaInfo,
    networks: Callable[[], Networks],
    progress: Progress | None,
) -> tuple[Region, ...]:
    """Return the regions that were pointed at, or else those of the project, found if need be."""
    if places is not None:
        return resolve(places, info.video.width, info.video.height)
    project = project_path(info.path)
    if project.exists():
        known = load(project)
        _check(known, project, info, networks)
        found = known.regions
    else:
        # Here, for remix and separate seldom need what finding loads.
        from pixelmix.finding import find
        from pixelmix.pipeline.regions import find_regions

        # The whole video decides, also where only a part is wanted.
        whole = Source(source.path, source.audio_track)
        try:
            found = find_regions(whole, project, None, networks(), progress=progress).regions
        except OutputError:
            # The video's folder cannot be written: they are found again the next time.
            found = find(whole, info, networks(), progress=progress).regions
    if not found:
        raise UsageError(
            f"{info.path}: no sounding region was found in it; point at the sound with --point or "
            "--region"
        )
    return tuple(one.region for one in found)


def _check(known: Project, path: Path, info: MediaInfo, networks: Callable[[], Networks]) -> None:
    again = f"look again with `pixelmix regions -y {info.path.name}`"
    if known.fingerprint != fingerprint(info.path):
        if known.input != info.path.name:
            raise UsageError(
                f"{path}: its regions are those of {known.input}, not of {info.path.name}; "
                "rename one of the two, or point at the sound with --point or --region"
            )
        raise UsageError(f"{path}: {info.path.name} has changed since; {again}")
    if known.audio_track != info.audio.index:
        raise UsageError(
            f"{path}: its regions are those of another audio track of {info.path.name}; {again}"
        )
    bundle = networks().bundle
    if known.model_id != bundle.id:
        raise UsageError(
            f"{path}: its regions come from the model {known.model} ({known.model_id}), this is "
            f"{bundle.name} ({bundle.id}); use --model {known.model}, or {again}"
        )
