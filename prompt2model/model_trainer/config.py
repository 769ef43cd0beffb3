"""Settings of training, with what each family takes where nothing is said."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from prompt2model.catalogue.training_method import WantedMethod
from prompt2model.component import ComponentConfig, ModelReference
from prompt2model.model_trainer.limits import bytes_of, check_device_name, seconds_of

_MOST_EPOCHS_FOR_MIN_STEPS = 20


class ModelTrainerConfig(ComponentConfig):
    """Settings of the `train` step."""

    method: WantedMethod = Field(
        "auto",
        description="Which weights are trained: all (full), low-rank adapters (lora, arXiv 2106.09685), or adapters on "
        "a base held in 4 bits (qlora, arXiv 2305.14314). auto: lora for decoders and for models above a billion "
        "parameters, else full; qlora where lora does not fit in memory and bitsandbytes is installed.",
    )
    epochs: int = Field(3, ge=1, le=1000, description="Passes over the training rows.")
    min_steps: int = Field(
        100,
        ge=0,
        description="Fewest optimizer steps: with few rows the epochs are raised until there are so many, "
        "to at most 20. 0 keeps `epochs` as it is.",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Peak learning rate of AdamW. None: 5e-5 for a model 768 wide, more for narrower ones, less for "
        "wider ones (times (768/width)²; halved for an encoder with batches below 32); for T5 models 1e-3 at a width "
        "of 512 and less above (times 512/width); 5e-4 for lora, and for qlora below a billion parameters, 2e-4 from "
        "there, 1e-4 from 30 billion.",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        description="Rows per optimizer step. None: 32 for encoders, 16 for models that write and below 1,000 rows.",
    )
    warmup: float = Field(0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises from 0.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's weight decay; biases and norms have none.")
    schedule: Literal["auto", "linear", "constant"] = Field(
        "auto",
        description="The learning rate after the warm-up: linear, down to 0, or constant. auto: constant for qlora "
        "from a billion parameters, else linear.",
    )
    max_grad_norm: float | None = Field(
        None,
        gt=0,
        description="Gradients are clipped to this norm. None: 1; for qlora from a billion parameters 0.3.",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after so many validations without a better one. None: train to the end."
    )
    validate_every: int = Field(500, ge=1, description="Longest stretch between two validations, in steps.")
    max_validation_rows: int = Field(
        2000, ge=1, description="Most rows that a validation looks at; drawn once where there are more."
    )
    class_weights: Literal["auto", "on", "off"] = Field(
        "auto",
        description="How rows of rare labels are weighed: on, so that every label counts the same; off, by their "
        "number; auto, half way between (the square root of the weight), and only where the most frequent label has "
        "at least ten times as many rows as the rarest.",
    )
    soft_labels: bool = Field(
        False,
        description="Where a row carries P(label) of its labellers, that is the target instead of the one label "
        "(families that classify). Worth a try with a teacher whose probabilities are right; with the local one "
        "students were a little worse for it.",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of each target that is spread over all labels or tokens (arXiv 1512.00567)."
    )
    lora_rank: int | None = Field(
        None, ge=1, le=512, description="Rank of the adapters. None: 16; for qlora from a billion parameters 64."
    )
    lora_alpha: int | None = Field(
        None,
        ge=1,
        description="Scale of the adapters: their product is multiplied by alpha/rank. None: 32; for qlora from a "
        "billion parameters 16.",
    )
    lora_dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Share of adapter inputs left out at random in training. None: 0; for qlora from a billion "
        "parameters 0.1, from 30 billion 0.05.",
    )
    merge: bool = Field(
        True,
        description="Whether adapters are added to the base's weights, which makes a model that needs nothing beside "
        "it. Without, the student is the adapter alone, and is read with its base; see `prompt2model merge`.",
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Compute what lies between layers a second time instead of keeping it: less memory, a third more "
        "time. auto: for qlora on a GPU, and wherever training does not fit in memory without.",
    )
    max_input_tokens: int | None = Field(
        None,
        ge=8,
        description="Longest input in tokens; longer ones are cut and counted. None: 512, or what the model reads.",
    )
    max_target_tokens: int = Field(256, ge=1, description="Longest answer in tokens; longer ones are cut and counted.")
    instruction: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether the instruction stands in every input of a model that writes. auto: where it has at most "
        "64 tokens; training teaches the task, and a long text in every row costs more than it helps.",
    )
    max_tokens_at_once: int = Field(
        8192,
        ge=64,
        description="Most tokens, padding included, in one forward pass; a larger batch is computed in parts, "
        "with the same result.",
    )
    checkpoint_seconds: float = Field(
        120.0,
        ge=0,
        description="A killed training goes on from its last checkpoint; one is written when so many seconds have "
        "passed. 0: after every step.",
    )
    processes: int = Field(
        1,
        ge=0,
        description="Processes of this machine that train together, each with its share of every batch (one per GPU). "
        "0: the run stops before the training, for processes that are started by hand, on as many machines as wanted.",
    )
    shard: bool = Field(
        False,
        description="Where several processes train: divide weights, gradients and moments among them, too (FSDP, arXiv "
        "2304.11277), for models that do not fit in the memory of one.",
    )
    bf16: Literal["auto", "off"] = Field(
        "auto", description="auto: matrix products in bfloat16 where the processor has them; weights stay float32."
    )
    seed: int | None = Field(None, ge=0, description="Seed of shuffling and dropout. None: the run's seed.")
    bake_off: bool = Field(
        False,
        description="Whether several students are trained on the same rows, of which the simplest is taken that is as "
        "good as the best on validation, as far as can be told.",
    )
    students: tuple[Annotated[str, ModelReference], ...] = Field(
        (),
        description="The students of the bake-off: tfidf, embedding, embedding:MODEL, or the id or folder of a base "
        "model. Empty: tfidf and embedding where labels are closed, the chosen base model, and the best-ranked one of "
        "each other family that can be had.",
    )
    tolerance: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Bake-off: how far below the best a simpler student may be and still be taken, as a share of the "
        "scale. It must also lie in the best one's interval and not be clearly worse on the same rows.",
    )
    max_size: str | None = Field(
        None, description="Bake-off: most bytes of the student's folder, as 50MB, 1.5GB or 800kB."
    )
    max_latency: str | None = Field(
        None,
        description="Bake-off: most time for one answer, as 20ms or 0.02s: the median of single answers to validation "
        "inputs, on `device`.",
    )
    device: str = Field(
        "auto", description="Where students are trained, and timed in a bake-off: auto (the best), cpu, mps or cuda:0."
    )
    search_trials: int = Field(
        0,
        ge=0,
        le=1000,
        description="Trainings that a search for better settings (optuna) makes, the first with these settings; "
        "0: no search.",
    )

    @property
    def holds_bake_off(self) -> bool:
        """Whether several students are compared."""
        return self.bake_off or bool(self.students)

    @property
    def size_limit(self) -> int | None:
        """`max_size` in bytes."""
        return None if self.max_size is None else bytes_of(self.max_size)

    @property
    def latency_limit(self) -> float | None:
        """`max_latency` in seconds."""
        return None if self.max_latency is None else seconds_of(self.max_latency)

    def of_one_training(self) -> ModelTrainerConfig:
        """The settings of a single training: neither bake-off nor search."""
        single = {"bake_off": False, "students": (), "max_size": None, "max_latency": None, "search_trials": 0}
        return self.model_copy(update=single)

    @field_validator("max_size")
    @classmethod
    def _is_size(cls, text: str | None) -> str | None:
        if text is not None:
            bytes_of(text)
        return text

    @field_validator("max_latency")
    @classmethod
    def _is_duration(cls, text: str | None) -> str | None:
        if text is not None:
            seconds_of(text)
        return text

    @field_validator("device")
    @classmethod
    def _is_device(cls, text: str) -> str:
        return check_device_name(text)

    @model_validator(mode="after")
    def _limits_need_a_choice(self) -> ModelTrainerConfig:
        given = [name for name in ("max_size", "max_latency") if getattr(self, name) is not None]
        if given and not self.holds_bake_off:
            options = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"{options}: a limit is for a bake-off; add --bake-off, or leave it out")
        return self

    def epochs_for(self, steps_per_epoch: int) -> int:
        """The epochs, raised where there are fewer than `min_steps` steps in them."""
        wanted = min(_MOST_EPOCHS_FOR_MIN_STEPS, -(-self.min_steps // steps_per_epoch))
        return max(self.epochs, wanted)
