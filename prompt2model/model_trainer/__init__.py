"""Data set + base model → trained model.

    trained = ModelTrainer(ModelTrainerConfig(epochs=3)).run(inputs, context)
    load_predictor(trained.folder)("a text").text

Importing this package is cheap: torch, transformers and peft are loaded when training starts.
"""

from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.trainer import ModelTrainer

__all__ = ["ModelTrainer", "ModelTrainerConfig", "TrainInputs"]
