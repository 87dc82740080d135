from template3d.report.summary import summary


def test_each_existing_result_is_named_on_its_own_line(tmp_path):
    assert summary(tmp_path) == ""
    for file in ("gallery/index.html", "tables/table1.md", "models/chairs/two_phase/model.json"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    page, table, models = summary(tmp_path).splitlines()
    assert page.split()[:2] == ["page", str(tmp_path / "gallery/index.html")]
    assert table.split()[:2] == ["table", str(tmp_path / "tables/table1.md")]
    assert f"--model {tmp_path / 'models/chairs/two_phase'} " in models


def test_without_an_encoder_no_command_is_offered(tmp_path):
    (tmp_path / "models/sofas/embeddings").mkdir(parents=True)
    assert summary(tmp_path) == ""
    (tmp_path / "models/sofas/end_to_end").mkdir()
    assert f"--model {tmp_path / 'models/sofas/end_to_end'} " in summary(tmp_path)
