"""Maps, read by their parts: the face of each ward, its hatch, its outline, its name."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from PIL import Image
from shown import CODES, HOSTILE, NAMES, burglary, needs, wards

from placelib.errors import DisclosureError, PlacelibError
from placelib.gate import open_table
from placelib.publish.maps import LUMINANCES, NO_FIGURE, UNSURE, breaks, shades, small_multiples, ward_map

DOMAINS = {"safety_score": "Safety", "work_score": "Work"}


def parts_of(figure, axes=0):
    """The patches of a map by their id; the wards' faces have the bare code."""
    return {patch.get_gid(): patch for patch in figure.canvas.axes[axes].patches}


def faces_of(figure, axes=0):
    """Face colours in the order of the wards."""
    parts = parts_of(figure, axes)
    return [to_hex(parts[code].get_facecolor()) for code in CODES]


def names_of(figure):
    """What is written on each ward."""
    return {text.get_gid(): text.get_text() for text in figure.canvas.axes[0].texts if text.get_gid()}


def key_of(figure):
    """The words of the key."""
    return [text.get_text() for text in figure.canvas.axes[-1].get_legend().get_texts()]


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    encoded = np.array(to_rgb(colour))
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


@settings(deadline=None)
@given(st.integers(0, 0xFFFFFF).map("#{:06x}".format))
def test_every_hue_has_the_same_five_greys(colour):
    """Printed in grey, maps of all domains look alike and their shades stay apart."""
    assert [luminance(shade) for shade in shades(colour)] == pytest.approx(LUMINANCES, abs=0.01)


def test_scores_keep_their_shades_across_places():
    """A score has the shade of its distance from 100, whatever the other wards are."""
    assert faces_of(ward_map(wards(), needs(), "score")) == [shades()[place] for place in (4, 3, 2, 1, 0)]
    level = needs(score=[100.0] * 5)
    assert set(faces_of(ward_map(wards(), level, "score"))) == {shades()[2]}


def test_an_indicator_is_shaded_by_its_distance_from_england():
    """England's 10 gives the limits 6.7, 8.7, 11.5 and 15; without England the place's 12 is the level."""
    limits, level = breaks(burglary().frame, "value")
    assert (limits.tolist(), level) == ([6.7, 8.7, 11.5, 15.0], "England")
    alone = burglary().where(lambda frame: frame["area_type"] != "england")
    assert breaks(alone.frame, "value")[1] == "Northby"
    assert "8.7 to 11.5: near England" in key_of(ward_map(wards(), burglary()))


def test_the_key_has_no_more_than_every_one_of_a_hundred():
    """Near 70% the darkest shade would begin at 105%: the key ends with the one before."""
    frame = burglary().frame.assign(unit="% of adults")
    frame.loc[frame["area_type"] == "england", "value"] = 70.0
    key = key_of(ward_map(wards(), open_table(frame, "Unsafe")))
    assert [words for words in key if words[0].isdigit()] == [
        "80.5 or more",
        "60.9 to 80.5: near England",
        "46.9 to 60.9",
    ]


def test_no_figure_is_hatched_unreliable_is_dotted_and_both_are_in_the_key():
    """Suppressed and absent wards are white and hatched: not the shade of a low value."""
    table = burglary().where(lambda frame: frame["area_name"] != "Tiny")
    figure = ward_map(wards(), table)
    parts = parts_of(figure)
    assert [parts[code].get_hatch() for code in CODES] == [None, UNSURE, None, NO_FIGURE, NO_FIGURE]
    assert faces_of(figure)[3:] == ["#ffffff", "#ffffff"]
    assert {"Uncertain", "No figure to show"} <= set(key_of(figure))
    assert "No figure: Hill and Tiny." in figure.alt


def test_only_wards_that_are_sure_have_a_thick_outline():
    """Certainty is an outline and a word in the key, and absent where nothing is sure."""
    parts = parts_of(ward_map(wards(), needs(), "score"))
    assert {name for name in parts if name.startswith("sure")} == {f"sure {CODES[0]}", f"sure {CODES[1]}"}
    assert parts[f"sure {CODES[0]}"].get_linewidth() > 3 * parts[f"outline {CODES[2]}"].get_linewidth()
    assert "Surely in the five with most need" in key_of(ward_map(wards(), needs(), "score"))
    unsure = ward_map(wards(), needs(sure=()), "score")
    assert not [name for name in parts_of(unsure) if name.startswith("sure")]
    assert "Surely in the five with most need" not in key_of(unsure)


def test_wards_are_named_and_those_too_small_are_numbered_at_the_foot():
    """The sliver gets a number; names are broken so that they lie in their ward."""
    figure = ward_map(wards(), needs(), "score")
    names = names_of(figure)
    assert names[f"name {CODES[0]}"] == "Wish"
    assert names[f"name {CODES[2]}"].split() == "St Mark's & Quay".split()
    assert names[f"name {CODES[4]}"] == "1"
    assert figure.canvas.texts[2].get_text().startswith("Numbered wards: 1 Tiny. Ward outlines")


def test_the_key_lies_below_the_map():
    """Of a wide place and of a tall one."""
    turned = wards().frame.assign(geometry=wards().frame.rotate(90, origin=(0, 0)))
    for place in (wards(), open_table(turned, "Wards")):
        drawn, key = ward_map(place, needs(), "score").canvas.axes
        assert key.get_position().y1 <= drawn.get_position().y0


