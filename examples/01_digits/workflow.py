"""Choose, train and judge a classifier for handwritten digits, as one durable workflow."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from manyhands import workflow

SEED = 7
TEST_SHARE = 0.25
RUN_ID = "digits"

# What to try: for each model, the parameters of each candidate.
SWEEP: dict[str, list[dict[str, Any]]] = {
    "k-NN": [{"n_neighbors": k} for k in (1, 3, 5)],
    "SVM": [{"C": c, "gamma": gamma} for c in (1, 10) for gamma in (0.0005, 0.001)],
    "forest": [{"n_estimators": n, "max_features": share} for n in (200, 400) for share in ("sqrt", 0.3)],
    "logistic": [{"C": c} for c in (0.1, 1, 10)],
    "network": [{"units": units} for units in (64, 128)],
}
QUICK_SWEEP: dict[str, list[dict[str, Any]]] = {
    "k-NN": [{"n_neighbors": 3}],
    "SVM": [{"C": 10, "gamma": gamma} for gamma in (0.0005, 0.001)],
    "forest": [{"n_estimators": 30, "max_features": share} for share in ("sqrt", 0.3)],
    "logistic": [{"C": 10}],
}


def make_model(model: str, params: dict[str, Any]) -> Any:
    if model == "k-NN":
        return KNeighborsClassifier(**params)
    if model == "SVM":
        return SVC(**params)
    if model == "forest":
        return RandomForestClassifier(**params, random_state=SEED)
    if model == "logistic":
        return make_pipeline(MinMaxScaler(), LogisticRegression(**params, max_iter=2000))
    if model == "network":
        return make_pipeline(MinMaxScaler(), MLPClassifier([params["units"]], max_iter=1000, random_state=SEED))
    raise ValueError(f"no model is called {model!r}; known: {', '.join(SWEEP)}")


def label(model: str, params: dict[str, Any]) -> str:
    return "-".join([model, *map(str, params.values())])


def note(ledger: str, step: str) -> None:
    """Add one line to the ledger: the trace by which a reader can tell how often a step really ran."""
    # One write to a file opened for appending: lines of parallel workers cannot mix.
    with open(ledger, "ab", buffering=0) as file:
        file.write(f"{step}\t{os.getpid()}\n".encode())


@workflow.step(name="load", metadata={"source": "sklearn.datasets.load_digits"})
def load(ledger: str) -> dict[str, Any]:
    note(ledger, "load")
    images, digits = load_digits(return_X_y=True)
    return {"images": images.astype(np.uint8), "digits": digits}


@workflow.step(name="split", metadata={"seed": SEED, "test_share": TEST_SHARE})
def split(ledger: str, data: dict[str, Any], folds: int) -> dict[str, Any]:
    """Keep a test part aside, and cut the rest into folds, each with every digit in equal share."""
    note(ledger, "split")
    images, test_images, digits, test_digits = train_test_split(
        data["images"], data["digits"], test_size=TEST_SHARE, random_state=SEED, stratify=data["digits"]
    )
    cuts = StratifiedKFold(folds, shuffle=True, random_state=SEED).split(images, digits)
    return {
        "images": images,
        "digits": digits,
        "test_images": test_images,
        "test_digits": test_digits,
        "folds": [{"fit": fit, "score": score} for fit, score in cuts],
    }


@workflow.step
def score_fold(ledger: str, parts: dict[str, Any], model: str, params: dict[str, Any], fold: int) -> dict[str, Any]:
    note(ledger, f"{label(model, params)}-fold-{fold}")
    cut = parts["folds"][fold]
    with threadpool_limits(1):  # the steps run side by side; one core each
        fitted = make_model(model, params).fit(parts["images"][cut["fit"]], parts["digits"][cut["fit"]])
        score = fitted.score(parts["images"][cut["score"]], parts["digits"][cut["score"]])
    return {"model": model, "params": params, "fold": fold, "score": float(score)}


@workflow.step(name="choose", metadata={"rule": "best mean score over the folds"})
def choose(ledger: str, scores: list[dict[str, Any]]) -> dict[str, Any]:
    note(ledger, "choose")
    rows: dict[str, dict[str, Any]] = {}
    for entry in scores:
        row = rows.setdefault(
            label(entry["model"], entry["params"]),
            {"model": entry["model"], "params": entry["params"], "fold_scores": []},
        )
        row["fold_scores"].append(entry["score"])
    for row in rows.values():
        row["mean_score"] = float(np.mean(row["fold_scores"]))
    table = sorted(rows.values(), key=lambda row: row["mean_score"], reverse=True)
    return {"chosen": table[0], "candidates": table}


@workflow.step(name="retrain", metadata={"data": "all training images"})
def retrain(ledger: str, parts: dict[str, Any], choice: dict[str, Any]) -> Any:
    note(ledger, "retrain")
    best = choice["chosen"]
    with threadpool_limits(1):
        return make_model(best["model"], best["params"]).fit(parts["images"], parts["digits"])


@workflow.step(name="evaluate", metadata={"data": "the test part, not seen before"})
def evaluate(ledger: str, parts: dict[str, Any], model: Any) -> dict[str, Any]:
    note(ledger, "evaluate")
    truth, guess = parts["test_digits"], model.predict(parts["test_images"])
    precision, recall, f1, count = precision_recall_fscore_support(truth, guess)
    return {
        "images": {"train": len(parts["digits"]), "test": len(truth)},
        "accuracy": float(np.mean(truth == guess)),
        "per_class": {
            str(digit): {
                "precision": float(precision[digit]),
                "recall": float(recall[digit]),
                "f1": float(f1[digit]),
                "images": int(count[digit]),
            }
            for digit in range(10)
        },
        "confusion": confusion_matrix(truth, guess).tolist(),
    }


@workflow.step(name="draw", metadata={"file": "confusion.png"})
def draw(ledger: str, verdict: dict[str, Any], path: str) -> str:
    note(ledger, "draw")
    counts = np.array(verdict["confusion"])
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(
        title=f"Digits in the test part: {verdict['accuracy']:.1%} right",
        xlabel="read as",
        ylabel="written",
        xticks=range(10),
        yticks=range(10),
    )
    axes.imshow(counts, cmap="Blues")
    for written, read in zip(*counts.nonzero(), strict=True):
        colour = "white" if counts[written, read] > counts.max() / 2 else "black"
        axes.text(read, written, str(counts[written, read]), ha="center", va="center", color=colour)
    figure.savefig(path, dpi=120)
    return path


@workflow.step(name="report", metadata={"file": "report.json"})
def report(ledger: str, verdict: dict[str, Any], choice: dict[str, Any], picture: str, path: str) -> dict[str, Any]:
    note(ledger, "report")
    content = {**verdict, **choice, "confusion_png": Path(picture).name}
    Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return {"accuracy": verdict["accuracy"], "report": path, "picture": picture}


def build(out: str, quick: bool = False) -> Any:
    """Return the whole workflow, not yet started; its files go to the folder `out`."""
    sweep, folds = (QUICK_SWEEP, 3) if quick else (SWEEP, 5)
    ledger = str(Path(out) / "ledger.txt")
    parts = split.step(ledger, load.step(ledger), folds)
    # Fold by fold, so that cheap and costly candidates alternate and the time left is told well.
    scores = [
        score_fold.options(
            name=f"{label(model, params)}-fold-{fold}", metadata={"model": model, "params": params, "fold": fold}
        ).step(ledger, parts, model, params, fold)
        for fold in range(folds)
        for model, candidates in sweep.items()
        for params in candidates
    ]
    choice = choose.step(ledger, scores)
    verdict = evaluate.step(ledger, parts, retrain.step(ledger, parts, choice))
    picture = draw.step(ledger, verdict, str(Path(out) / "confusion.png"))
    return report.step(ledger, verdict, choice, picture, str(Path(out) / "report.json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(Path(__file__).parent / "out"), help="folder for the store and the files")
    parser.add_argument("--quick", action="store_true", help="a small sweep that takes seconds")
    options = parser.parse_args()
    out = Path(options.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    workflow.init(storage=f"sqlite:///{out}/store.db")
    outcome = build(str(out), options.quick).run(
        RUN_ID,
        metadata={"data": "scikit-learn digits", "images": 1797, "seed": SEED, "quick": options.quick},
        progress=True,
    )
    print(f"{outcome['accuracy']:.1%} of the test images read right; see {outcome['report']}")


if __name__ == "__main__":
    main()
