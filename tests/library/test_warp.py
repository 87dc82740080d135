import torch
from template3d.networks.warp import Warp


def test_the_warp_is_an_lstm_cell_on_code_and_point():
    torch.manual_seed(0)
    warp = Warp(8, 16, 8)
    torch.nn.init.normal_(warp.affine.weight, std=0.1)
    codes, points = torch.randn(3, 8), torch.rand(3, 50, 3)
    found = warp(codes, points)
    place, repeated = points.reshape(-1, 3), codes.repeat_interleave(50, dim=0)
    state, stages = (torch.zeros(150, 16),) * 2, []
    for step in range(8):
        state = warp.lstm(torch.cat([repeated, place], dim=1), state)
        scale, shift = warp.affine(state[0]).split(3, dim=1)
        place = (1 + scale) * place + shift
        if step % 2:
            stages.append(place.view(3, 50, 3))
    torch.testing.assert_close(found, torch.stack(stages), rtol=1e-6, atol=1e-6)
