"""Spindle's tasks and their counterparts in Gymnasium: what is the same, what is mapped, what cannot be.

The physics, start states, time limit, rewards and terminations of a judged episode are those of
`gymnasium.make(ID)`. Only the observation is mapped, and the action scaled to the environment's range.
"""

from dataclasses import dataclass

from .refusal import Refused, require

WALKER = {"forward_reward_weight": 1.0, "healthy_reward": 1.0}
WALKER |= {"terminate_when_unhealthy": True, "terminal_bonus": False}
PERSON = {"ctrl_cost_weight": 0.1, "contact_cost_weight": 5e-7, "reset_noise_scale": 0.01}
# Contact forces are a mean over the last physics step there, and those of its end in Gymnasium.
FORCES = "contact forces observed are those at the end of a step, not their mean over its last physics step"


@dataclass
class Task:
    """A task: environment, number of observations for each list of them, and the settings that Gymnasium has.

    An observation is the first entries of Gymnasium's. Settings of a run that differ are told, those of `fixed`
    refused, since a controller would meet another world.
    """

    environment: str
    settings: dict
    observations: dict
    fixed: tuple = ()
    forces: str = ""


TASKS = {
    "Ant": Task(
        "Ant-v5",
        WALKER
        | {"ctrl_cost_weight": 0.5, "contact_cost_weight": 5e-4, "healthy_z_range": [0.2, 1.0]}
        | {"reset_noise_scale": 0.1, "start": "Gymnasium"},
        {"Brax": 27, "Gymnasium": 105},
        forces=FORCES,
    ),
    "HalfCheetah": Task(
        "HalfCheetah-v5",
        {"forward_reward_weight": 1.0, "ctrl_cost_weight": 0.1, "reset_noise_scale": 0.1},
        {None: 17},
    ),
    "Hopper": Task(
        "Hopper-v5",
        WALKER
        | {"ctrl_cost_weight": 1e-3, "reset_noise_scale": 5e-3, "healthy_z_min": 0.7}
        | {"healthy_angle_range": [-0.2, 0.2], "healthy_state_range": [-100.0, 100.0]},
        {None: 11},
    ),
    "Humanoid": Task(
        "Humanoid-v5",
        WALKER | PERSON | {"forward_reward_weight": 1.25, "healthy_reward": 5.0, "healthy_z_range": [1.0, 2.0]},
        {"Joints": 45, "Gymnasium": 348},
        forces=FORCES,
    ),
    "HumanoidStandup": Task(
        "HumanoidStandup-v5",
        PERSON | {"uph_cost_weight": 1.0, "start": "Gymnasium"},
        {"Joints": 45, "Gymnasium": 348},
        forces=FORCES,
    ),
    "InvertedDoublePendulum": Task(
        "InvertedDoublePendulum-v5",
        {"healthy_reward": 10.0, "reset_noise_scale": 0.1, "frame_skip": 5},
        {"Brax": 8, "Gymnasium": 9},
        fixed=("frame_skip",),
        forces="the force of the rail's ends is that at the end of a step, not its mean over the step",
    ),
    "InvertedPendulum": Task(
        "InvertedPendulum-v5",
        {"max_angle": 0.2, "reset_noise_scale": 0.01, "terminal_bonus": False},
        {None: 4},
    ),
    "Pusher": Task(
        "Pusher-v5",
        {"distance_weight": 1.0, "near_weight": 0.5, "ctrl_cost_weight": 0.1, "reset_noise_scale": 0.005}
        | {"start": "Gymnasium", "reward_before_step": False, "horizon": 100},
        {None: 23},
    ),
    "Reacher": Task(
        "Reacher-v5",
        {"distance_weight": 1.0, "ctrl_cost_weight": 1.0, "reset_noise_scale": 0.1, "targets": "Gymnasium"}
        | {"horizon": 50},
        {"Gymnasium": 10},
    ),
    "Swimmer": Task(
        "Swimmer-v5",
        {"forward_reward_weight": 1.0, "ctrl_cost_weight": 1e-4, "reset_noise_scale": 0.1},
        {None: 8},
    ),
    "Walker2d": Task(
        "Walker2d-v5",
        WALKER
        | {"ctrl_cost_weight": 1e-3, "reset_noise_scale": 5e-3}
        | {"healthy_z_range": [0.8, 2.0], "healthy_angle_range": [-1.0, 1.0]},
        {None: 17},
    ),
}  # fmt: skip


def counterpart(env, settings, changes=()):
    """Environment, number of observations to take, and notes on what differs from the run's own task.

    `settings`: those of the run's config; missing ones are the task's defaults, which are Gymnasium's.
    """
    if env not in TASKS:
        raise Refused(f"task {env} has no counterpart in Gymnasium; valid: {', '.join(TASKS)}")
    task, notes, differing = TASKS[env], [], []
    default = "Brax" if env == "Ant" else "Gymnasium" if len(task.observations) > 1 or env == "Reacher" else None
    observed = settings.get("observations", default)
    valid = ", ".join(map(str, task.observations))
    require(
        observed in task.observations,
        f"{env} with `observations: {observed}`: {task.environment} does not observe that; valid: {valid}",
    )
    if env == "Ant":
        # The defaults that are not Gymnasium's.
        settings = {"contact_cost_weight": 0.0, "start": "Brax"} | settings
    for name, value in settings.items():
        if name == "observations":
            continue
        require(name in task.settings, f"setting `{name}` of {env} is not known here")
        own = task.settings[name]
        if value == own:
            continue
        require(name not in task.fixed, f"{env} with `{name}: {value}`: {task.environment} has {own}")
        differing.append(f"{name} {own} (the run: {value})")
    if differing:
        notes.append(f"as {task.environment} has it: {', '.join(differing)}")
    if task.forces and observed == "Gymnasium":
        notes.append(task.forces)
    if changes:
        notes.append(f"without the {len(changes)} changes of the environment that the run was trained with")
    return task.environment, task.observations[observed], notes
