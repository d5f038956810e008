"""The operations, from a file to a file: they call the rooms below and do nothing themselves."""

from pixelmix.media.heatmap import Encoding
from pixelmix.pipeline.heatmap import Heated, View, heatmap_still, heatmap_video
from pixelmix.pipeline.preview import Preview, preview_remix
from pixelmix.pipeline.regions import RegionsFile, find_regions, regions_files
from pixelmix.pipeline.remix import Remixed, remix_video
from pixelmix.pipeline.separate import Separated, separate_multitrack, separate_video

__all__ = [
    "Encoding",
    "Heated",
    "Preview",
    "RegionsFile",
    "Remixed",
    "Separated",
    "View",
    "find_regions",
    "heatmap_still",
    "heatmap_video",
    "preview_remix",
    "regions_files",
    "remix_video",
    "separate_multitrack",
    "separate_video",
]
