"""All of a client that openapi-python-client has made: every module compiles and can be imported,
and every operation puts a request together. The package `nexavpn_client` is on PYTHONPATH.

    python whole.py
"""

import compileall
import importlib
import inspect
import pkgutil
import sys
import tempfile
from unittest.mock import MagicMock

import nexavpn_client

# The generator tells bodies of several media types apart by `isinstance(body, list[...])`, which
# Python refuses: whoever imports users with this client sends that request by hand.
UNUSABLE = {"nexavpn_client.api.users.users_import"}


def modules():
    """Every module of the package."""
    found = pkgutil.walk_packages(nexavpn_client.__path__, "nexavpn_client.")
    return [importlib.import_module(module.name) for module in found]


def asks(module):
    """Whether the operation of a module puts a request together with all that it may hold."""
    names = inspect.signature(module._get_kwargs).parameters
    try:
        module._get_kwargs(**{name: MagicMock() for name in names})
    except TypeError as error:
        print(f"{module.__name__}: {error}")
        return False
    return True


def main():
    with tempfile.TemporaryDirectory() as sys.pycache_prefix:
        assert compileall.compile_dir(nexavpn_client.__path__[0], quiet=1, force=True)
    operations = [module for module in modules() if hasattr(module, "_get_kwargs")]
    unusable = {module.__name__ for module in operations if not asks(module)}
    assert unusable == UNUSABLE, unusable
    print(f"{len(operations)} operations")


if __name__ == "__main__":
    main()
    print("done")
