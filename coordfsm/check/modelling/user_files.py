"""A user's Python file, run as a module that may import the files beside it."""

import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from coordfsm.check.modelling.blame import blamed_on

INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


class FromSource(SourceFileLoader):
    """Compiles a file as it stands now.

    Bytecode is taken for that of a file by length and second of the last change: an edit right after a run would be
    checked as it was before.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The code of the source; nothing is read from or written to a cache."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class Siblings(MetaPathFinder):
    """The modules beside a file, importable while `importable` is entered and not known to anybody else.

    Files and packages beside it are found before what is installed, but not before Python's own modules. Two files
    with a sibling of one name each get their own. What is imported stays with this object, so that the file and its
    functions, called later, mean the same module.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._directory = path.absolute().parent
        self._finders: dict[str, FileFinder] = {}
        self._modules: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module beside the file, or within a package that is."""
        if fullname.partition(".")[0] in sys.stdlib_module_names:
            return None
        for place in [str(self._directory)] if path is None else path:
            if Path(place).is_relative_to(self._directory):
                finder = self._finders.setdefault(place, FileFinder(place, (FromSource, [".py"])))
                spec = finder.find_spec(fullname, target)
                if spec is not None and spec.loader is not None:
                    return spec
        return None

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Let what is beside the file be imported. `sys.path` and what others have imported stay as they are."""
        hidden = {name: module for name, module in sys.modules.items() if self._hides(name, module)}
        for name in hidden:
            del sys.modules[name]
        sys.modules.update(self._modules)
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            found = {name: module for name, module in sys.modules.items() if self._is_of_us(module)}
            self._modules |= found
            for name in found:
                del sys.modules[name]
            sys.modules.update(hidden)

    def _hides(self, name: str, module: ModuleType) -> bool:
        """Whether a module that somebody imported from elsewhere has the name of one beside the file."""
        origin = getattr(module, "__file__", None)
        if origin is None or origin.startswith(INSTALLED) or name.partition(".")[0] == __package__.partition(".")[0]:
            return False
        spec = self.find_spec(name.partition(".")[0], None)
        return spec is not None and not Path(origin).is_relative_to(self._directory)

    def _is_of_us(self, module: ModuleType) -> bool:
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        return isinstance(loader, FromSource) and Path(loader.path).is_relative_to(self._directory)


def run_as_module(path: Path, siblings: Siblings) -> ModuleType:
    """Run a file, which may do what any module may.

    Raises:
        ModelError: it raised something; the file, the line and its text are named.
    """
    loader = FromSource(path.stem, str(path.absolute()))
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with blamed_on(path, "does not run as a module"), siblings.importable():
        loader.exec_module(module)
    return module
