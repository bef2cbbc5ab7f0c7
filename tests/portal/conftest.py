"""The served shop of the API's tests, for the pages that need no sign-in."""

from tests.api.conftest import opened, served_template, shop, shop_folder

__all__ = ["opened", "served_template", "shop", "shop_folder"]
