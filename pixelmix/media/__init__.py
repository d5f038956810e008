"""Files in and out: probing, decoding sound and sparse pictures, copying streams with new sound.

The only room that imports PyAV. Times are seconds on the container's clock, exactly as the file
states them: a file may start at a time other than zero (`MediaInfo.start`).
"""
