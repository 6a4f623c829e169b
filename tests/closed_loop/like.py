"""The neurons of layers that are `like` a library's, as models: `snn/src/switches.rs` in Python."""

from .refusal import require

PRESETS = {
    "snntorch": {"spike": "New", "reset": "Subtract", "at": "Delayed", "detached": True, "scaled": False},
    "spyx": {"spike": "Old", "reset": "Subtract", "at": "Spike", "detached": False, "scaled": False},
    "norse": {"spike": "New", "reset": "Zero", "at": "Spike", "detached": False, "scaled": True},
}

LATE = "let late = if(v > threshold, 1, 0)\n"
SPIKE = "spike v > threshold\n"


def model(like, switches):
    """The text of the model; `switches` are those that differ from the preset."""
    require(like in PRESETS, f'`like: "{like}"` is not one of {", ".join(PRESETS)}')
    chosen = PRESETS[like] | {name: value for name, value in switches.items() if value is not None}
    spike, reset, at = chosen["spike"], chosen["reset"], chosen["at"]
    current = "(1 - decay)*I" if chosen["scaled"] else "I"
    plain = f"decay*v + {current}"

    def lowered(late):
        subtract, zero = f"{plain} - threshold*{late}", f"decay*v*(1 - {late}) + {current}"
        return {"Never": plain, "Subtract": subtract, "Zero": zero}[reset]

    def at_once(after):
        zero = "0" if after == "v" else current
        lost = {"Subtract": f"{after} - threshold", "Zero": zero}
        return "" if reset == "Never" else f"v = if(spike, {lost[reset]}, {after})\n"

    states = "state v = 0\n"
    if reset == "Never":
        lines = f"{SPIKE}v = {plain}\n" if spike == "Old" else f"v = {plain}\n{SPIKE}"
    elif spike == "Old":
        lines = SPIKE + at_once(plain)
    elif at == "Spike":
        lines = f"v = {plain}\n{SPIKE}{at_once('v')}"
    elif at == "Corrected":
        lost = "v" if reset == "Zero" else "threshold"
        lines = f"{LATE}v = {lowered('late')}\n{SPIKE}v = v - (spike - late)*{lost}\n"
    elif chosen["detached"]:
        lines = f"{LATE}v = {lowered('late')}\n{SPIKE}"
    else:
        states += "state s = 0\n"
        lines = f"v = {lowered('s')}\n{SPIKE}s = spike\n"
    return f"model lif_variant\nparam decay = 0.9 in [0, 1]\nparam threshold = 1 in (0, inf)\n{states}{lines}"
