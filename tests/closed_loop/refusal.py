"""What cannot be run, and why."""


class Refused(Exception):
    """A mistake of the user's, or something that is not run here: what, where, what would be valid."""


def require(fine, message):
    """Refuses unless `fine`."""
    if not fine:
        raise Refused(message)
