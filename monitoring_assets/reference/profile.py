"""The stored reference profile of a version."""

from typing import TYPE_CHECKING

from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.profiles.profile import Profile


def read_reference(store: Store, key: str) -> "Profile":
    """The reference profile of a version, as ``reference_profile`` left it.

    Raises
    ------
    NotMaterialisedError
        If it has not been made.
    """
    from monitoring_assets.statistics.profiles.profile import Profile

    return Profile.from_table(store.read_table("reference_profile", key)[0])
