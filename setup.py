"""Maps the repository's top folders to `worldwright.<folder>`; all else is in pyproject.toml.

Sub-packages at any depth are found: a new one needs an `__init__.py` and no change here.
"""

from setuptools import find_packages, setup

FOLDERS = ("agent", "envs", "experiments", "planning", "world_model")

setup(
    packages=[
        f"worldwright.{package}"
        for folder in FOLDERS
        for package in (folder, *(f"{folder}.{sub}" for sub in find_packages(folder)))
    ],
    package_dir={f"worldwright.{folder}": folder for folder in FOLDERS},
    package_data={"": ["py.typed", "**/*.json", "**/*.pddl", "**/*.html", "**/*.twl2", "**/*.txt"]},
)
