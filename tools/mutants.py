"""Careless mistakes, one at a time, in a copy of this repository: which of them does a check see?

    python tools/mutants.py            # all, about 25 minutes on two cores
    python tools/mutants.py tanh beta  # those with such a word in their name

A chapter's code is run in its quick form, so that only its assertions count: that its record became
stale would see every change, and tells nothing. A text is seen by `bookc lint`, and code of bookc
and of the library by its own tests. Each check has to pass on the copy before it is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DCGAN, GAN = "chapters/images/dcgan.md", "chapters/game/gan.md"
LIMIT = 600  # seconds for one check


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        name: what it is, in words.
        file: where it is made.
        before, after: the text that is replaced, and what takes its place.
        check: the words of the check: `quick TAB SECTION`, `lint`, or test files; `saved TAB
            SECTION` brings what chapters save to the library first.
        which: of several places with this text, from 0.
    """

    name: str
    file: str
    before: str
    after: str
    check: str
    which: int = 0


def dcgan(tab: str, name: str, before: str, after: str, which: int = 0) -> Mutant:
    return Mutant(f"{tab}: {name}", DCGAN, before, after, f"quick {tab} images/dcgan", which)


def text(name: str, file: str, before: str, after: str) -> Mutant:
    return Mutant(f"text: {name}", file, before, after, "lint")


