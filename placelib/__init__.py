"""placelib: one shared needs assessment for a place, mapped by ward, and carried through to commissioning.

>>> import placelib
>>> place = placelib.open_place("brighton-and-hove")
>>> place.settings.name
'Brighton and Hove'
"""

from placelib.errors import DisclosureError, InputFaults, PlacelibError
from placelib.place import Place, open_place
from placelib.publish.charts import against_each, compare_dots, direct_and_modelled, rank_dots, response_dots
from placelib.publish.maps import small_multiples, ward_map
from placelib.publish.series import control_chart
from placelib.publish.tables import cards, prose, show

__version__ = "0.1.0"
__all__ = [
    "DisclosureError",
    "InputFaults",
    "Place",
    "PlacelibError",
    "against_each",
    "cards",
    "compare_dots",
    "control_chart",
    "direct_and_modelled",
    "open_place",
    "prose",
    "rank_dots",
    "response_dots",
    "show",
    "small_multiples",
    "ward_map",
]
