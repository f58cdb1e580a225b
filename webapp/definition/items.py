"""Questions, as `webapp.items` has them."""

from webapp.items import Choice, FreeText, Item, Likert, Number, Option, YesNo

__all__ = ["Choice", "FreeText", "Item", "Likert", "Number", "Option", "YesNo"]
