"""Builds an experiment from its config, and runs it in one of four modes."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orbit
import tensorflow as tf
import tf_keras

from deeplab import factory, validation
from deeplab.config import ConfigError, ReadTracker, parse_config, to_text
from deeplab.data.label_check import short_label_check
from deeplab.data.reader import index_records
from deeplab.trainer.checkpointing import CheckpointError, CheckpointStore
from deeplab.trainer.initial_checkpoint import restore_matching
from deeplab.trainer.interruption import InterruptionWatch
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.trainer.monitors import EvaluationMonitor, TrainingMonitor
from deeplab.trainer.optimizer_groups import build_optimizer, kernels
from deeplab.trainer.outer_loop import LoopOptions, OuterLoop
from deeplab.trainer.overlay_summaries import OverlaySummaries
from deeplab.trainer.progress import Console
from deeplab.trainer.step_evaluator import StepEvaluator
from deeplab.trainer.step_trainer import StepOptions, StepTrainer
from deeplab.trainer.strategy import create_strategy, describe
from deeplab.visualization import build_writers

MODES = ("train", "eval", "train_and_eval", "continuous_eval")
CONFIG_NAME = "config.textproto"

_SEMANTIC_LAST_LAYERS = (
    "semantic_last_layer",
    "transformer_class_head",
    "logits_head",
)
_INSTANCE_LAST_LAYERS = (
    "instance_center_head_last_layer",
    "instance_regression_head_last_layer",
    "motion_regression_head_last_layer",
    "next_instance_regression_head_last_layer",
)


def run(
    config: Any,
    mode: str,
    model_dir: str | Path,
    num_gpus: int | None = None,
    master: str = "",
    *,
    console: Console | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, float]:
    """Runs an experiment.

    Args:
      config: an `ExperimentOptions` message.
      mode: one of `MODES`.
      model_dir: folder of checkpoints and logs; made if it is not there.
      num_gpus: GPUs to use; all that are found when None.
      master: name or address of a TPU.
      console: where to report progress; a new one when None.
      strategy: computes under this distribution strategy, whatever `num_gpus` and
        `master` say.

    Returns:
      The results of the last evaluation, by name; empty when there was none.

    Raises:
      ConfigError: the config cannot run in this mode.
      CheckpointError: a checkpoint cannot be written, or does not fit.
      InterruptedRunError: a signal ended the run; its checkpoint is saved.
      NonFiniteLossError: the loss broke and the config says to stop.
    """
    if mode not in MODES:
        raise ConfigError(f"mode {mode!r}: choose one of {', '.join(MODES)}")
    folder = Path(model_dir)
    devices = strategy or create_strategy(num_gpus, master)
    validation.validate(config, mode, devices.num_replicas_in_sync)
    folder.mkdir(parents=True, exist_ok=True)
    speaking = contextlib.nullcontext(console) if console else Console()
    with speaking as console, InterruptionWatch() as watch, devices.scope():
        console.line(f"{mode} on {describe(devices)}, files in {folder}")
        builder = _Builder(_with_seed(config, folder), mode, folder, console, watch)
        with console.activity("checking labels"):
            builder.check_labels()
        with console.activity("building the model"):
            loop, trained = builder.build()
        if "train" in mode:
            return loop.train()
        if mode == "continuous_eval":
            timeout = config.evaluator_options.continuous_eval_timeout
            return loop.evaluate_continuously(None if timeout < 0 else timeout)
        if not trained:
            raise CheckpointError(
                f"{folder} has no checkpoint to evaluate; choose another --model_dir "
                "or set model_options.initial_checkpoint"
            )
        return loop.evaluate()


class _Builder:
    """Makes the parts of an experiment; holds what several of them need."""

    def __init__(
        self,
        config: Any,
        mode: str,
        folder: Path,
        console: Console,
        watch: InterruptionWatch,
    ):
        self._message = config
        self._config = ReadTracker(config)
        self._training = "train" in mode
        self._evaluating = "eval" in mode
        self._folder = folder
        self._console = console
        self._watch = watch
        self._options = self._loop_options()
        self._train_monitor = TrainingMonitor(
            watch,
            self._options.total_steps,
            self._config.train_dataset_options.batch_size,
        )
        self._eval_monitor = EvaluationMonitor(watch, self._eval_images())

    def build(self) -> tuple[OuterLoop, bool]:
        """Returns the loop to run, and whether the model has trained weights."""
        generator = _set_seed(self._message.seed)
        model = factory.build_model(self._config)
        step = orbit.utils.create_global_step()
        trainer = self._build_trainer(model, step) if self._training else None
        evaluator = self._build_evaluator(model) if self._evaluating else None
        run_items = None
        if trainer:
            run_items = {**trainer.checkpoint_items, "random": generator}
        store = self._build_store(model, step, run_items)
        trained = self._restore(model, store, trainer)
        controller = orbit.Controller(
            strategy=tf.distribute.get_strategy(),
            global_step=step,
            trainer=trainer,
            evaluator=evaluator,
            steps_per_loop=self._options.total_steps,
            summary_dir=str(self._folder / "train"),
            eval_summary_dir=str(self._folder / "eval"),
        )
        loop = OuterLoop(
            controller=controller,
            examples=trainer.examples if trainer else None,
            global_step=step,
            store=store,
            metrics_log=MetricsLog(self._folder),
            console=self._console,
            watch=self._watch,
            options=self._options,
            training=self._train_monitor,
            evaluation=self._eval_monitor,
        )
        return loop, trained

    def check_labels(self) -> None:
        """Looks at some labels of the data sets, so that errors come before step 0.

        Raises:
          ValueError: a label does not fit its data set.
        """
        for options in [self._config.train_dataset_options] * self._training + [
            self._config.eval_dataset_options
        ] * self._evaluating:
            count = options.label_check_examples
            if options.decode_groundtruth_label:
                info = factory.dataset_info(options)
                short_label_check(options.file_pattern, info, count)

    def _eval_images(self) -> int:
        """Returns how many images an evaluation has; 0 if there is none."""
        if not self._evaluating:
            return 0
        options = self._config.eval_dataset_options
        images = len(index_records(tuple(options.file_pattern)))
        batches = self._config.evaluator_options.eval_steps
        return min(images, batches * options.batch_size) if batches > 0 else images

    def _loop_options(self) -> LoopOptions:
        options = self._config.trainer_options
        evaluator = self._config.evaluator_options
        # Of the other modes alone, but every published config sets it.
        _ = evaluator.continuous_eval_timeout
        rollbacks = {"stop": 0, "rollback": options.max_rollbacks}
        if options.non_finite_loss not in rollbacks:
            raise ConfigError(
                f"trainer_options.non_finite_loss {options.non_finite_loss!r}: choose "
                f"one of {', '.join(rollbacks)}"
            )
        if self._evaluating and self._training and evaluator.eval_interval < 1:
            raise ConfigError("evaluator_options.eval_interval: choose at least 1")
        return LoopOptions(
            total_steps=options.solver_options.training_number_of_steps,
            log_intervals=(options.steps_per_loop, options.save_summaries_steps),
            checkpoint_interval=options.save_checkpoints_steps,
            eval_interval=evaluator.eval_interval if self._evaluating else 0,
            eval_batches=evaluator.eval_steps,
            best_metric=factory.main_metric(self._config),
            max_rollbacks=rollbacks[options.non_finite_loss],
        )

    def _build_trainer(self, model: tf_keras.Model, step: tf.Variable) -> StepTrainer:
        solver = self._config.trainer_options.solver_options
        batch_size = self._config.train_dataset_options.batch_size
        clip_norm = solver.clip_gradient_norm if solver.use_gradient_clipping else 0.0
        return StepTrainer(
            make_dataset=self._train_dataset,
            model=model,
            loss=factory.build_loss(self._config, model.head.num_auxiliary_outputs),
            optimizer=build_optimizer(
                solver,
                model,
                model.backbone.pretrained_variables,
                batch_size,
                scale_loss=self._config.model_options.precision == "float16",
            ),
            kernels=kernels(model),
            global_step=step,
            options=StepOptions(batch_size, solver.weight_decay, clip_norm),
            after_step=self._train_monitor.after_step,
            logs_at=self._options.logs_at,
        )

    def _train_dataset(self, first_batch: int) -> Any:
        dataset = factory.build_train_pipeline(self._config, first_batch=first_batch)
        strategy = tf.distribute.get_strategy()
        if strategy.num_replicas_in_sync == 1:
            return dataset
        return strategy.experimental_distribute_dataset(dataset)

    def _build_evaluator(self, model: tf_keras.Model) -> StepEvaluator:
        has_loss = bool(self._message.trainer_options.loss_options.ListFields())
        options = self._config.evaluator_options
        info = factory.dataset_info(self._config.eval_dataset_options)
        metrics = factory.build_metrics(self._config)
        best = self._options.best_metric
        if best.split("/")[0] not in metrics:
            raise ConfigError(
                f"trainer_options.best_checkpoint_metric {best!r}: results begin with "
                f"one of {', '.join(metrics)}"
            )
        return StepEvaluator(
            dataset=factory.build_eval_pipeline(self._config),
            model=model,
            metrics=metrics,
            loss=factory.build_loss(self._config) if has_loss else None,
            writers=build_writers(options, info, self._folder / "vis"),
            summaries=OverlaySummaries(info, options.num_vis_samples),
            use_tf_function=options.use_tf_function,
            after_batch=self._eval_monitor.after_batch,
        )

    def _build_store(
        self,
        model: tf_keras.Model,
        step: tf.Variable,
        run_items: Mapping[str, Any] | None,
    ) -> CheckpointStore:
        return CheckpointStore(
            self._folder,
            model.checkpoint_items,
            step,
            run_items=run_items,
            keep=self._config.trainer_options.num_checkpoints_to_keep,
        )

    def _restore(
        self, model: tf_keras.Model, store: CheckpointStore, trainer: StepTrainer | None
    ) -> bool:
        """Restores the newest checkpoint, else the weights that the config names.

        Returns:
          Whether there was either.
        """
        options = self._config.model_options
        encoder = {"encoder": model.checkpoint_items["encoder"]}
        sources: list[tuple[str, Mapping[str, Any]]] = [
            (options.backbone.pretrained_weights, encoder),
            (options.initial_checkpoint, _initial_items(model, options)),
        ]
        step = store.restore_newest()
        if trainer:
            trainer.open_data()
        self._refuse_unread()
        if trainer:
            text = to_text(self._message)
            (self._folder / CONFIG_NAME).write_text(text, encoding="utf-8")
        if step is not None:
            self._console.line(f"going on from the checkpoint of step {step}")
            return True
        for path, items in sources:
            if path:
                self._console.line(restore_matching(path, items).table())
        if trainer:
            store.save()
        return bool(options.initial_checkpoint)

    def _refuse_unread(self) -> None:
        sections = ["model_options"]
        if self._training:
            sections += ["trainer_options", "train_dataset_options"]
        if self._evaluating:
            sections += ["evaluator_options", "eval_dataset_options"]
        validation.refuse_unread(self._config, sections)


def _initial_items(model: tf_keras.Model, options: Any) -> dict[str, Any]:
    """Returns the parts of a model that take the initial checkpoint's weights."""
    left_out: set[str] = set()
    if not options.restore_semantic_last_layer_from_initial_checkpoint:
        left_out.update(_SEMANTIC_LAST_LAYERS)
    if not options.restore_instance_last_layer_from_initial_checkpoint:
        left_out.update(_INSTANCE_LAST_LAYERS)
    items = model.checkpoint_items
    return {name: item for name, item in items.items() if name not in left_out}


def _with_seed(config: Any, folder: Path) -> Any:
    """Returns the config with a seed: its own, that of the run, or a new one."""
    if config.seed:
        return config
    seeded = type(config)()
    seeded.CopyFrom(config)
    before = folder / CONFIG_NAME
    if before.exists():
        seeded.seed = parse_config(before.read_text(encoding="utf-8")).seed
    else:
        seeded.seed = random.SystemRandom().randrange(1, 2**31 - 1)
    return seeded


def _set_seed(seed: int) -> tf.random.Generator:
    """Seeds everything random; returns the generator of random layers."""
    tf_keras.utils.set_random_seed(seed)
    generator = tf.random.Generator.from_seed(seed)
    tf.random.set_global_generator(generator)
    return generator
