import argparse
import importlib
import re

import pytest

import deeplab
from deeplab.cli import main as main_lib
from deeplab.cli.main import COMMANDS, main


def stub(error=None, status=0):
    class Command:
        HELP = "stands for a command"

        @staticmethod
        def add_arguments(parser):
            parser.add_argument("--number", type=int)

        @staticmethod
        def run(args):
            if error is not None:
                raise error
            return status

    return Command


@pytest.fixture
def command(monkeypatch):
    """Makes every command the given stub."""

    def use(module):
        monkeypatch.setattr(main_lib.importlib, "import_module", lambda name: module)

    return use


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_keep_the_contract(name):
    module = importlib.import_module(f"deeplab.cli.{COMMANDS[name]}")
    assert module.HELP
    assert "\n" not in module.HELP
    module.add_arguments(argparse.ArgumentParser())
    assert callable(module.run)


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^ +{name}\b", out, re.MULTILINE) for name in COMMANDS)


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"deeplab {deeplab.__version__}\n"


def test_unknown_command_suggests_the_nearest(capsys):
    with pytest.raises(SystemExit) as end:
        main(["exprot"])
    assert end.value.code == 2
    assert "unknown command 'exprot'; did you mean 'export'?" in capsys.readouterr().err


def test_unknown_command_without_neighbour_lists_all(capsys):
    with pytest.raises(SystemExit):
        main(["zzzzzzz"])
    err = capsys.readouterr().err
    assert all(name in err for name in COMMANDS)


def test_no_command_is_one_line(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_argument_is_one_line(command, capsys):
    command(stub())
    with pytest.raises(SystemExit) as end:
        main(["train", "--number", "three"])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("deeplab train: error:")


def test_status_of_the_command_is_returned(command):
    command(stub(status=7))
    assert main(["train"]) == 7


@pytest.mark.parametrize("error", [ValueError("bad crop"), OSError("bad crop")])
def test_user_error_is_one_line(command, capsys, error):
    command(stub(error=error))
    assert main(["train"]) == 2
    assert capsys.readouterr().err == "deeplab: error: bad crop\n"


def test_missing_file_comes_first_in_its_error(command, capsys):
    command(stub(error=FileNotFoundError(2, "No such file or directory", "a.zip")))
    assert main(["train"]) == 2
    expected = "deeplab: error: a.zip: no such file or directory\n"
    assert capsys.readouterr().err == expected


def test_traceback_on_request(command):
    command(stub(error=ValueError("bad crop")))
    with pytest.raises(ValueError, match="bad crop"):
        main(["--traceback", "train"])


def test_error_of_ours_is_not_hidden(command):
    command(stub(error=KeyError("bug")))
    with pytest.raises(KeyError):
        main(["train"])


def test_interrupt(command, capsys):
    command(stub(error=KeyboardInterrupt()))
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "deeplab: interrupted\n"
