"""Asset ``report_page``: the day as a page for people, made from the store alone."""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from monitoring_assets.assets.alerts import alerts
from monitoring_assets.assets.spec import day_spec
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.materialise import materialise_each
from resources import layout
from resources.delivery.links import page_link
from resources.errors import StorageError
from resources.store import Store


@dg.multi_asset(
    specs=[
        day_spec(
            __name__,
            deps=[alerts],
            kinds={"html"},
            description="One file of HTML: what moved, since when, for whom, how the model "
            "performs, and what was decided.",
        )
    ],
)
def report_page(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Write the page of the day, and after the last one what shows more than a day."""
    from monitoring_assets.pages.day_content import read_day
    from monitoring_assets.pages.day_page import day_page, unmade_page
    from monitoring_assets.pages.model_content import read_year
    from monitoring_assets.pages.model_page import model_page
    from monitoring_assets.pages.summary import summary_of

    def compute(day: ModelDay) -> dict[str, object]:
        shown: dict[str, object] = {"path": store.storage.url(layout.page(day.key, day.day))}
        if link := page_link(day.key, day.day):
            shown["page"] = dg.MetadataValue.url(link)
        is_last = day.day >= max(store.days("alerts", day.key), default=dt.date.min)

        def of_day() -> str:
            content = read_day(store, day.key, day.day)
            if is_last:
                summary = summary_of(content).model_dump_json()
                store.storage.write(layout.summary(day.key), summary.encode())
            shown["verdict"] = content.verdict
            return day_page(content)

        def write(path: str, make: Callable[[], str]) -> None:
            try:
                page = make()
            except StorageError:
                raise
            except Exception as error:
                # The day is measured and decided: this is no fault of the model.
                context.log.exception(f"{day.partition}: {path} could not be made")
                shown["error"] = f"{type(error).__name__}: {error}"
                page = unmade_page(day.key, day.day, f"{type(error).__name__}: {error}")
            store.storage.write(path, page.encode())

        write(layout.page(day.key, day.day), of_day)
        if is_last:
            write(
                layout.model_page(day.key),
                lambda: model_page(read_year(store, store.landed(day.key).manifest, day.day)),
            )
        return shown

    return materialise_each(context, store, compute)
