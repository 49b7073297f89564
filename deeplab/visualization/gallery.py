"""A gallery of labelled images: one HTML file and its pictures."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo

_STYLE = """
body { font: 14px sans-serif; margin: 1.5em; background: #fafafa; color: #222 }
header { position: sticky; top: 0; background: #fafafa; padding: .5em 0; z-index: 1 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr));
  gap: 1em }
figure { margin: 0; background: #fff; border: 1px solid #ddd; padding: .5em }
figure div { position: relative }
img { width: 100%; display: block }
figure div:hover img + img { opacity: 0 }
img + img { position: absolute; top: 0; left: 0 }
figcaption { overflow-wrap: anywhere; margin-top: .4em }
small { color: #666 }
"""
# Hides the images without the selected class.
_SCRIPT = """
document.getElementById("class").addEventListener("change", event => {
  for (const figure of document.querySelectorAll("figure")) {
    const ids = figure.dataset.classes.split(" ");
    figure.hidden = event.target.value !== "" && !ids.includes(event.target.value);
  }
});
"""


class Card(NamedTuple):
    """One image of the page.

    Attributes:
      name: name of the image.
      place: location of its record.
      image: path of the picture without labels, relative to the page.
      overlay: path of the picture with labels, relative to the page.
      class_ids: classes in the image.
      text: description of the image.
    """

    name: str
    place: str
    image: str
    overlay: str
    class_ids: tuple[int, ...]
    text: str


def write_gallery(
    path: Path, title: str, cards: Sequence[Card], info: DatasetInfo
) -> None:
    """Writes the page; it hides labels under the pointer and has a menu of classes.

    Args:
      path: path of the HTML file.
      title: heading of the page.
      cards: images of the page.
      info: description of the data set.
    """
    shown = {class_id for card in cards for class_id in card.class_ids}
    options = "".join(
        f'<option value="{c.id}">{html.escape(c.name)}</option>'
        for c in info.classes
        if c.id in shown
    )
    figures = "\n".join(map(_figure, cards))
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{_STYLE}</style></head><body>
<header><b>{html.escape(title)}</b> {len(cards)} images
<select id="class"><option value="">all classes</option>{options}</select>
<small>hover over an image to hide its labels</small></header>
<main>
{figures}
</main><script>{_SCRIPT}</script></body></html>
"""
    with atomic_file(path) as file:
        file.write(page.encode())


def _figure(card: Card) -> str:
    classes = " ".join(map(str, card.class_ids))
    return (
        f'<figure data-classes="{classes}"><div>'
        f'<img loading="lazy" src="{html.escape(card.image)}" alt="">'
        f'<img loading="lazy" src="{html.escape(card.overlay)}" alt=""></div>'
        f"<figcaption>{html.escape(card.name)} <small>{html.escape(card.place)}</small>"
        f"<br>{html.escape(card.text)}</figcaption></figure>"
    )
