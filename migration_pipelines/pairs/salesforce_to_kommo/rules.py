"""What the mapping files of Salesforce -> Kommo cannot say, by the name that they use."""

from __future__ import annotations

from migration_pipelines.core.rules import RuleBook
from migration_pipelines.pairs.salesforce_to_kommo.activities import ACTIVITIES
from migration_pipelines.pairs.salesforce_to_kommo.attachments import ATTACHMENTS
from migration_pipelines.pairs.salesforce_to_kommo.cards import CARDS
from migration_pipelines.pairs.salesforce_to_kommo.custom_objects import CUSTOM_OBJECTS
from migration_pipelines.pairs.salesforce_to_kommo.emails import EMAILS
from migration_pipelines.pairs.salesforce_to_kommo.leads import LEADS
from migration_pipelines.pairs.salesforce_to_kommo.participants import PARTICIPANTS
from migration_pipelines.pairs.salesforce_to_kommo.products import PRODUCTS
from migration_pipelines.pairs.salesforce_to_kommo.ways import ways_of

RULES = RuleBook(CARDS, LEADS, ACTIVITIES, ATTACHMENTS, EMAILS, PRODUCTS, PARTICIPANTS, CUSTOM_OBJECTS)
WAYS = ways_of
