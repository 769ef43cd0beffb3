"""A Gradio page on 127.0.0.1 on which a person tries the model."""

from prompt2model.demo_creator.creator import DemoCreator, DemoCreatorConfig
from prompt2model.demo_creator.server import launch_demo

__all__ = ["DemoCreator", "DemoCreatorConfig", "launch_demo"]
