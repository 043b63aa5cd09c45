"""Dagster: thin. Assets, checks and jobs call the stages and return counts; records live in the ledger."""

import warnings

import dagster as dg

# Partitioned asset checks work in the pinned release and are marked as a preview; said once, here, instead of per check.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