SHIM, BOOKC = "d2l_shim/helpers", "bookc"
SLOPE = "alpha: float = 0.2"
MUTANTS = (
    dcgan("pytorch", "beta_1 0.9 for 0.5", "betas=(0.5, 0.999)", "betas=(0.9, 0.999)"),
    dcgan("tensorflow", "beta_1 0.9 for 0.5", "beta_1=0.5, beta_2", "beta_1=0.9, beta_2"),
    dcgan("mxnet", "beta_1 0.9 for 0.5", "'beta1': 0.5", "'beta1': 0.9"),
    dcgan("pytorch", "slope 0.02 for 0.2", SLOPE, "alpha: float = 0.02", 0),
    dcgan("tensorflow", "slope 0.02 for 0.2", SLOPE, "alpha: float = 0.02", 1),
    dcgan("mxnet", "slope 0.02 for 0.2", SLOPE, "alpha: float = 0.02", 2),
    dcgan("pytorch", "no tanh", "bias=False), nn.Tanh()))", "bias=False)))"),
    dcgan("tensorflow", "no tanh", "use_bias=False, activation='tanh'))", "use_bias=False))"),
    dcgan("mxnet", "no tanh", "activation='tanh'))", "activation=None))", 1),
    dcgan("pytorch", "learning rate times ten", "\nlr = 0.002\n", "\nlr = 0.02\n"),
    dcgan("pytorch", "loss averaged", "(reduction='sum')\n    trainer", "()\n    trainer", 1),
    dcgan(
        "tensorflow",
        "loss averaged",
        "reduction='sum')\n    trainer",
        "reduction='sum_over_batch_size')\n    trainer",
        3,
    ),
    dcgan("pytorch", "labels swapped", "torch.ones_like(real_Y)", "torch.zeros_like(real_Y)"),
    dcgan("mxnet", "labels swapped", "np.zeros_like(fake_Y)", "np.ones_like(fake_Y)"),
    dcgan("pytorch", "weights start ten times too large", "weight, 0, 0.02", "weight, 0, 0.2"),
    dcgan("tensorflow", "gamma drawn around 0", "(w.shape, 1, 0.02)", "(w.shape, 0, 0.02)"),
    dcgan("pytorch", "sampling in training mode", "    net_G.eval()\n", "    net_G.train()\n"),
    dcgan("pytorch", "a block that does not double", "strides: int = 2", "strides: int = 1"),
    Mutant(
        "pytorch: labels swapped in update_D",
        GAN,
        "torch.ones_like(real_Y)",
        "torch.zeros_like(real_Y)",
        "saved pytorch tools/frameworks",
    ),
    Mutant(
        "tensorflow: wrong sign in update_G",
        GAN,
        "loss_G = loss(tf.ones_like(fake_Y), fake_Y)",
        "loss_G = -loss(tf.ones_like(fake_Y), fake_Y)",
        "saved tensorflow tools/frameworks",
    ),
    Mutant(
        "the logit's sign", GAN, "best_logit = numpy.log(p / q)", "best_logit = numpy.log(q / p)",
        "quick pytorch game/gan",
    ),
    Mutant(
        "no bias correction",
        "chapters/tools/adam.md",
        "correction1, correction2 = 1 - beta1**t, 1 - beta2**t",
        "correction1, correction2 = 1, 1",
        "quick mxnet tools/adam",
    ),
    Mutant(
        "a transposed convolution without padding",
        "chapters/tools/transposed-conv.md",
        "return X[p:rows - p, p:cols - p]",
        "return X[:rows - 2 * p, :cols - 2 * p]",
        "quick mxnet tools/transposed-conv",
    ),
    Mutant(
        "the weights of two losses interchanged",
        "chapters/game/generator-loss.md",
        "losses = {'saturating': lambda o: -softplus(o),",
        "losses = {'saturating': lambda o: softplus(-o),",
        "quick pytorch game/generator-loss",
    ),
    Mutant(
        "a gradient that forgets the mean",
        "chapters/tools/frameworks.md",
        "d_h = (d_normal - d_normal.mean()",
        "d_h = (d_normal",
        "quick mxnet tools/frameworks",
    ),
    text("log 2 + JS", GAN, r"\log 2 - \textrm{JS}(p, q).$$", r"\log 2 + \textrm{JS}(p, q).$$"),
    text("a sign in the value", GAN, r"- 2 \log 2." + "\n", r"+ 2 \log 2." + "\n"),
    text("7 for 8 in a shape", DCGAN, r"\right\rfloor + 1 = 8.$$", r"\right\rfloor + 1 = 7.$$"),
    text("31 for 32 in a shape", DCGAN, "- 2 \\cdot 1 = 32.$$", "- 2 \\cdot 1 = 31.$$"),
    text(
        "a size formula",
        "chapters/tools/transposed-conv.md",
        r"n = s (n' - 1) + k - 2p.$$",
        r"n = s (n' - 1) + k + 2p.$$",
    ),
    text(
        "D and 1 - D interchanged",
        "chapters/game/generator-loss.md",
        r"\log (1 - D) &= -D\;",
        r"\log (1 - D) &= -(1 - D)\;",
    ),
    text("a reference to nothing", GAN, ":eqref:`eq_gan_value`", ":eqref:`eq_gan_valu`"),
    Mutant("NHWC read as NCHW", f"{SHIM}/datasets.py", "pixels.transpose(0, 3, 1, 2)",
           "pixels.reshape(len(pixels), 3, *pixels.shape[1:3])", "tests/shim/test_loaders.py "
           "tests/shim/test_images.py"),
    Mutant("pixels in [0, 1]", f"{SHIM}/loader.py", "    floats -= np.float32(1)\n", "",
           "tests/shim/test_loaders.py tests/shim/test_images.py"),
    Mutant("no shuffling", f"{SHIM}/loader.py", "if self._shuffle\n", "if False\n",
           "tests/shim/test_loaders.py"),
    Mutant("a batch too many", f"{SHIM}/loader.py", "whole if self._drop_last or not rest else",
           "whole if not rest else", "tests/shim/test_loaders.py"),
    Mutant("to_images keeps the channels first", f"{SHIM}/torch.py", "transpose(0, 2, 3, 1) / 2",
           "transpose(0, 2, 1, 3) / 2", "tests/shim/test_images.py tests/shim/test_agreement.py "
           "tests/shim/test_loaders.py"),
    Mutant("a mean over the wrong number", "d2l_shim/meter.py", "sum(self.times) / len(self.times)",
           "sum(self.times) / (len(self.times) + 1)", "tests/shim/test_meter.py"),
    Mutant("curves with x and y interchanged", "d2l_shim/plot.py",
           "set_data(self.X[i], self.Y[i])", "set_data(self.Y[i], self.X[i])",
           "tests/shim/test_plot.py"),
    Mutant("outputs joined to the wrong cell", f"{BOOKC}/run/record.py",
           "for digest, cell in code_digests(notebook):\n        fresh = by_code.get(digest)",
           "for digest, cell in list(code_digests(notebook))[1:]:\n        fresh = None",
           "tests/run/test_record.py"),
    Mutant("staleness blind to the library", f"{BOOKC}/run/record.py", "if symbol in cell.source:",
           "if False:", "tests/run/test_record.py tests/run/test_status.py"),
    Mutant("numbers one too high", f"{BOOKC}/read/references.py", "counts[kind] += 1",
           "counts[kind] += 2", "tests/read/test_references.py"),
    Mutant("code that is not escaped", f"{BOOKC}/site/code.py", "        return escape(source)\n",
           "        return Markup(source)\n", "tests/site/test_render.py tests/site/test_page.py "
           "tests/walls/test_rules.py"),
    Mutant("a script that is let through", f"{BOOKC}/site/clean.py", "tags=set(TAGS),",
           'tags={*TAGS, "script"},', "tests/walls/test_outputs.py tests/site/test_render.py"),
    Mutant("files written in place", f"{BOOKC}/disk.py",
           "beside = path.with_name(f\".{path.name[:200]}.{os.getpid()}-{threading.get_ident()}\")",
           "beside = path", "tests/walls/test_disk.py tests/run/test_kernel_faults.py"),
    Mutant("quick values that are not taken", f"{BOOKC}/read/marks.py",
           "(before + mark.value.encode() + after)", "row", "tests/read/test_marks.py"),
    Mutant("a tab's cells seen by all", f"{BOOKC}/notebook/tabs.py", "        if value:\n",
           "        if True:\n", "tests/notebook/test_notebook.py tests/read/test_cells.py "
           "tests/notebook/test_d2lbook.py"),
    Mutant("errors before what was printed", f"{BOOKC}/run/recorder.py",
           '{"stdout": [], "stderr": []}', '{"stderr": [], "stdout": []}',
           "tests/run/test_kernels.py"),
    Mutant("escapes of a terminal recorded", f"{BOOKC}/run/tidy.py", 'ANSI.sub("", text)', "text",
           "tests/run/test_tidy.py"),
    Mutant("a skipped cell that runs", f"{BOOKC}/run/marks.py", '"nbval-skip": SKIPPED,', "",
           "tests/run/test_check.py"),
    Mutant("kernels that are left behind", f"{BOOKC}/run/kernels.py",
           "            machine.kill(machine.marked(MARK, mark))", "            pass",
           "tests/run/test_kernel_faults.py"),
)  # fmt: skip