@pytest.mark.parametrize(("times", "said"), [(0.3, "0.5 km"), (1, "1 km"), (2, "2 km"), (20, "20 km")])
def test_the_bar_of_distance_can_be_measured(times, said):
    """Up to one and a third inches long, and not too short to see, in a county as in a borough."""
    frame = wards().frame.assign(geometry=wards().frame.scale(times, times, origin=(0, 0)))
    figure = ward_map(open_table(frame, "Wards"), needs(), "score")
    (bar,) = [artist for artist in figure.canvas.axes[0].artists if isinstance(artist, AnchoredSizeBar)]
    assert bar.txt_label.get_text() == said


def test_words_of_the_map():
    """The finding is the title, the subject (and that it is made up) the subtitle; outlines are told of at the foot."""
    figure = ward_map(wards(), needs(), "score")
    title, subtitle, foot = (" ".join(text.get_text().split()) for text in figure.canvas.texts)
    assert title == "Wish and Regency are among the five wards that need most, and we are sure of both"
    assert subtitle == "Overall need by ward, from 26 indicators compared with England (illustrative data)"
    assert "Ward outlines are approximate." in foot
    assert "Darkest: Wish. Lightest: Tiny." in figure.alt
    milder = ward_map(wards(), needs(score=[120.0, 118.0, 101.5, 80.0, 80.0]), "score")
    assert "Darkest: Wish and Regency. Lightest: Hill and Tiny." in milder.alt
    assert ward_map(wards(), needs(), "score", title="Mine").data.caption.startswith("Mine")


def test_wards_that_have_only_one_group_are_still_mapped():
    """A table of women by ward has no row for everyone, and is mapped all the same."""
    frame = pd.DataFrame({"area_code": CODES, "area_name": NAMES, "area_type": "ward", "category": "female"})
    figure = ward_map(wards(), open_table(frame.assign(residents=[1, 2, 3, 4, 5]), "Women"), "residents")
    assert faces_of(figure) == shades()


def test_small_maps_share_their_shades_and_claim_no_certainty():
    """Each domain has a map; the same score has the same shade on each; overall certainty is not shown on them."""
    figure = small_multiples(wards(), needs(), names=DOMAINS)
    assert faces_of(figure, 0) == [shades()[place] for place in (0, 1, 2, 3, 4)]
    assert set(faces_of(figure, 1)) == {shades()[2]}
    assert not [name for axes in (0, 1) for name in parts_of(figure, axes) if name and name.startswith("sure")]
    assert [axes.get_title(loc="left") for axes in figure.canvas.axes[:2]] == ["Safety", "Work"]
    words = " ".join(text.get_text() for text in figure.canvas.texts).replace("\n", " ")
    assert all(part in words for part in ("Need in each domain by ward", "single domains are not"))
    assert not [name for name in NAMES if name in words]
    assert "Darkest: Safety: Tiny. Work: none." in figure.alt


@pytest.mark.parametrize(
    "draw", [lambda: ward_map(wards(), needs(), "score"), lambda: small_multiples(wards(), needs(), names=DOMAINS)]
)
def test_the_same_tables_give_the_same_small_picture(draw):
    """Bytes are equal and under 60 KB."""
    first, second = draw(), draw()
    assert first.png == second.png
    assert len(first.png) < 60_000


def test_few_colours_keep_every_shade():
    """The shades that a reader compares with the key are the same to the last bit in the picture."""
    picture = Image.open(io.BytesIO(ward_map(wards(), needs(), "score").png)).convert("RGB")
    seen = {to_hex(np.array(colour) / 255) for _, colour in picture.getcolors(1_000_000)}
    assert {*shades(), "#ffffff"} <= seen


def test_tables_that_have_not_passed_the_gate_are_refused():
    """Neither the values nor the outlines may come from elsewhere."""
    with pytest.raises(DisclosureError, match="has not passed the gate"):
        ward_map(wards(), needs().frame, "rank")
    with pytest.raises(DisclosureError, match="has not passed the gate"):
        ward_map(wards().frame, needs(), "score")


ELSEWHERE = open_table(needs().frame.assign(ward_code="E05009999"), "Need elsewhere")
TWICE = open_table(pd.concat([needs().frame] * 2, ignore_index=True).assign(indicator_id=list("abcdefghij")), "Twice")


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: ward_map(wards(), needs()), "no column 'value' in 'Overall need by ward'"),
        (lambda: ward_map(needs(), needs(), "score"), "no column 'geometry'"),
        (lambda: ward_map(wards(), ELSEWHERE, "score"), "No ward of 'Need elsewhere' is among the outlines"),
        (lambda: ward_map(wards(), TWICE, "score"), "2 rows of 'Twice' are for 'Hill': keep one, .*indicator_id='d'"),
        (lambda: small_multiples(wards(), burglary(), names=DOMAINS), "no column 'ward_name' in 'Shared indicators'"),
    ],
)
def test_a_map_that_would_mislead_is_refused(draw, words):
    """Columns that are not there, wards of another place, several rows a ward: the message says which."""
    with pytest.raises(PlacelibError, match=words):
        draw()


def test_a_hostile_name_is_only_written():
    """It stands on the map as it is, and is escaped in the table behind it."""
    names = [HOSTILE, *NAMES[1:]]
    figure = ward_map(wards(names), needs(names), "score")
    assert HOSTILE in [*names_of(figure).values(), *(row[0] for row in figure.data.rows)]
    assert "<script" not in figure.data._repr_html_()
