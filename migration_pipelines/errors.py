"""The error tree. Every error is named for what to do next; a bad record is not an error but an outcome.

MigrationError
├── TransientFailure      nothing happened; another attempt could succeed
├── OutcomeUnknown        it may have happened; no layer retries it, settle finds out
└── PermanentFailure      a person must change something first
    ├── InvalidInput      a file or a command line does not say what it must
    ├── MappingError      the mapping names what an org does not have
    ├── ProofFailed       what was loaded is not what was meant, or not all of it
    └── GateClosed        something must pass, be decided or be confirmed before this
"""


class MigrationError(Exception):
    """Base of all errors that this system raises on purpose. Its text is one a person can act on."""


class TransientFailure(MigrationError):
    """Nothing was applied, and another attempt could succeed."""


class OutcomeUnknown(MigrationError):
    """A write's answer was lost: it may have been applied. Only `settle` may follow."""


class PermanentFailure(MigrationError):
    """A person must change something before another attempt makes sense."""


class InvalidInput(PermanentFailure):
    """A project file, a mapping file, a setting or an argument is wrong; the text says where and how to mend it."""


class MappingError(PermanentFailure):
    """The mapping names a field, object or value that the org does not have, or a promised field is absent."""


class ProofFailed(PermanentFailure):
    """A claim about loaded records does not hold; the text says which, and what to look at."""


class GateClosed(PermanentFailure):
    """Something must pass, be decided or be confirmed first; the text says what, and how."""


def refused_by_machine(error: OSError, what: str = "") -> PermanentFailure:
    """The error for what this machine refuses: a full disk, a folder that may not be written to.

    Args:
        what: what could not be written; the file that the error names, unless told.
    """
    what = what or str(error.filename or "a file")
    return PermanentFailure(
        f"This machine does not take {what} ({error.strerror or type(error).__name__}). Make room on its disk, or see that "
        "the folder may be written to; then run the same command again: nothing is lost."
    )
