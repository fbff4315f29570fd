"""What a check found, and which part of the packs it was to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.model.errors import HoldfastError, InvalidInput


@dataclass(frozen=True)
class Subset:
    """Packs whose id falls into part `n` of `t`: the same ones every time, so that all are read after n = 1 to t.

    A pack's id is random and never changes, so packs that come in between move no other pack into another part.
    """

    n: int = 1
    t: int = 1

    @classmethod
    def of(cls, pair: tuple[int, int] | None) -> Subset | None:
        """Raises InvalidInput for a part that is none."""
        if pair is None:
            return None
        n, t = pair
        if not 1 <= n <= t:
            raise InvalidInput(f"{n}/{t} is no part: say 1/{t} to {t}/{t}")
        return cls(n, t)

    def __contains__(self, pack: str) -> bool:
        return int(pack, 16) % self.t == self.n - 1


@dataclass
class CheckProblem:
    """A damaged or missing object, and the points that cannot be read whole because of it.

    `tables`: those that are hit, as schema.name. Where points are hit and no table is, it is the recipe, the layout or
    another entry. `mended`: a repair has made up for it.
    """

    object: str
    what: str
    points: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    mended: bool = False


@dataclass
class CheckReport:
    """What a check found. `notes` are no damage: what writers that died left behind, what could not be read yet."""

    objects: int = 0
    chains: int = 0
    points: int = 0
    packs_read: int = 0
    bytes_read: int = 0
    problems: list[CheckProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged, or not any more."""
        return all(problem.mended for problem in self.problems)

    @property
    def damaged_points(self) -> list[str]:
        """Ids of the points that are hit, sorted."""
        return sorted({point for problem in self.problems for point in problem.points})


def problem_with(name: str, error: HoldfastError) -> CheckProblem:
    """The error as a problem of the object."""
    return CheckProblem(name, error.detail.removeprefix(f"{name}: ") or error.title)
