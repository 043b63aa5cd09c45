"""The verbs, one file each. Each asks the ledger whether what it needs has passed, does its work, and says what came of it."""

from migration_pipelines.stages.archive import archive
from migration_pipelines.stages.confirm import approve_plan, confirm_rows, vouch
from migration_pipelines.stages.consequences import consequences
from migration_pipelines.stages.discover import discover
from migration_pipelines.stages.extract import extract
from migration_pipelines.stages.gates import judge_object, judge_plan
from migration_pipelines.stages.keep_file import keep_file
from migration_pipelines.stages.load import load
from migration_pipelines.stages.new import new
from migration_pipelines.stages.partition import OpenPartition
from migration_pipelines.stages.pilot import see_pilot
from migration_pipelines.stages.plan import plan
from migration_pipelines.stages.propose import open_objects, propose
from migration_pipelines.stages.provision import provision
from migration_pipelines.stages.report import read_report, report_path, write_report
from migration_pipelines.stages.roll_back import preview, roll_back, write_admin_list
from migration_pipelines.stages.sign_in import consent_address, sign_in
from migration_pipelines.stages.status import explain, standing, status, written
from migration_pipelines.stages.transferability import transferability
from migration_pipelines.stages.verify import verify

__all__ = [
    "OpenPartition", "approve_plan", "archive", "confirm_rows", "consent_address", "consequences", "discover", "explain",
    "extract", "judge_object", "judge_plan", "keep_file", "load", "new", "open_objects", "plan", "preview", "propose",
    "provision", "read_report", "report_path", "roll_back", "see_pilot", "sign_in", "standing", "status", "transferability",
    "verify", "vouch", "write_admin_list", "write_report", "written",
]  # fmt: skip
