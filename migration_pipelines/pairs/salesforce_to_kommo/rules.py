"""What the mapping files of Salesforce -> Kommo cannot say, by the name that they use."""

from __future__ import annotations

from migration_pipelines.core.rules import RuleBook
from migration_pipelines.pairs.salesforce_to_kommo.activities import ACTIVITIES
from migration_pipelines.pairs.salesforce_to_kommo.attachments import ATTACHMENTS
from migration_pipelines.pairs.salesforce_to_kommo.cards import CARDS

RULES = RuleBook(CARDS, ACTIVITIES, ATTACHMENTS)
