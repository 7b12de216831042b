import json

from tools import run_records, tools


def test_each_caveat_of_several_runs_is_said_once(tmp_path):
    said = {"a": ["FEW: 3.", "SYNTHETIC: drawn."], "b": ["FEW: 4.", "SYNTHETIC: drawn."], "c": None}
    for name, caveats in said.items():
        scores = {"unit": "dex"} | ({"caveats": caveats} if caveats else {})
        tools.write_text(tmp_path / name / "performance" / "scores.json", json.dumps(scores))
    runs = [tmp_path / name for name in said]
    assert run_records.caveats(runs) == ["FEW: 3.", "SYNTHETIC: drawn.", "FEW: 4."]
    assert run_records.marks(runs) == ("SYNTHETIC",)
    assert run_records.caveats(runs[2:]) == []
    assert run_records.marks(runs[2:]) == ()
