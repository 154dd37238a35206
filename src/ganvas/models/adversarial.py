"""Generator against critic: the one objective of every GAN here, whatever its networks and remedies."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.stacking import each, normal
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses import adversarial
from ganvas.models.latent import chosen_classes, decoded, draw
from ganvas.models.settings import CriticSettings, GeneratorSettings, PictureRules, Rules
from ganvas.nn.conditioning import Classifier, Critic
from ganvas.nn.mixture import Mixture
from ganvas.remedies import rejection
from ganvas.remedies.augmentation import Augment, AugmentSettings
from ganvas.remedies.noise import add_noise
from ganvas.remedies.packing import pack, pack_labels
from ganvas.remedies.penalties import (
    between,
    clip_weights,
    distance_from_one,
    squared_gradient,
    weight_decay,
)

Items = Float[Tensor, "batch ..."]
Labels = Int[Tensor, " batch"] | None
Judged = tuple[Float[Tensor, " batch"], Items]
"""Logits, and the items that they are of."""
JUDGED = 1024
"""Items that are judged together."""
Scalar = Float[Tensor, ""]
Asked = Callable[[Items, Labels], Float[Tensor, " batch"]]

MakeGenerator = Callable[[], nn.Module]
"""Builds (z, label) -> item."""
MakeFeatures = Callable[[tuple[int, ...]], tuple[nn.Module, int]]
"""Builds, for items of a shape, item -> vector, and says the vector's width."""

BATCH_KEY = {"image": "image", "points": "point"}


