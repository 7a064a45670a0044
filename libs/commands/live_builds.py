"""Which build of each read model is the live one: looked up once, and again when it was swapped away."""

from libs.bus.reader import Partition
from libs.db.pool import Database
from libs.projection.builds import Build
from libs.projection.live_build import open_live
from libs.projection.model import AnyReadModel
from schemas.topics import topics


class LiveBuilds:
    """Finds live builds, and makes them (empty) where there are none yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Build] = {}

    async def live(self, model: AnyReadModel) -> Build:
        """The live build, with a checkpoint for every partition; raises OtherVersion."""
        build = self._known.get(model.name)
        if build is None:
            partitions = {Partition(name, n) for name in model.topics for n in range(topics()[name].partitions)}
            build, _ = await open_live(self._database, model, partitions)
            self._known[model.name] = build
        return build

    def forget(self) -> None:
        """Look again: a swap has come between."""
        self._known.clear()
