"""The stored reference profile of a version."""

from typing import TYPE_CHECKING

from resources.store import NotMaterialisedError, Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.surrogate import Surrogate
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


def read_surrogate(store: Store, key: str) -> "Surrogate | None":
    """The additive model of a version's score; None if ``reference_profile`` could fit none."""
    from monitoring_assets.statistics.drift.surrogate import Surrogate

    try:
        table, notes = store.read_table("reference_effects", key)
    except NotMaterialisedError:
        return None
    return Surrogate.from_table(table, notes["r2"])