def check(words: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a check in a copy of the repository."""
    kind, *rest = words.split()
    bookc = [sys.executable, "-m", "bookc"]
    if kind in ("quick", "saved"):
        tab, section = rest
        if kind == "saved":
            subprocess.run([*bookc, "build", "lib"], cwd=root, capture_output=True, check=False)
        command = [*bookc, "execute", "--quick", "--tab", tab, section]
    elif kind == "lint":
        command = [*bookc, "lint"]
    else:
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", kind, *rest]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 124, "", f"longer than {error.timeout} s")


def copy_repository(folder: Path) -> None:
    """A copy of what git knows, with the environments in their places."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, names):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    for environment in ROOT.glob(".venv*"):
        (folder / environment.name).symlink_to(environment)


def replaced(source: str, mutant: Mutant) -> str:
    """The text of a file with one mistake.

    Raises:
        ValueError: the file has no such place any more.
    """
    parts = source.split(mutant.before)
    if len(parts) < mutant.which + 2:
        raise ValueError(f"{mutant.file}: no {mutant.before!r} (number {mutant.which})")
    head = mutant.before.join(parts[: mutant.which + 1])
    return head + mutant.after + mutant.before.join(parts[mutant.which + 1 :])


def main(words: list[str]) -> int:
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        root = Path(name)
        copy_repository(root)
        for words_of_check in dict.fromkeys(mutant.check for mutant in chosen):
            run = check(words_of_check, root)
            if run.returncode:
                print(f"fails without any mistake: {words_of_check}\n{run.stdout}{run.stderr}")
                return 2
        for mutant in chosen:
            file = root / mutant.file
            source = file.read_text(encoding="utf-8")
            file.write_text(replaced(source, mutant), encoding="utf-8")
            begin = time.monotonic()
            run = check(mutant.check, root)
            file.write_text(source, encoding="utf-8")
            is_seen = run.returncode != 0
            said = [line for line in (run.stdout + run.stderr).splitlines() if mutant.file in line]
            about = said[-1].strip()[:110] if said and is_seen else ""
            seconds = time.monotonic() - begin
            print(f"{'seen' if is_seen else 'SURVIVES':8} {seconds:4.0f} s  {mutant.name}  {about}")
            sys.stdout.flush()
            if not is_seen:
                survivors.append(mutant)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mistakes are seen")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
