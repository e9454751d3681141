"""CADA-VAE (Schönfeld et al., CVPR 2019): autoencoders of features and of semantics share a latent space."""

from __future__ import annotations

from torch import Tensor, nn

from gzslbench.data.views import TrainView
from gzslbench.evaluation.checked_method import ClassNoise
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.method import Adam, Phase, Stage
from gzslbench.training.batch import Batch
from gzslbench_methods.cada_vae.losses import alignment_loss, prior_loss, reconstruction_loss
from gzslbench_methods.cada_vae.model import Encoder, decoder, drawn, noise_width
from gzslbench_methods.cada_vae.params import CadaVaeParams
from gzslbench_methods.warm_up import warmed_up


class CadaVae:
    """The head is fitted in the latent space, on rows drawn for both seen and unseen classes."""

    def __init__(self, view: TrainView, params: CadaVaeParams) -> None:
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.semantics = view.semantics
        self.noise = noise_width(params.latent, params.variant)
        self.features_encoder = Encoder(features, params.features_encoder, params.latent)
        self.semantics_encoder = Encoder(semantics, params.semantics_encoder, params.latent)
        self.features_decoder = decoder(params.latent, params.features_decoder, features)
        self.semantics_decoder = decoder(params.latent, params.semantics_decoder, semantics)
        self.modules = nn.ModuleDict(
            {
                "features_encoder": self.features_encoder,
                "semantics_encoder": self.semantics_encoder,
                "features_decoder": self.features_decoder,
                "semantics_decoder": self.semantics_decoder,
            }
        )
        self.head = HeadSettings(
            per_class=params.syn_num,
            seen_per_class=params.seen_num,
            space="embedding",
            batch_size=params.head_batch_size,
            epochs=params.head_epochs,
            zsl_epochs=params.zsl_epochs,
            lr=params.classifier_lr,
        )

    def stages(self) -> tuple[Stage]:
        """One stage, all networks at once."""
        params = self.params
        adam = Adam(params.lr, amsgrad=True)
        phase = Phase("vae", self.vae_loss, updates=tuple(self.modules), optimizer=adam)
        return (Stage("vae", params.epochs, params.batch_size, (phase,)),)

    def vae_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Both autoencoders' losses, the reconstruction of each by the other, and their distance."""
        params, features = self.params, batch.features
        semantics = self.semantics.index_select(0, batch.labels)
        mean, log_variance = self.features_encoder(features)
        mean_of_class, log_variance_of_class = self.semantics_encoder(semantics)
        z = self._drawn(mean, log_variance, batch.normal(len(batch), self.noise))
        z_of_class = self._drawn(mean_of_class, log_variance_of_class, batch.normal(len(batch), self.noise))
        kl = warmed_up(params.kl_weight, batch.epoch, params.kl_start, params.kl_end)
        cross = warmed_up(params.cross_weight, batch.epoch, params.cross_start, params.cross_end)
        align = warmed_up(params.align_weight, batch.epoch, params.align_start, params.align_end)
        apart = alignment_loss(mean, log_variance, mean_of_class, log_variance_of_class)
        return {
            "features": reconstruction_loss(features, self.features_decoder(z)),
            "semantics": reconstruction_loss(semantics, self.semantics_decoder(z_of_class)),
            "features_prior": kl * prior_loss(mean, log_variance),
            "semantics_prior": kl * prior_loss(mean_of_class, log_variance_of_class),
            "cross_features": cross * reconstruction_loss(features, self.features_decoder(z_of_class)),
            "cross_semantics": cross * reconstruction_loss(semantics, self.semantics_decoder(z)),
            "alignment": align * apart,
        }

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), latent)`` drawn rows, those of one class together."""
        mean, log_variance = (
            each.repeat_interleave(noise.per_class, 0) for each in self.semantics_encoder(semantics)
        )
        return self._drawn(mean, log_variance, noise.normal(self.noise))

    def sample(self, features: Tensor, noise: ClassNoise) -> Tensor:
        """``(len(noise), d)`` features to latent rows drawn for them."""
        return self._drawn(*self.features_encoder(features), noise.normal(self.noise))

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to their ``(n, latent)`` means."""
        mean: Tensor = self.features_encoder(features)[0]
        return mean

    def _drawn(self, mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
        return drawn(mean, log_variance, noise, self.params.variant)
