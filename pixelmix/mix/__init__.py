"""From samples to windows, from window masks to stems, from stems and gains to the new sound.

`plan` cuts windows and says which pictures they look at, `blend` joins the masks of overlapping
windows, `apply` lays them over the original at its own rate, `gains` and `limiter` shape the sum.
"""