class GAN(Objective):
    """Goodfellow et al. 2014, with the game, penalties and remedies that `rules` names."""

    averaged = ("generator",)
    resting: Tensor
    """Whether the generator rests and the referee learns; there is one where there is a referee."""

    def __init__(
        self,
        make_generator: MakeGenerator,
        make_features: MakeFeatures,
        *,
        generator: GeneratorSettings,
        critic: CriticSettings,
        rules: Rules,
        spec: Spec,
        spectral_verdict: bool = False,
        make_referee: MakeFeatures | None = None,
    ):
        super().__init__()
        self.making, self.judging, self.rules, self.spec = generator, critic, rules, spec
        self.game = adversarial.GAMES[rules.game]
        self.reduce = {"mean": adversarial.mean, "hardest": adversarial.hardest}[critic.reduce]
        makers = [make_generator() for _ in range(generator.count)]
        self.generator = makers[0] if len(makers) == 1 else Mixture(makers)
        if critic.differ != "start" and spec.kind != "image":
            raise UserError(
                f"--critic.differ {critic.differ} is for pictures; those of {spec.kind} differ in their start"
            )
        self.halved = [k if critic.differ == "scale" else 0 for k in range(critic.count)]
        self.critic = nn.ModuleList(
            Critic(*make_features(self._seen_shape(h)), len(spec.classes), spectral_verdict)
            for h in self.halved
        )
        self.augments = [Augment(s) for s in self._augmentations()]
        self.augment = nn.ModuleList(self.augments)
        self.rejection = rejection.Rejection() if rules.reject else None
        self.referee = None
        if rules.reject and rules.referee.share:
            self.referee = Critic(*(make_referee or make_features)(spec.shape), len(spec.classes))
            self.register_buffer("resting", torch.tensor(0))  # a budget's progress may go back a little
        if isinstance(self.generator, Mixture):
            self.classifier = Classifier(*make_features(spec.shape), len(makers))

    def _seen_shape(self, halved: int) -> tuple[int, ...]:
        channels, *sides = self.spec.shape
        return channels * self.rules.packing, *(side >> halved for side in sides)

    def _augmentations(self) -> list[AugmentSettings]:
        given = self.rules.augment if isinstance(self.rules, PictureRules) else AugmentSettings()
        kinds = given.kinds() if self.judging.differ == "augmentation" else []
        return [s for s, _ in zip(cycle(kinds or [given]), self.halved, strict=False)]

    @property
    def rest(self) -> float:
        """Share of the training after which the generator rests."""
        return 1.0 if self.referee is None else 1.0 - self.rules.referee.share

    @property
    def starts(self) -> tuple[float, ...]:
        return () if self.referee is None else (self.rest,)

    @property
    def rests(self) -> bool:
        return self.referee is not None and bool(self.resting)

    def pace(self, player: str) -> float:
        return float((player == "referee") == self.rests)

    def due(self, progress: float) -> bool:
        return self.rest <= progress < 1 and not self.rests

    def look(self) -> dict[str, Tensor]:
        """The generator rests from now on, as the average that it is used as."""
        self.resting.fill_(1)
        return {f"generator.{name}": value for name, value in self.generator.state_dict().items()}

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        real, label = batch[BATCH_KEY[self.spec.kind]], batch.get("label")
        if self.rests:
            yield self._referees_turn(real, label)
            return
        due = self.rules.penalty.due(step)
        shared = self.parts == 1
        for _ in range(self.judging.steps - shared):
            with torch.no_grad():
                fake = self.make(label, len(real), real.device)
            turn, lead = self._critics_turn(real, fake, label, due)
            yield turn
            self._after_critic(lead)
        if shared:  # by the last critic's turn and the first generator's; its graph waits in between
            fake = self.make(label, len(real), real.device)
            turn, lead = self._critics_turn(real, fake.detach(), label, due)
            yield turn
            self._after_critic(lead)
            yield self._generators_turn(real, fake, label)
        for _ in range(self.making.steps - shared):
            fake = self.make(label, len(real), real.device)
            yield self._generators_turn(real, fake, label)

    @property
    def latent(self) -> int:
        """Numbers in z."""
        return self.making.latent

    def make(self, label: Labels, n: int, device: torch.device) -> Items:
        """n items from fresh z."""
        z = normal(n, self.making.latent, device=device)
        return self.generator(z, label)

    def view(self, x: Items, k: int) -> Items:
        """What critic k sees of the items."""
        if x.ndim == 4:
            x = self.augments[k](x)
            x = F.avg_pool2d(x, 1 << self.halved[k]) if self.halved[k] else x
        return pack(add_noise(x, self.rules.noise.at(self.progress)), self.rules.packing)

    def _critics_turn(self, real: Items, fake: Items, label: Labels, due: bool) -> tuple[Turn, list[Tensor]]:
        packed = pack_labels(label, self.rules.packing)
        losses, stats, leads = [], [], []
        for k, critic in enumerate(self.critic):
            x, g = self.view(real, k), self.view(fake, k)
            if due:  # at what the critic sees: no second derivative of the augmentation is needed
                x, g = x.detach().requires_grad_(), g.detach().requires_grad_()
            on_real, on_fake = critic(x, packed), critic(g, packed)
            leads.append(each(self.game.lead, on_real.detach(), on_fake.detach()))
            penalties = (
                self._penalties((on_real, x), (on_fake, g), lambda x, c=critic: c(x, packed)) if due else {}
            )
            losses.append(each(self.game.critic, on_real, on_fake) + self._weighted(penalties))
            stats.append(
                {"critic/real": each(torch.mean, on_real), "critic/fake": each(torch.mean, on_fake)}
                | {f"penalty/{name}": value for name, value in penalties.items()}
            )
        turn = {"critic": torch.stack(losses).sum(0) + self._decay(self.critic)}
        figures = {name: torch.stack([s[name] for s in stats]).mean(0).detach() for name in stats[0]}
        figures["critic/accuracy"] = torch.stack(leads).gt(0).float().mean((0, -1))
        if self.augments[0].settings.adaptive:
            figures["augment/p"] = torch.stack([a.p for a in self.augments]).mean()
        if isinstance(self.generator, Mixture):
            turn["classifier"] = self.classifier.loss(fake, self.generator.maker(len(fake), fake.device))
        return Turn(turn, figures), leads

    def _generators_turn(self, real: Items, fake: Items, label: Labels) -> Turn:
        packed = pack_labels(label, self.rules.packing)
        losses = []
        for k, critic in enumerate(self.critic):
            on_fake = critic(self.view(fake, k), packed)
            with torch.no_grad():
                on_real = [critic(self.view(real, k), packed)] if self.game.paired else []
            losses.append(each(self.game.generator, on_fake, *on_real))
        loss = self.reduce(losses) + self._decay(self.generator)
        if not isinstance(self.generator, Mixture):
            return Turn({"generator": loss})
        apart = self.classifier.loss(fake, self.generator.maker(len(fake), fake.device))
        return Turn({"generator": loss + self.making.diversity * apart}, {"generator/apart": apart.detach()})

    def _referees_turn(self, real: Items, label: Labels) -> Turn:
        """Between items as they are: its logit tends to log P(real) - log P(made)."""
        assert self.referee is not None
        self.generator.eval()
        with torch.no_grad():
            fake = self.make(label, len(real), real.device)
        on_real, on_fake = self.referee(real, label), self.referee(fake, label)
        rightly = torch.stack([each(torch.mean, x.gt(0).float()) for x in (on_real, -on_fake)])
        loss = each(adversarial.GAMES["nonsaturating"].critic, on_real, on_fake)
        return Turn({"referee": loss}, {"referee/accuracy": rightly.mean(0)})

    def _penalties(self, real: Judged, fake: Judged, critic: Callable[[Tensor], Tensor]) -> dict[str, Scalar]:
        """Each penalty without its weight."""
        p = self.rules.penalty
        values = {}
        if p.r1:
            values["r1"] = each(torch.mean, squared_gradient(*real))
        if p.r2:
            values["r2"] = each(torch.mean, squared_gradient(*fake))
        if p.gp:
            x = between(real[1], fake[1])
            values["gp"] = each(distance_from_one, squared_gradient(critic(x), x))
        return values

    def _weighted(self, penalties: dict[str, Scalar]) -> Scalar | float:
        p = self.rules.penalty
        half = p.share(self.progress) / 2
        weight = {"r1": half * p.r1, "r2": half * p.r2, "gp": p.gp}
        return sum((p.every * weight[name] * value for name, value in penalties.items()), 0.0)

    def _decay(self, player: nn.Module) -> Scalar | float:
        p = self.rules.penalty
        return weight_decay(player.parameters(), p.l1, p.l2) if p.l1 or p.l2 else 0.0

    def _after_critic(self, leads: list[Tensor]) -> None:
        """The critic has just been updated."""
        if self.rules.penalty.clip:
            clip_weights(self.critic.parameters(), self.rules.penalty.clip)
        for augment, lead in zip(self.augments, leads, strict=True):
            augment.adapt(lead, len(lead) * self.rules.packing)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Items:
        """`n` items; of the classes in `label` (one for all, or one each), else of all classes alike."""
        z = draw(n, self.making.latent, truncation, generator)
        label = chosen_classes(self.spec, n, label, generator)
        items = self.decode(z, label)
        if self.rejection is None or not self.rejection.works:
            return items
        bad = torch.arange(n)
        for _ in range(rejection.ROUNDS):
            bad = bad[self._falls(items[bad], None if label is None else label[bad], generator)]
            if not len(bad):
                break
            z = draw(len(bad), self.making.latent, truncation, generator)
            items[bad] = self.decode(z, None if label is None else label[bad])
        return items

    def _falls(self, items: Items, label: Labels, generator: torch.Generator | None) -> Bool[Tensor, " n"]:
        """Which of the samples are rejected."""
        assert self.rejection is not None
        asked = self._asked[int(self.rejection.critic)]
        chance = self.rejection.stays(judged(asked, items, label)).cpu()
        return torch.rand(len(items), generator=generator) > chance

    @property
    def _asked(self) -> list[Asked]:
        """Who may be asked about samples."""
        return [self.judge] if self.referee is None else [self.judge, self.referee]

    @torch.no_grad()
    def for_use(self, data: Data) -> dict[str, Tensor]:
        """The calibration, by held-out items and as many samples: a critic may know the others by heart."""
        if self.rejection is None:
            return {}
        data = getattr(data, "held_out", None) or data
        device, rng = next(self.parameters()).device, np.random.default_rng(0)
        index = np.sort(rng.permutation(len(data))[: rejection.ITEMS[self.spec.kind]])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            batch = data.ready(data.fetch(index))
        real, label = batch[BATCH_KEY[self.spec.kind]].to(device), batch.get("label")
        made = self.decode(draw(len(real), self.making.latent, 1.0, torch.Generator().manual_seed(0)), label)
        found = rejection.calibrated(
            [(judged(asked, real, label), judged(asked, made, label)) for asked in self._asked]
        )
        return {f"rejection.{name}": value for name, value in found.items()}

    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 64) -> Items:
        """What the generator makes of these z."""
        makers = self.making.count  # so that item i meets the same generator in any batch
        return decoded(self.generator, z, label, batch * makers)

    def judge(self, x: Items, label: Labels = None) -> Float[Tensor, " batch"]:
        """The critics' mean logit of each item, in a pack of its like; nothing is augmented or noisy."""
        copies = self.rules.packing
        packed = None if label is None else label[:, None].expand(-1, copies)
        logits = []
        for critic, halved in zip(self.critic, self.halved, strict=True):
            seen = F.avg_pool2d(x, 1 << halved) if halved else x
            logits.append(critic(seen.repeat(1, copies, *[1] * (x.ndim - 2)), packed))
        return torch.stack(logits).mean(0)


def judged(asked: Asked, items: Items, label: Labels) -> Float[Tensor, " n"]:
    """Logits, in parts."""
    labels = [None] * len(items) if label is None else label.to(items.device).split(JUDGED)
    return torch.cat([asked(x, y).float() for x, y in zip(items.split(JUDGED), labels, strict=False)])
