"""Builds an experiment from its config, and runs it in one of four modes."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Mapping
from typing import Any

import orbit
import tensorflow as tf
import tf_keras

from deeplab import factory, validation
from deeplab.config import CONFIG_FILE, ConfigError, parse_config, to_text
from deeplab.data.label_check import short_label_check
from deeplab.data.reader import index_records
from deeplab.models.deeplab import DeepLab
from deeplab.plan import ExperimentPlan, dataset_info, resolve
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.read_tracker import tracked, untracked
from deeplab.trainer.checkpointing import CheckpointError, CheckpointStore
from deeplab.trainer.interruption import InterruptionWatch
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.trainer.modes import MODES
from deeplab.trainer.monitors import EvaluationMonitor, TrainingMonitor
from deeplab.trainer.optimizer_groups import build_optimizer, kernels
from deeplab.trainer.outer_loop import LoopOptions, Monitors, OuterLoop
from deeplab.trainer.overlay_summaries import OverlaySummaries
from deeplab.trainer.progress import Console
from deeplab.trainer.result_writers import result_writers
from deeplab.trainer.run_folder import RunFolder
from deeplab.trainer.step_evaluator import StepEvaluator
from deeplab.trainer.step_trainer import StepHooks, StepOptions, StepTrainer
from deeplab.trainer.strategy import create_strategy, describe
from deeplab.weights.restore import restore_matching


def run(
    config: ExperimentOptions,
    mode: str,
    model_dir: str | os.PathLike[str],
    num_gpus: int | None = None,
    master: str = "",
    *,
    console: Console | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, float]:
    """Runs an experiment.

    Args:
      config: the experiment.
      mode: one of `MODES`.
      model_dir: folder of checkpoints and logs, local or remote (gs://...); created if
        it does not exist.
      num_gpus: number of GPUs to use; None uses all available ones.
      master: name or address of a TPU.
      console: reports progress; None creates a new one.
      strategy: distribution strategy to use instead of the one that `num_gpus` and
        `master` select.

    Returns:
      The results of the last evaluation, by name; empty if there was none.

    Raises:
      ConfigError: the config cannot run in this mode.
      CheckpointError: a checkpoint cannot be written, or does not fit the model.
      InterruptedRunError: a signal stopped the run; a checkpoint was saved.
      NonFiniteLossError: the loss is not finite, and the config asks to stop or no
        rollback is left.
    """
    if mode not in MODES:
        raise ConfigError(f"mode {mode!r}: choose one of {', '.join(MODES)}")
    folder = RunFolder(model_dir)
    devices = strategy or create_strategy(num_gpus, master)
    validation.validate(config, mode, devices.num_replicas_in_sync)
    folder.make()
    speaking = contextlib.nullcontext(console) if console else Console()
    with speaking as console, InterruptionWatch() as watch, devices.scope():
        console.line(f"{mode} on {describe(devices)}, files in {folder}")
        plan = resolve(tracked(_with_seed(config, folder)))
        builder = _Builder(plan, mode, folder, console, watch)
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
    """Builds the parts of an experiment and keeps what several of them need."""

    def __init__(
        self,
        plan: ExperimentPlan,
        mode: str,
        folder: RunFolder,
        console: Console,
        watch: InterruptionWatch,
    ):
        self._plan = plan
        self._config = plan.config
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
        generator = _set_seed(self._config.seed)
        model = factory.build_model(self._plan)
        step = orbit.utils.create_global_step()
        trainer = self._build_trainer(model, step) if self._training else None
        evaluator = self._build_evaluator(model) if self._evaluating else None
        run_items = None
        if trainer:
            run_items = {**trainer.checkpoint_items, "random": generator}
        store = CheckpointStore(
            self._folder,
            model.checkpoint_items,
            step,
            run_items=run_items,
            keep=self._config.trainer_options.num_checkpoints_to_keep,
        )
        trained = self._restore(model, store, trainer)
        controller = orbit.Controller(
            strategy=tf.distribute.get_strategy(),
            global_step=step,
            trainer=trainer,
            evaluator=evaluator,
            steps_per_loop=self._options.total_steps,
            summary_dir=self._folder.join("train"),
            eval_summary_dir=self._folder.join("eval"),
        )
        loop = OuterLoop(
            controller=controller,
            examples=trainer.examples if trainer else None,
            store=store,
            metrics_log=MetricsLog(self._folder),
            console=self._console,
            watch=self._watch,
            options=self._options,
            monitors=Monitors(self._train_monitor, self._eval_monitor),
        )
        return loop, trained

    def check_labels(self) -> None:
        """Checks some labels of the data sets, so that errors show before step 0.

        Raises:
          ValueError: a label does not fit its data set.
        """
        for options in [self._config.train_dataset_options] * self._training + [
            self._config.eval_dataset_options
        ] * self._evaluating:
            count = options.label_check_examples
            if options.decode_groundtruth_label:
                info = dataset_info(options)
                short_label_check(options.file_pattern, info, count)

    def _eval_images(self) -> int:
        """Returns the number of images in an evaluation; 0 without evaluation."""
        if not self._evaluating:
            return 0
        options = self._config.eval_dataset_options
        images = len(index_records(tuple(options.file_pattern)))
        batches = self._config.evaluator_options.eval_steps
        return min(images, batches * options.batch_size) if batches > 0 else images

    def _loop_options(self) -> LoopOptions:
        options = self._config.trainer_options
        evaluator = self._config.evaluator_options
        rollbacks = {"stop": 0, "rollback": options.max_rollbacks}
        if options.non_finite_loss not in rollbacks:
            raise ConfigError(
                f"trainer_options.non_finite_loss {options.non_finite_loss!r}: choose "
                f"one of {', '.join(rollbacks)}"
            )
        if self._evaluating and self._training and evaluator.eval_interval < 1:
            raise ConfigError("evaluator_options.eval_interval: must be at least 1")
        return LoopOptions(
            total_steps=options.solver_options.training_number_of_steps,
            log_intervals=(options.steps_per_loop, options.save_summaries_steps),
            checkpoint_interval=options.save_checkpoints_steps,
            eval_interval=evaluator.eval_interval if self._evaluating else 0,
            eval_batches=evaluator.eval_steps,
            best_metric=self._plan.main_metric,
            max_rollbacks=rollbacks[options.non_finite_loss],
        )

    def _build_trainer(self, model: DeepLab, step: tf.Variable) -> StepTrainer:
        solver = self._config.trainer_options.solver_options
        batch_size = self._config.train_dataset_options.batch_size
        clip_norm = solver.clip_gradient_norm if solver.use_gradient_clipping else 0.0
        return StepTrainer(
            make_dataset=self._train_dataset,
            model=model,
            loss=factory.build_loss(self._plan, model.auxiliary_outputs),
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
            hooks=StepHooks(self._train_monitor.after_step, self._options.logs_at),
        )

    def _train_dataset(self, first_batch: int) -> Any:
        dataset = factory.build_train_pipeline(self._plan, first_batch=first_batch)
        strategy = tf.distribute.get_strategy()
        if strategy.num_replicas_in_sync == 1:
            return dataset
        return strategy.experimental_distribute_dataset(dataset)

    def _build_evaluator(self, model: DeepLab) -> StepEvaluator:
        has_loss = bool(self._config.trainer_options.loss_options.ListFields())
        options = self._config.evaluator_options
        info = dataset_info(self._config.eval_dataset_options)
        metrics = factory.build_metrics(self._plan)
        best = self._options.best_metric
        if best.split("/")[0] not in metrics:
            raise ConfigError(
                f"trainer_options.best_checkpoint_metric {best!r}: results begin with "
                f"one of {', '.join(metrics)}"
            )
        return StepEvaluator(
            dataset=factory.build_eval_pipeline(self._plan),
            model=model,
            metrics=metrics,
            loss=factory.build_loss(self._plan) if has_loss else None,
            writers=result_writers(options, info, self._folder),
            summaries=OverlaySummaries(info, options.num_vis_samples),
            use_tf_function=options.use_tf_function,
            after_batch=self._eval_monitor.after_batch,
        )

    def _restore(
        self, model: DeepLab, store: CheckpointStore, trainer: StepTrainer | None
    ) -> bool:
        """Restores the newest checkpoint, or else the weights that the config names.

        Returns:
          Whether the weights of the whole model are trained ones.
        """
        named = self._named_weights(model)
        step = store.restore_newest()
        if trainer:
            trainer.open_data()
        # Everything is built, and nothing has been written yet.
        validation.refuse_unread(self._plan, self._sections())
        if trainer:
            self._folder.write(CONFIG_FILE, to_text(untracked(self._config)))
        if step is not None:
            self._console.line(f"resuming from the checkpoint of step {step}")
            return True
        for path, items in named:
            self._console.line(restore_matching(path, items).table())
        if trainer:
            store.save()
        return bool(self._config.model_options.initial_checkpoint)

    def _named_weights(self, model: DeepLab) -> list[tuple[str, Mapping[str, Any]]]:
        """Returns each checkpoint that the config names, with the items it is for."""
        options = self._config.model_options
        last_layers = self._plan.architecture.last_layers
        left_out: set[str] = set()
        if not options.restore_semantic_last_layer_from_initial_checkpoint:
            left_out.update(last_layers.semantic)
        if not options.restore_instance_last_layer_from_initial_checkpoint:
            left_out.update(last_layers.instance)
        items = model.checkpoint_items
        encoder = {"encoder": items["encoder"]}
        kept = {name: item for name, item in items.items() if name not in left_out}
        sources: list[tuple[str, Mapping[str, Any]]] = [
            (options.backbone.pretrained_weights, encoder),
            (options.initial_checkpoint, kept),
        ]
        return [(path, items) for path, items in sources if path]

    def _sections(self) -> list[str]:
        sections = ["model_options"]
        if self._training:
            sections += ["trainer_options", "train_dataset_options"]
        if self._evaluating:
            sections += ["evaluator_options", "eval_dataset_options"]
        return sections


def _with_seed(config: ExperimentOptions, folder: RunFolder) -> ExperimentOptions:
    """Returns the config with a seed: its own, the resumed run's, or a new one."""
    if config.seed:
        return config
    seeded = ExperimentOptions()
    seeded.CopyFrom(config)
    if folder.exists(CONFIG_FILE):
        seeded.seed = parse_config(folder.read(CONFIG_FILE)).seed
    else:
        seeded.seed = random.SystemRandom().randrange(1, 2**31 - 1)
    return seeded


def _set_seed(seed: int) -> tf.random.Generator:
    """Seeds all random generators; returns the one that random layers use."""
    tf_keras.utils.set_random_seed(seed)
    generator = tf.random.Generator.from_seed(seed)
    tf.random.set_global_generator(generator)
    return generator
