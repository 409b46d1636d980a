"""Turn a folder of texts, one sub-folder per kind, into documents: the training text of the bundled demo model.

    python demo/gather_text.py TEXTS build/demo/text

`TEXTS/<kind>/*.txt` holds plain text; a line `<|endoftext|>` ends a document. Long texts are cut at paragraph
borders into documents of about 2,000 characters. The kind `code` is filled from Python's own standard library.
Writes `<kind>.train.txt` and `<kind>.valid.txt` (every 40th document), documents separated by `<|endoftext|>`.
`sae_widgets/demo/SOURCES.md` lists what the shipped bundle was trained on, with licences.
"""

import argparse
import re
import sysconfig
from pathlib import Path

SEPARATOR = "<|endoftext|>"
DOCUMENT_CHARACTERS = 2_000
# Kinds differ in size; the cap keeps one of them (scripture, code) from crowding out the rest.
MAX_CHARACTERS_PER_KIND = 3_200_000
VALID_EVERY = 40
# Mixed quote styles would make features learn typography instead of meaning.
TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2014": "--",
        "\u2013": "-",
        "\u2026": "...",
        "\ufeff": "",
        "\r": "",
    }
)


def clean(text: str) -> str:
    """`text` with one quote style, unwrapped prose, and the spaced-out punctuation of WikiText joined again."""
    text = text.translate(TYPOGRAPHY)
    if "<unk>" in text:
        text = re.sub(r"[^.\n]*<unk>[^.\n]*<unk>[^.\n]*\.?", "", text).replace("<unk> ", "")
        text = re.sub(r" @(.)@ ", r"\1", text)
        text = re.sub(r" ([,.;:!?%)\]'])", r"\1", text)
        text = re.sub(r"([(\[]) ", r"\1", text)
        text = re.sub(r'" ([^"\n]*?) "', r'"\1"', text)
        text = re.sub(r"^ +", "", text, flags=re.M)
    paragraphs = (p for p in re.split(r"\n\s*\n", text) if p.strip())
    return "\n\n".join(unwrap(p) for p in paragraphs)


def unwrap(paragraph: str) -> str:
    """One line for a paragraph of prose set to a fixed width; verse and lists keep their lines."""
    lines = paragraph.split("\n")
    is_prose = len(lines) > 1 and sum(map(len, lines[:-1])) / (len(lines) - 1) > 55
    return " ".join(line.strip() for line in lines) if is_prose else paragraph.strip("\n")


def documents(text: str, is_code: bool = False) -> list[str]:
    """The documents of one file: given ones stay whole, long ones are cut at blank lines."""
    result = []
    for part in text.split(SEPARATOR):
        document, size = [], 0
        for paragraph in (part if is_code else clean(part)).split("\n\n"):
            document.append(paragraph)
            size += len(paragraph)
            if size >= DOCUMENT_CHARACTERS:
                result.append("\n\n".join(document))
                document, size = [], 0
        if size > 80:
            result.append("\n\n".join(document))
    return result


def standard_library() -> list[str]:
    """Python's own modules, tests and generated tables left out."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = set(path.relative_to(root).parts)
        if parts & {"test", "tests", "idle_test", "site-packages", "encodings", "lib2to3", "turtledemo", "pydoc_data"}:
            continue
        source = path.read_text("utf-8", errors="replace")
        if source.isascii() and len(source) > 400:
            found.extend(documents(source, is_code=True))
    return found


def gather(texts: Path, out: Path) -> None:
    """Write the train and valid file of every kind under `texts`, and print their sizes."""
    out.mkdir(parents=True, exist_ok=True)
    kinds = {
        folder.name: [d for f in sorted(folder.rglob("*.txt")) for d in documents(f.read_text("utf-8"))]
        for folder in sorted(texts.iterdir())
        if folder.is_dir()
    }
    kinds["code"] = kinds.get("code", []) + standard_library()
    for kind, found in kinds.items():
        stride = max(1.0, sum(map(len, found)) / MAX_CHARACTERS_PER_KIND)
        kept = [found[int(i * stride)] for i in range(int(len(found) / stride))]
        valid = kept[::VALID_EVERY]
        train = [d for i, d in enumerate(kept) if i % VALID_EVERY]
        for name, docs in (("train", train), ("valid", valid)):
            (out / f"{kind}.{name}.txt").write_text(f"\n{SEPARATOR}\n".join(docs) + "\n", "utf-8")
        print(f"{kind:12} {len(train):6} documents {sum(map(len, train)):9,} characters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, help="folder with one sub-folder per kind")
    parser.add_argument("out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    gather(arguments.texts, arguments.out)
