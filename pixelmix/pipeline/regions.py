"""Finding what sounds in a video, and keeping it in a project file."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pixelmix.drawing.canvas import write_png
from pixelmix.drawing.regions_picture import draw_regions
from pixelmix.finding import find, sight
from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_path
from pixelmix.media.probe import probe
from pixelmix.model.session import Networks
from pixelmix.regions.project import Project, dump, fingerprint, project_path
from pixelmix.types import FoundRegion, MediaInfo


@dataclass(frozen=True, slots=True)
class RegionsFile:
    """What `find_regions` found and wrote."""

    info: MediaInfo
    regions: tuple[FoundRegion, ...]
    rest: float
    """Part of the sound's energy that no region has."""
    project: Path
    picture: Path | None
    damage: Damage
    seconds: float
    """Length of the sound."""
    windows: int
    """Windows of the model."""
    warnings: tuple[str, ...]
    """What not to trust in it."""


def regions_files(video: Path, folder: Path | None = None) -> tuple[Path, Path]:
    """Return where the project file and the picture of a video's regions go."""
    project, picture = project_path(video), video.with_name(video.stem + ".regions.png")
    if folder is None:
        return project, picture
    return folder / project.name, folder / picture.name


def find_regions(
    source: Source,
    project: Path,
    picture: Path | None,
    networks: Networks,
    *,
    count: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RegionsFile:
    """Find what sounds in a video; write a project file and, if wanted, a picture of it.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    inputs = (source.path,)
    with ExitStack() as stack:
        text = stack.enter_context(partial_path(project, overwrite=overwrite, inputs=inputs))
        drawn = picture and stack.enter_context(
            partial_path(picture, overwrite=overwrite, inputs=inputs)
        )
        finding = find(source, info, networks, count=count, progress=progress)
        text.write_text(dump(_project(info, finding.regions, networks)), encoding="utf-8")
        if drawn:
            write_png(drawn, draw_regions(sight(finding, networks), finding.regions))
    return RegionsFile(
        info=info,
        regions=finding.regions,
        rest=finding.rest,
        project=project,
        picture=picture,
        damage=finding.damage,
        seconds=finding.survey.seconds,
        windows=finding.survey.windows,
        warnings=finding.warnings,
    )


def _project(info: MediaInfo, regions: tuple[FoundRegion, ...], networks: Networks) -> Project:
    return Project(
        input=info.path.name,
        fingerprint=fingerprint(info.path),
        audio_track=info.audio.index,
        model=networks.bundle.name,
        model_id=networks.bundle.id,
        width=info.video.width,
        height=info.video.height,
        regions=regions,
    )
