"""TOML in and out; unknown keys refused with the nearest known one; paths mean the same from any folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prompt2model.config import load_config, make_config
from prompt2model.errors import ConfigError, PromptError
from prompt2model.pipeline import Pipeline

DEMOS = sorted((Path(__file__).parents[1] / "demos").glob("*/config.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed = 1", "`seed`"),
        ("seed = -1", "`seed`"),
        ('seed = "x"', "`seed`"),
        ("[generate_data]\nexmples = 3", "`examples`"),
        ("[generat_data]\nexamples = 3", "`generate_data`"),
        ("[train]\nepochs = -1", "`epochs` is -1; give a number of at least 1"),
        ('[train]\nwarmup = "long"', "`warmup` is 'long'; give a number"),
        ("[train]\nclass_weights = 3.5", "`class_weights` is 3.5; give 'auto', 'on' or 'off'"),
        ('[generate_data]\nexamples = "lots"', "`examples` is 'lots'; give a whole number or 'auto'"),
        ("[retrieve_data]\ndatasets = 5", "`datasets` is 5; give 'ask', 'auto' or 'none' or a list"),
        ('[retrieve_data]\ndatasets = ["a", 3]', "`datasets.1` is 3; give a text"),
        ('[retrieve_data]\ndata = "rows.csv"', "`data` is 'rows.csv'; give a list"),
        ("[retrieve_data]\ndata = [3]", "`data.0` is 3; give a path"),
        ('[parse_prompt]\ndemonstrations = [{input = "a"}]', "`demonstrations.0.output` is missing"),
        ("train = 5", "`train` is 5; give a table"),
        ("[prices]\nmine = [1.0]", "`prices.mine.1` is missing"),
        ("seed = ", "not valid TOML"),
        ('prompt = "a"\nprompt_file = "b"', "not both"),
        ('name = "../x"', "name"),
        ('hub = "maybe"', "hub"),
        ('[teachers]\nlabler = "embedded"', "no step asks a teacher in the role 'labler'"),
        ('[teachers]\n"labeller 1" = "embedded"', "no step asks a teacher in the role 'labeller 1'"),
        ('[train]\ncomponent = "nowhere:Trainer"', "nowhere"),
        ('[train]\ncomponent = "pathlib:Path"', "not a subclass"),
    ],
)
def test_a_wrong_config_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_config(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_config_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no config file"):
        load_config(tmp_path / "none.toml")


def test_paths_are_taken_from_the_config_file(tmp_path: Path) -> None:
    (tmp_path / "task.txt").write_text("Do it.")
    path = write(tmp_path, 'prompt_file = "task.txt"\n[retrieve_data]\ndata = ["rows.csv"]\ndata_dirs = ["sets"]\n')
    pipeline = Pipeline.from_config(path)
    assert pipeline.config.prompt_text() == "Do it."
    settings = pipeline.components["retrieve_data"].config
    assert tuple(settings.data) == (tmp_path / "rows.csv",)
    assert tuple(settings.data_dirs) == (tmp_path / "sets",)


@pytest.mark.parametrize("written", ["mine", "./mine", "../here/mine"])
def test_a_model_folder_is_taken_from_the_config_file_and_an_id_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    for folder in ("here/mine", "elsewhere/mine"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")

    def model(text: str) -> str:
        path = write(tmp_path / "here", f'prompt = "Do it."\n[retrieve_models]\nmodel = "{text}"\n')
        pipeline = Pipeline.from_config(path)
        assert pipeline.config.retrieve_models["model"] == pipeline.components["retrieve_models"].config.model
        return pipeline.config.retrieve_models["model"]

    assert Path(model(written)).resolve() == tmp_path / "here/mine"
    assert model(str(tmp_path / "elsewhere/mine")) == str(tmp_path / "elsewhere/mine")
    assert model("google/flan-t5-small") == "google/flan-t5-small"
    assert model("./gone") == str(tmp_path / "here/gone")


def test_the_runs_folder_of_a_config_file_is_taken_from_it(tmp_path: Path) -> None:
    assert (
        Pipeline.from_config(write(tmp_path, 'prompt = "Do it."\nruns_folder = "out"')).folder.parent
        == tmp_path / "out"
    )
    assert Pipeline.from_config(write(tmp_path, 'prompt = "Do it."')).folder.parent == Path("runs")


def test_a_stored_config_builds_the_same_chain(tmp_path: Path) -> None:
    (tmp_path / "task.txt").write_text('Say "yes"\nor\tno – ünïcode\n')
    path = write(
        tmp_path,
        'prompt_file = "task.txt"\nseed = 7\n[retrieve_data]\ndata = ["rows.csv"]\n[train]\nepochs = 2\n'
        "[prices]\nmine = [1.0, 2.0]\n",
    )
    first = Pipeline.from_config(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    second = Pipeline.from_config(write(elsewhere, first.config.to_toml()))
    assert second.config == first.config
    assert {name: part.config for name, part in second.components.items()} == {
        name: part.config for name, part in first.components.items()
    }


def test_the_name_is_made_from_the_prompt() -> None:
    config = make_config({"prompt": "Classify the mood: of a TEXT, please now!"})
    assert config.run_name().startswith("classify-the-mood-of-a-")
    assert config.run_name() == make_config({"prompt": "Classify the mood: of a TEXT, please now!"}).run_name()
    assert config.run_name() != make_config({"prompt": "Classify the mood: of a TEXT, please now."}).run_name()


@pytest.mark.parametrize("prompt", ["", "  \n\t "])
def test_an_empty_prompt_is_said(prompt: str) -> None:
    with pytest.raises(PromptError, match="empty"):
        make_config({"prompt": prompt}).prompt_text()


def test_a_prompt_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(PromptError, match="UTF-8"):
        make_config({"prompt_file": str(tmp_path / "x.txt")}).prompt_text()
    with pytest.raises(PromptError, match="no prompt file"):
        make_config({"prompt_file": str(tmp_path / "y.txt")}).prompt_text()


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.parent.name)
def test_every_demo_config_validates(path: Path) -> None:
    pipeline = Pipeline.from_config(path)
    assert pipeline.config.prompt_text()
    for component in pipeline.components.values():
        for file in component.input_files():
            assert file.exists(), f"{path} names {file}, which is not there"


def test_there_are_three_demos() -> None:
    assert {path.parent.name for path in DEMOS} >= {"ticket_triage", "date_normalisation", "title_writing"}


def test_a_base_model_must_fit_in_memory_as_it_will_be_trained(tmp_path: Path) -> None:
    text = 'prompt = "Do it."\n[train]\nmethod = "lora"\n'
    pipeline = Pipeline.from_config(write(tmp_path, text))
    assert pipeline.components["retrieve_models"].config.train_method == "lora"
    # The stored config says it in one place, so that a change of it there is a change for both.
    assert pipeline.config.retrieve_models == {}
    own = Pipeline.from_config(write(tmp_path, text + '[retrieve_models]\ntrain_method = "full"\n'))
    assert own.components["retrieve_models"].config.train_method == "full"
    assert own.config.retrieve_models == {"train_method": "full"}


def test_a_trainer_of_ones_own_shares_no_setting(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from prompt2model.model_trainer import ModelTrainer\n"
        "from prompt2model.model_trainer.config import ModelTrainerConfig\n"
        "class Config(ModelTrainerConfig):\n    method: str = 'distil'\n"
        "class Mine(ModelTrainer):\n    Config = Config\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        text = 'prompt = "Do it."\n[train]\ncomponent = "mine:Mine"\nmethod = "distil"\n'
        pipeline = Pipeline.from_config(write(tmp_path, text))
    finally:
        sys.path.remove(str(tmp_path))
    assert pipeline.components["retrieve_models"].config.train_method == "auto"
