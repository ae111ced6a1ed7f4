"""Runs first in a Python program that is started inside a cassette: the program joins that cassette.

``PYTHONPATH`` or ``promptecho_child.pth`` makes its folder the first of ``sys.path`` there. In a process of
multiprocessing it is run by path, with the ticket in ``TICKET``. Rule: nothing that it meets may stop the program, and
nothing may stay unsaid.
"""

import json
import os
import sys


def _join(ticket):
    said = "the cassette that is open where it was started"
    try:
        with open(ticket, encoding="ascii") as file:
            known = json.load(file)
        said = known["cassette"]
        _make_importable(known)
        from promptecho._session import joining

        joining.join(known, ticket)
    except FileNotFoundError:  # the process that opened the cassette has closed it
        _refuse(ticket)
    except BaseException as problem:
        why = "%s: %s" % (type(problem).__name__, problem)
        text = "this process can't join %s (%s), so its calls go around it" % (said, why)
        sys.stderr.write("promptecho: %s\n" % text)
        try:
            line = json.dumps(["outside", "%s: %s" % (sys.executable, text)])
            with open(os.path.join(os.path.dirname(ticket), "%d.events" % os.getpid()), "a", encoding="ascii") as file:
                file.write(line + "\n")
        except OSError:
            pass


def _refuse(ticket):
    try:
        from promptecho._session import joining
    except ImportError as problem:
        sys.stderr.write("promptecho: this process was started in a cassette that is closed by now (%s)\n" % problem)
    else:
        joining.join_closed(ticket)


def _make_importable(known):
    """Take the packages from where the first process has them: its path may be another (pytest's ``pythonpath``)."""
    import importlib.util

    for name, init in known["packages"].items():
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if name in sys.modules or (spec is not None and spec.origin == init):
            continue
        if known["python"] != [sys.prefix, *sys.version_info[:2]]:
            if spec is not None:
                continue
            raise ImportError("promptecho is not installed for %s" % sys.executable)
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[os.path.dirname(init)])
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def _run_next():
    """Import the ``sitecustomize`` that would have been there without this one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    this = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as problem:
        if problem.name != "sitecustomize":
            raise
    finally:
        if this is not None:
            sys.modules.setdefault("sitecustomize", this)  # the import of this one ends well


if "TICKET" in globals():
    _join(globals()["TICKET"])
else:
    if os.environ.get("PROMPTECHO_CHILD"):
        _join(os.environ["PROMPTECHO_CHILD"])
    _run_next()
