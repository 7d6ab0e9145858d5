# Whether a name can come to be on the disk before its bytes, as far as the calls of a run show it.
# SPDX-License-Identifier: Apache-2.0
"""A loss of power keeps what was synchronised, and any of the rest: files are synchronised, then renamed."""

from __future__ import annotations

from killing.tracer import Event, Trace

CHANGES = {"write", "copy", "truncate", "allocate"}
# The others begin to write, or do not wait.
SYNCHRONISATIONS = {"fsync", "fdatasync"}


def unsafe_renames(trace: Trace) -> list[str]:
    """Renames of files that were not synchronised before, or whose folders were not after them."""
    events = trace.events
    names = [index for index, event in enumerate(events) if event.kind == "rename" and not event.is_end]
    found = [] if names else ["nothing was renamed"]
    for index in names:
        rename = events[index]
        if not _is_synchronised(events[:index], rename.file):
            found.append(f"{rename.path} has its name before its bytes are on the disk")
        count = len(events)
        end = next((place for place in range(index, count) if _ends(events[place], rename)), count)
        after = next((name for name in names if name > index), count)
        if not any(event.name in SYNCHRONISATIONS and event.is_end and event.result == 0
                   and event.file == rename.folder for event in events[end:after]):
            found.append(f"the folder of {rename.path} is not synchronised after the rename")
    return found


def _ends(event: Event, begin: Event) -> bool:
    return event.is_end and event.kind == begin.kind and event.number == begin.number


def _is_synchronised(events: list[Event], file: str) -> bool:
    """Whether a synchronisation has ended that began when the last change had ended."""
    changes = [index for index, event in enumerate(events) if event.kind in CHANGES and event.file == file]
    last = changes[-1] if changes else -1
    if changes and not events[last].is_end:
        return False
    for begin in events[last + 1:]:
        if begin.name in SYNCHRONISATIONS and not begin.is_end and begin.file == file:
            if any(_ends(event, begin) and event.result == 0 for event in events):
                return True
    return False
