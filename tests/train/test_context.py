"""What the head sees of the cells around each."""

import torch

from pixelmix.train.nets import NetworkSizes, around


def test_a_cell_is_the_mean_of_those_around_it_that_are_there() -> None:
    maps = torch.arange(20.0).reshape(1, 1, 4, 5)
    averaged = around(NetworkSizes(head_context=3))(maps)
    assert averaged.shape == maps.shape
    assert averaged[0, 0, 1, 1] == maps[0, 0, :3, :3].mean()
    assert averaged[0, 0, 0, 0] == maps[0, 0, :2, :2].mean()


def test_one_cell_is_itself() -> None:
    maps = torch.rand(2, 3, 4, 5)
    assert torch.equal(around(NetworkSizes())(maps), maps)
