"""Signal processing without opinions: STFT pair, frequency warp, resampling, sample queue.

Nothing here knows of pictures, regions or files; numbers come in through `types.FrontEnd`.
"""
